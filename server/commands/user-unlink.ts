/** Taking a way to sign in from an account, for somebody who cannot do it on the account page. */
import type { Account } from '../../adapters/postgres/accounts.ts'
import { pdsProvider } from '../atproto/identity.ts'
import { Refusal } from '../errors.ts'
import { telegramIdentity } from '../telegram/identity.ts'
import { accountNamed } from './account-word.ts'
import type { Answer, Command, Context, Input } from './command.ts'

export const userUnlink: Command = {
  name: 'user unlink',
  usage: '<id or e-mail> <provider> <subject>',
  summary: 'take a way to sign in from an account; sessions end',
  details: [
    'Provider and subject stand in user show. With a password go its second factor and its recovery codes, with an atproto identity the link to the PDS.',
    'The last way in is kept, because nobody could sign in to the account any more. --force takes it, too.',
  ],
  arguments: [3, 3],
  options: { force: { type: 'boolean', summary: 'take the last way to sign in, too' } },
  destructive: true,
  examples: [
    'user unlink alice@example.com atproto did:plc:2sl5rm4tk3…',
    'user unlink usr_kJ0… password pwd_8dR… --force',
  ],
  run: unlink,
}

async function unlink(context: Context, input: Input): Promise<Answer> {
  const account = await accountNamed(context, input.argument(0) ?? '')
  const provider = input.argument(1) ?? ''
  const subject = input.argument(2) ?? ''
  const force = input.flag('force')
  const { config } = context
  const offered = [
    'password',
    pdsProvider,
    ...(config.google === undefined ? [] : ['google']),
    ...(config.telegram === undefined ? [] : [telegramIdentity]),
    ...config.oidcProviders.map(({ questions }) => questions.id),
  ]
  const identities = await context.accounts.identitiesOf(account.id)
  if (!identities.some((one) => one.provider === provider && one.subject === subject)) throw unknown(account)
  const isLast = !identities.some(
    (one) => offered.includes(one.provider) && (one.provider !== provider || one.subject !== subject),
  )
  if (isLast && !force) throw last(account)
  const answer = { dry_run: input.flag('dry-run'), account_id: account.id, provider, subject, last: isLast }
  if (answer.dry_run) return { json: answer, text: [`Would take ${provider} ${subject} from ${account.id}.`] }
  const outcome = await context.identities.remove(account.id, { provider, subject, offered, force })
  if (outcome === 'unknown') throw unknown(account)
  if (outcome === 'last') throw last(account)
  const sessions = await context.sessions.revokeByAccount(account.id)
  const detail = { provider, by: 'administrator' }
  await context.audit.record({ event: 'identity.removed', accountId: account.id, detail })
  return { json: answer, text: [`Took ${provider} ${subject} from ${account.id}; ended ${sessions} session(s).`] }
}

function unknown({ id }: Account): Refusal {
  return new Refusal('not-found', `${id} has no such way to sign in. See: habitat-auth user show ${id} --json`)
}

function last({ id }: Account): Refusal {
  return new Refusal('invalid', `It is the last way in to ${id}, so it is kept. Take it nevertheless with --force.`)
}
