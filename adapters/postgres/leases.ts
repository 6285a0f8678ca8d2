/**
 * Work that one node does for as long as it likes, while the others wait for their chance: a row that its holder renews.
 *
 * No lock of the database: that would keep a connection, and a transaction, open all the time.
 */
import { randomUUID } from 'node:crypto'
import { type Kysely, sql } from 'kysely'
import type { Database } from './schema.ts'

export interface Lease {
  /** Takes it, or keeps it for `seconds` more; false while somebody else has it. */
  hold(seconds: number): Promise<boolean>
  /** Lets it go, if it is ours. */
  release(): Promise<void>
}

/** Each call stands for another holder. */
export function lease(db: Kysely<Database>, now: () => Date, name: string): Lease {
  const holder = randomUUID()
  return {
    async hold(seconds) {
      const at = now()
      const expires = new Date(at.getTime() + seconds * 1000)
      const { rows } = await sql`
        insert into leases (name, holder, expires_at) values (${name}, ${holder}, ${expires})
        on conflict (name) do update set holder = ${holder}, expires_at = ${expires}
        where leases.holder = ${holder} or leases.expires_at <= ${at}
        returning name`.execute(db)
      return rows.length > 0
    },
    async release() {
      await db.deleteFrom('leases').where('name', '=', name).where('holder', '=', holder).execute()
    },
  }
}
