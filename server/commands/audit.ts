/** The command that shows what happened to accounts, apps and grants. */
import type { AuditEvent } from '../../adapters/postgres/audit.ts'
import { accountNamed } from './account-word.ts'
import { type Answer, type Command, type Context, type Input, UsageError } from './command.ts'
import { table, time } from './text.ts'

const usualLimit = 50
const longestLimit = 10_000

/** Milliseconds in the units in which a span may be given. */
const units: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 }

export const auditCommands: readonly Command[] = [
  {
    name: 'audit',
    usage: '[--account <id or e-mail>] [--client <id>] [--event <name>] [--since <time>] [--limit <number>]',
    summary: 'show what happened to accounts, apps and grants, newest first',
    details: [
      'An event is named whole (identity.added) or by what it begins with (identity). Events are kept for a year.',
    ],
    options: {
      account: {
        type: 'string',
        value: 'id or e-mail',
        summary: 'of this account; by its id also after it was removed',
      },
      client: { type: 'string', value: 'id', summary: 'of this app' },
      event: { type: 'string', value: 'name', summary: 'of this kind' },
      since: {
        type: 'string',
        value: 'time',
        summary: 'not before: 30m, 24h, 7d, or a time such as 2026-01-31T12:00Z',
      },
      limit: { type: 'string', value: 'number', summary: `the newest so many (default: ${usualLimit})` },
    },
    examples: ['audit --account alice@example.com', 'audit --event identity --since 7d', 'audit --client app --json'],
    run,
  },
]

async function run(context: Context, input: Input): Promise<Answer> {
  const limit = limitOf(input.text('limit'))
  const since = sinceOf(input.text('since'), context.now())
  const accountId = await accountIdOf(context, input.text('account'))
  const [clientId, event] = [input.text('client'), input.text('event')]
  // One more than is shown, to be able to say that there are more.
  const found = await context.audit.list({ accountId, clientId, event, since, limit: limit + 1 })
  const shown = found.slice(0, limit)
  const more = found.length > limit
  return {
    json: { events: shown.map(describe), more },
    text:
      shown.length === 0
        ? ['No event.']
        : table(['TIME', 'EVENT', 'ACCOUNT', 'CLIENT', 'ADDRESS', 'DETAIL'], shown.map(cells)),
    ...(more ? { notice: `There are older ones. Show more with --limit ${Math.min(limit * 10, longestLimit)}.` } : {}),
  }
}

function describe({ id, at, event, accountId, clientId, address, detail }: AuditEvent): Record<string, unknown> {
  return {
    id,
    at,
    event,
    account_id: accountId ?? null,
    client_id: clientId ?? null,
    address: address ?? null,
    detail,
  }
}

function cells({ at, event, accountId, clientId, address, detail }: AuditEvent): readonly string[] {
  const facts = Object.entries(detail).map(([name, value]) => {
    return `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`
  })
  return [time(at), event, accountId ?? '-', clientId ?? '-', address ?? '-', facts.join(' ')]
}

/** What was removed cannot be found any more, but its events stay. */
async function accountIdOf(context: Context, word: string | undefined): Promise<string | undefined> {
  return word?.includes('@') === true ? (await accountNamed(context, word)).id : word
}

function limitOf(text: string | undefined): number {
  const limit = text === undefined ? usualLimit : Number(text)
  if (Number.isInteger(limit) && limit >= 1 && limit <= longestLimit) return limit
  throw new UsageError(`--limit must be a whole number from 1 to ${longestLimit}.`)
}

function sinceOf(text: string | undefined, now: Date): Date | undefined {
  if (text === undefined) return undefined
  const [, count, unit = ''] = /^(\d{1,6})([mhd])$/.exec(text) ?? []
  const at = count === undefined ? new Date(text) : new Date(now.getTime() - Number(count) * (units[unit] ?? 0))
  // Without its form a date would be anything that the engine can read, in the time zone of the machine.
  if ((count !== undefined || /^\d{4}-\d\d-\d\d(T.*Z)?$/.test(text)) && !Number.isNaN(at.getTime())) return at
  throw new UsageError('--since must be a span such as 30m, 24h or 7d, or a time in UTC such as 2026-01-31T12:00Z.')
}
