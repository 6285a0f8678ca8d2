/** Commands about the browsers in which people are signed in. */
import type { Session } from '../../adapters/postgres/sessions.ts'
import { Refusal } from '../errors.ts'
import { accountNamed } from './account-word.ts'
import { type Answer, type Command, type Context, type Input, UsageError } from './command.ts'
import { table, time } from './text.ts'

const account = { type: 'string', value: 'id or e-mail', summary: 'the sessions of this account' } as const

export const sessionCommands: readonly Command[] = [
  {
    name: 'session list',
    usage: '--account <id or e-mail>',
    summary: 'list the browsers in which a person is signed in',
    options: { account },
    examples: ['session list --account alice@example.com'],
    async run(context, input) {
      const word = input.text('account')
      if (word === undefined) throw new UsageError('Say whose: --account <id or e-mail>.')
      const all = await context.sessions.byAccount((await accountNamed(context, word)).id)
      const rows = all.map((it) => [it.uid, time(it.createdAt), time(it.expiresAt), it.clientIds.join(' ')])
      return {
        json: { sessions: all.map(describe) },
        text: all.length === 0 ? ['No session.'] : table(['UID', 'SINCE', 'UNTIL', 'CLIENTS'], rows),
      }
    },
  },
  {
    name: 'session revoke',
    usage: '<uid> | --account <id or e-mail>',
    summary: 'sign a browser out, or every browser of a person',
    details: ['Apps that were given offline access keep it: see grant revoke.'],
    arguments: [0, 1],
    options: { account },
    destructive: true,
    examples: ['session revoke 5mYbq0jZ', 'session revoke --account alice@example.com'],
    run: revoke,
  },
]

function describe(session: Session): Record<string, unknown> {
  return {
    uid: session.uid,
    account_id: session.accountId ?? null,
    client_ids: session.clientIds,
    created_at: session.createdAt,
    expires_at: session.expiresAt,
  }
}

async function revoke(context: Context, input: Input): Promise<Answer> {
  const found = await named(context, input)
  const dryRun = input.flag('dry-run')
  if (!dryRun) {
    const word = input.text('account')
    // Of a whole account at once: sign-ins that are held back end with the sessions.
    if (word !== undefined) await context.sessions.revokeByAccount((await accountNamed(context, word)).id)
    for (const { uid, accountId } of found) {
      await context.sessions.revoke(uid)
      await context.audit.record({ event: 'session.ended', accountId })
    }
  }
  return {
    json: { dry_run: dryRun, sessions: found.map(describe) },
    text: [`${dryRun ? 'Would end' : 'Ended'} ${found.length} session(s).`],
  }
}

async function named(context: Context, input: Input): Promise<readonly Session[]> {
  const [uid, word] = [input.argument(0), input.text('account')]
  if ((uid === undefined) === (word === undefined)) throw new UsageError('Name one session, or --account.')
  if (word !== undefined) return context.sessions.byAccount((await accountNamed(context, word)).id)
  const session = await context.sessions.find(uid ?? '')
  if (session === undefined) throw new Refusal('not-found', `There is no session "${uid}".`)
  return [session]
}
