/** Proofs that may be presented once (DPoP, client assertions): insert-only, the key's conflict is the answer. */
import { CompiledQuery, type Kysely } from 'kysely'
import { hashed } from './hashed.ts'
import type { Database } from './schema.ts'

/** Seconds a proof is remembered beyond its own expiry, for clocks that disagree. */
const skew = 60

export function replays(db: Kysely<Database>, now: () => Date) {
  return {
    /** True for exactly one caller per id; `expiresIn` in seconds. */
    async claim(id: string, expiresIn: number): Promise<boolean> {
      const { rows } = await db.executeQuery(
        CompiledQuery.raw(
          'insert into replays (id_hash, expires_at) values ($1, $2) on conflict (id_hash) do nothing returning id_hash',
          [hashed(id), new Date(now().getTime() + (expiresIn + skew) * 1000)],
        ),
      )
      return rows.length === 1
    },
  }
}
