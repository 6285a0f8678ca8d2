/** Commands about people and their accounts. */
import type { Account, AccountIdentity } from '../../adapters/postgres/accounts.ts'
import { pdsProvider } from '../atproto/identity.ts'
import { Refusal } from '../errors.ts'
import { accountNamed } from './account-word.ts'
import { type Answer, type Command, type Context, type Input, UsageError } from './command.ts'
import { table, time } from './text.ts'

const pageSize = 500
const maximumNameLength = 200

export const userCommands: readonly Command[] = [
  {
    name: 'user add',
    usage: '--email <address> [--name <name>] [--password-stdin]',
    summary: 'create an account that signs in with e-mail address and password',
    details: ['On a terminal the password is asked for. A script gives it on standard input with --password-stdin.'],
    options: {
      email: { type: 'string', value: 'address', summary: 'what the person signs in with' },
      name: { type: 'string', value: 'name', summary: 'name to show' },
      'password-stdin': { type: 'boolean', summary: 'read the password from standard input' },
    },
    passwordOption: 'password-stdin',
    readsInput: (input) => input.flag('password-stdin'),
    examples: [
      'user add --email alice@example.com --name "Alice"',
      'user add --email alice@example.com --password-stdin --json < password.txt',
    ],
    run: add,
  },
  {
    name: 'user list',
    usage: '',
    summary: 'list the accounts, oldest first',
    examples: ['user list', 'user list --json'],
    async run({ accounts }) {
      const all = await everyAccount(accounts)
      const rows = all.map((it) => [
        it.id,
        it.disabledAt === undefined ? 'enabled' : 'disabled',
        time(it.createdAt),
        it.email ?? '-',
        it.name ?? '-',
      ])
      return {
        json: { users: all.map(describe) },
        text: all.length === 0 ? ['No account.'] : table(['ID', 'STATE', 'CREATED', 'EMAIL', 'NAME'], rows),
      }
    },
  },
  {
    name: 'user show',
    usage: '<id or e-mail>',
    summary: 'show an account with the ways its owner signs in',
    arguments: [1, 1],
    examples: ['user show alice@example.com'],
    run: show,
  },
  {
    name: 'user disable',
    usage: '<id or e-mail>',
    summary: 'keep a person out: sessions and grants end, and no new ones begin',
    arguments: [1, 1],
    destructive: true,
    examples: ['user disable alice@example.com'],
    run: disable,
  },
  {
    name: 'user enable',
    usage: '<id or e-mail>',
    summary: 'let a disabled person sign in again',
    arguments: [1, 1],
    examples: ['user enable alice@example.com'],
    async run(context, input) {
      const account = await accountNamed(context, input.argument(0) ?? '')
      const enabled = await context.accounts.enable(account.id)
      if (enabled === undefined) throw removedMeanwhile()
      await context.audit.record({ event: 'account.enabled', accountId: account.id })
      return { json: describe(enabled), text: [`Enabled ${named(account)}.`] }
    },
  },
  {
    name: 'user remove',
    usage: '<id or e-mail>',
    summary: 'remove an account with all that belongs to it',
    arguments: [1, 1],
    destructive: true,
    examples: ['user remove alice@example.com --dry-run', 'user remove alice@example.com'],
    run: remove,
  },
  {
    name: 'user reset-totp',
    usage: '<id or e-mail>',
    summary: 'take the second factor off, for somebody who lost phone and recovery codes',
    details: ['Make sure that it is really them: afterwards the password alone opens the account.'],
    arguments: [1, 1],
    destructive: true,
    examples: ['user reset-totp alice@example.com'],
    run: resetTotp,
  },
]

function describe(account: Account): Record<string, unknown> {
  return {
    account_id: account.id,
    name: account.name ?? null,
    email: account.email ?? null,
    email_verified: account.emailVerified,
    created_at: account.createdAt,
    disabled_at: account.disabledAt ?? null,
  }
}

function named(account: Account): string {
  return account.email === undefined ? account.id : `${account.id} (${account.email})`
}

