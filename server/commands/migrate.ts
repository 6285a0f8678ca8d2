/** Commands for the shape of the database. */
import { Refusal } from '../errors.ts'
import type { Command, Context, Input } from './command.ts'
import { table, time } from './text.ts'

export const migrateCommands: readonly Command[] = [
  {
    name: 'migrate up',
    usage: '',
    summary: 'apply every migration that is missing',
    details: ['The server does the same when it starts; several may do so at once.'],
    examples: ['migrate up'],
    needsNoTables: true,
    async run({ migrations }) {
      const applied = await migrations.migrate()
      return {
        json: { applied },
        text:
          applied.length === 0 ? ['Nothing to do: every migration is applied.'] : applied.map((it) => `Applied ${it}`),
      }
    },
  },
  {
    name: 'migrate down',
    usage: '',
    summary: 'undo the newest migration; what only it could hold is lost',
    examples: ['migrate down --dry-run', 'migrate down'],
    needsNoTables: true,
    destructive: true,
    refusedInsideServer: 'A migration cannot be undone below a running server. Stop the server first.',
    run: down,
  },
  {
    name: 'migrate status',
    usage: '',
    summary: 'list the migrations and when each was applied',
    examples: ['migrate status', 'migrate status --json'],
    needsNoTables: true,
    async run({ migrations }) {
      const all = await migrations.migrations()
      return {
        json: { migrations: all.map(({ name, executedAt }) => ({ name, applied_at: executedAt ?? null })) },
        text: table(
          ['MIGRATION', 'APPLIED'],
          all.map(({ name, executedAt }) => [name, time(executedAt)]),
        ),
      }
    },
  },
]

async function down({ migrations }: Context, input: Input) {
  const newest = (await migrations.migrations()).findLast(({ executedAt }) => executedAt !== undefined)
  if (newest === undefined) throw new Refusal('not-found', 'No migration is applied.')
  if (input.flag('dry-run')) {
    return { json: { dry_run: true, reverted: newest.name }, text: [`Would undo ${newest.name}.`] }
  }
  const reverted = await migrations.migrateDown()
  return { json: { dry_run: false, reverted: reverted ?? null }, text: [`Undid ${reverted ?? 'nothing'}.`] }
}
