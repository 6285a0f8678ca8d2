/** Who writes a browser session and who ends it take turns, across nodes. */
import { type Kysely, sql } from 'kysely'
import type { Database } from './schema.ts'

/** Holds the session with this `uid` until the transaction ends. */
export async function lockSession(trx: Kysely<Database>, uid: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`session:${uid}`}, 0))`.execute(trx)
}