async function everyAccount(accounts: Context['accounts']): Promise<readonly Account[]> {
  const all: Account[] = []
  for (;;) {
    const page = await accounts.list({ limit: pageSize, after: all.at(-1)?.id })
    all.push(...page)
    if (page.length < pageSize) return all
  }
}

async function add(context: Context, input: Input): Promise<Answer> {
  const email = input.text('email')?.trim()
  const name = input.text('name')?.trim() || undefined
  if (email === undefined || email === '') throw new UsageError('Say whose account it is: --email <address>.')
  if ((name?.length ?? 0) > maximumNameLength) {
    throw new Refusal('invalid', `The name has more than ${maximumNameLength} characters.`)
  }
  if (!input.flag('password-stdin')) {
    throw new UsageError('No password is given and none is made up. Pipe one in with --password-stdin.')
  }
  // What `echo` adds at the end is no part of the password.
  const password = (await context.stdin()).replace(/\r?\n$/, '')
  const created = await context.passwords.create(email, password)
  if ('problem' in created) throw new Refusal('invalid', wordsFor[created.problem])
  const account = await withAccount(context, created, name)
  await context.audit.record({ event: 'account.created', accountId: account.id, detail: { by: 'administrator' } })
  return { json: describe(account), text: [`Created ${named(account)}.`] }
}

const wordsFor = {
  'invalid-email': 'This is no e-mail address. Write it as alice@example.com.',
  'email-unavailable': 'Somebody signs in with this e-mail address already. See: habitat-auth user list',
  'password-too-short': 'The password is too short: use 8 characters or more.',
  'password-too-long': 'The password is too long: use 1024 characters or fewer.',
  'password-too-common': 'The password is one of those that are tried first. Use another one.',
} as const

/** A credential without an account would keep its address taken for ever. */
async function withAccount(
  { accounts, passwords }: Context,
  { subject, email }: { subject: string; email: string },
  name: string | undefined,
): Promise<Account> {
  try {
    return await accounts.create({ name, email, identity: { provider: 'password', subject, label: email } })
  } catch (error) {
    await passwords.remove(subject)
    throw error
  }
}

async function show(context: Context, input: Input): Promise<Answer> {
  const account = await accountNamed(context, input.argument(0) ?? '')
  const [identities, sessions, grants] = await Promise.all([
    context.accounts.identitiesOf(account.id),
    context.sessions.byAccount(account.id),
    context.grants.list({ accountId: account.id }),
  ])
  const valid = grants.filter(({ revokedAt }) => revokedAt === undefined)
  const secondFactor = await hasSecondFactor(context, identities)
  const links = await Promise.all(identities.map((identity) => linkOf(context, identity)))
  return {
    json: {
      ...describe(account),
      identities: identities.map((identity, at) => ({ ...describeIdentity(identity), ...describeLink(links[at]) })),
      second_factor: secondFactor,
      sessions: sessions.length,
      grants: valid.length,
    },
    text: [
      `account_id: ${account.id}`,
      `name: ${account.name ?? '-'}`,
      `email: ${account.email ?? '-'}${account.emailVerified ? ' (verified)' : ''}`,
      `created_at: ${time(account.createdAt)}`,
      ...(account.disabledAt === undefined ? [] : [`disabled_at: ${time(account.disabledAt)}`]),
      `sessions: ${sessions.length}`,
      `grants: ${valid.length}`,
      `second factor: ${secondFactor ? 'on' : 'off'}`,
      'signs in by:',
      ...identities.map(
        (it, at) =>
          `  ${it.provider} ${labelOf(it)}, last used ${time(it.lastUsedAt)}${links[at] === undefined ? '' : `, ${linkWords(links[at])}`}`,
      ),
    ],
  }
}

type Link = NonNullable<Awaited<ReturnType<Context['linkState']>>>

async function linkOf({ linkState }: Context, { provider, subject }: AccountIdentity): Promise<Link | undefined> {
  return provider === pdsProvider ? linkState(subject) : undefined
}

