/** What can be learnt of the database without changing it, for `habitat-auth doctor`. */
import { type Kysely, sql } from 'kysely'
import type { Database } from './schema.ts'

/** The time by the database's clock. Throws when it does not answer. */
export async function databaseTime(db: Kysely<Database>): Promise<Date> {
  const { rows } = await sql<{ now: Date }>`select clock_timestamp() as now`.execute(db)
  const [row] = rows
  if (row === undefined) throw new Error('the database told no time')
  return new Date(row.now)
}

/** Which of the keys that are in use `open` can open; it throws for those that it cannot. */
export async function keysThatOpen(
  db: Kysely<Database>,
  open: (sealed: string, context: string) => string,
): Promise<readonly { kid: string; opens: boolean }[]> {
  const rows = await db
    .selectFrom('signing_keys')
    .select(['kid', 'sealed_jwk'])
    .where('retired_at', 'is', null)
    .orderBy('kid')
    .execute()
  return rows.map(({ kid, sealed_jwk }) => ({ kid, opens: doesOpen(() => open(sealed_jwk, `signing-key:${kid}`)) }))
}

function doesOpen(attempt: () => string): boolean {
  try {
    attempt()
    return true
  } catch {
    return false
  }
}
