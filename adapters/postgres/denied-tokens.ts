/**
 * JWT access tokens that were taken back before their end: the only thing that is kept of them, and no longer than they
 * would have lasted.
 */
import type { Kysely } from 'kysely'
import { hashed } from './hashed.ts'
import type { Database } from './schema.ts'

export interface DeniedTokens {
  /** Denies the token with this `jti` until it would have ended. */
  add(id: string, until: Date): Promise<void>
  has(id: string): Promise<boolean>
}

export function deniedTokens(db: Kysely<Database>): DeniedTokens {
  return {
    async add(id, until) {
      await db
        .insertInto('denied_tokens')
        .values({ id_hash: hashed(id), expires_at: until })
        .onConflict((conflict) => conflict.doNothing())
        .execute()
    },
    async has(id) {
      const row = await db
        .selectFrom('denied_tokens')
        .select('id_hash')
        .where('id_hash', '=', hashed(id))
        .executeTakeFirst()
      return row !== undefined
    },
  }
}