/** Whoever administers has to know the permanent name, too. */
function labelOf({ provider, label, subject }: AccountIdentity): string {
  return provider === pdsProvider && label !== undefined && label !== subject
    ? `${label} (${subject})`
    : (label ?? subject)
}

function linkWords({ since, ended }: Link): string {
  return ended === undefined
    ? `PDS linked since ${time(since)}`
    : `link to the PDS ended ${time(ended.at)} (${ended.cause})`
}

function describeLink(link: Link | undefined): Record<string, unknown> {
  if (link === undefined) return {}
  return {
    pds_linked_at: link.since,
    pds_link_ended_at: link.ended?.at ?? null,
    pds_link_ended_cause: link.ended?.cause ?? null,
  }
}

function describeIdentity(identity: AccountIdentity): Record<string, unknown> {
  return {
    provider: identity.provider,
    subject: identity.subject,
    label: identity.label ?? null,
    created_at: identity.createdAt,
    last_used_at: identity.lastUsedAt ?? null,
  }
}

async function hasSecondFactor({ passwords }: Context, identities: readonly AccountIdentity[]): Promise<boolean> {
  for (const { subject } of identities.filter(({ provider }) => provider === 'password')) {
    if ((await passwords.secondFactor(subject)).status === 'on') return true
  }
  return false
}

async function disable(context: Context, input: Input): Promise<Answer> {
  const account = await accountNamed(context, input.argument(0) ?? '')
  if (input.flag('dry-run')) {
    return { json: { dry_run: true, account_id: account.id }, text: [`Would disable ${named(account)}.`] }
  }
  const disabled = await context.accounts.disable(account.id)
  if (disabled === undefined) throw removedMeanwhile()
  const sessions = await context.sessions.revokeByAccount(account.id)
  const grants = await context.grants.revoke({ accountId: account.id })
  await context.audit.record({ event: 'account.disabled', accountId: account.id })
  return {
    json: describe(disabled),
    text: [`Disabled ${named(account)}; ended ${sessions} session(s) and ${grants.length} grant(s).`],
  }
}

async function remove(context: Context, input: Input): Promise<Answer> {
  const account = await accountNamed(context, input.argument(0) ?? '')
  const [sessions, grants] = await Promise.all([
    context.sessions.byAccount(account.id),
    context.grants.list({ accountId: account.id }),
  ])
  const dryRun = input.flag('dry-run')
  if (!dryRun) {
    if (!(await context.accounts.remove(account.id))) throw removedMeanwhile()
    await context.audit.record({ event: 'account.removed', accountId: account.id })
  }
  const also = `${sessions.length} session(s) and ${grants.length} grant(s)`
  return {
    json: { dry_run: dryRun, account_id: account.id, sessions: sessions.length, grants: grants.length },
    text: [`${dryRun ? 'Would remove' : 'Removed'} ${named(account)}, ${also}.`],
  }
}

async function resetTotp(context: Context, input: Input): Promise<Answer> {
  const account = await accountNamed(context, input.argument(0) ?? '')
  const identities = await context.accounts.identitiesOf(account.id)
  const subjects = identities.filter(({ provider }) => provider === 'password').map(({ subject }) => subject)
  if (subjects.length === 0) {
    throw new Refusal('not-found', `${named(account)} has no password, so no second factor here either.`)
  }
  if (input.flag('dry-run')) {
    return {
      json: { dry_run: true, account_id: account.id },
      text: [`Would take the second factor and the recovery codes off ${named(account)}.`],
    }
  }
  for (const subject of subjects) await context.passwords.removeTotp(subject)
  await context.audit.record({ event: 'second-factor.removed', accountId: account.id, detail: { by: 'administrator' } })
  return {
    json: { dry_run: false, account_id: account.id },
    text: [`${named(account)} signs in with the password alone now.`],
  }
}

function removedMeanwhile(): Refusal {
  return new Refusal('not-found', 'The account was removed meanwhile.')
}
