/** Commands about what people have allowed apps to do. */
import type { Grant, GrantFilter } from '../../adapters/postgres/grants.ts'
import { Refusal } from '../errors.ts'
import { accountNamed } from './account-word.ts'
import { type Answer, type Command, type Context, type Input, UsageError } from './command.ts'
import { table, time } from './text.ts'

const filters = {
  account: { type: 'string', value: 'id or e-mail', summary: 'the grants of this account' },
  client: { type: 'string', value: 'id', summary: 'the grants to this app' },
} as const

export const grantCommands: readonly Command[] = [
  {
    name: 'grant list',
    usage: '[--account <id or e-mail>] [--client <id>]',
    summary: 'list what a person has allowed, or what an app was allowed',
    options: filters,
    examples: ['grant list --account alice@example.com', 'grant list --client 3f9c2a61d07be4185c02 --json'],
    async run(context, input) {
      const all = await context.grants.list(await filter(context, input))
      const rows = all.map((it) => [
        it.id,
        it.accountId ?? '-',
        it.clientId,
        it.revokedAt === undefined ? 'valid' : 'revoked',
        time(it.lastUsedAt ?? it.createdAt),
        it.scopes.join(' '),
      ])
      return {
        json: { grants: all.map(describe) },
        text:
          all.length === 0 ? ['No grant.'] : table(['ID', 'ACCOUNT', 'CLIENT', 'STATE', 'LAST USED', 'SCOPES'], rows),
      }
    },
  },
  {
    name: 'grant revoke',
    usage: '<id> | [--account <id or e-mail>] [--client <id>]',
    summary: 'take back what was allowed: its tokens end and the app has to ask again',
    details: ['Access tokens in JWT format stay valid at their API until they expire.'],
    arguments: [0, 1],
    options: filters,
    destructive: true,
    examples: [
      'grant revoke Xk2bIvQ7 --dry-run',
      'grant revoke --account alice@example.com --client 3f9c2a61d07be4185c02',
    ],
    run: revoke,
  },
]

function describe(grant: Grant): Record<string, unknown> {
  return {
    id: grant.id,
    account_id: grant.accountId ?? null,
    client_id: grant.clientId,
    scopes: grant.scopes,
    created_at: grant.createdAt,
    expires_at: grant.expiresAt,
    last_used_at: grant.lastUsedAt ?? null,
    revoked_at: grant.revokedAt ?? null,
  }
}

async function revoke(context: Context, input: Input): Promise<Answer> {
  const id = input.argument(0)
  const wanted = id === undefined ? await filter(context, input) : { id }
  if (id !== undefined && (input.text('account') ?? input.text('client')) !== undefined) {
    throw new UsageError('Name one grant, or --account and --client.')
  }
  const known = await context.grants.list(wanted)
  if (id !== undefined && known.length === 0) throw new Refusal('not-found', `There is no grant "${id}".`)
  if (input.flag('dry-run')) {
    const valid = known.filter(({ revokedAt }) => revokedAt === undefined)
    return { json: { dry_run: true, grants: valid.map(describe) }, text: [`Would revoke ${valid.length} grant(s).`] }
  }
  const revoked = await context.grants.revoke(wanted)
  for (const { accountId, clientId, id: grantId } of revoked) {
    await context.audit.record({ event: 'grant.revoked', accountId, clientId, detail: { grantId } })
  }
  const already = known.length > 0 && revoked.length === 0 ? ['Every one of them was revoked before.'] : []
  return {
    json: { dry_run: false, grants: revoked.map(describe) },
    text: [`Revoked ${revoked.length} grant(s).`, ...already],
  }
}

async function filter(context: Context, input: Input): Promise<GrantFilter> {
  const [word, clientId] = [input.text('account'), input.text('client')]
  if (word === undefined && clientId === undefined) throw new UsageError('Say whose: --account, --client or both.')
  const accountId = word === undefined ? undefined : (await accountNamed(context, word)).id
  return { accountId, clientId }
}
