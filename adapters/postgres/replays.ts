/** Proofs that may be presented once (DPoP, client assertions): insert-only, the key's conflict is the answer. */
import { CompiledQuery, type Kysely } from 'kysely'
import { hashed } from './hashed.ts'
import type { Database } from './schema.ts'

/** Seconds a proof is remembered beyond its own expiry, for clocks that disagree. */
const skew = 60

export function replays(db: Kysely<Database>, now: () => Date) {
  const until = (seconds: number) => new Date(now().getTime() + (seconds + skew) * 1000)
  return {
    /** True for exactly one caller per id. It is remembered for a day until `keep` says how long it has to be. */
    async claim(id: string): Promise<boolean> {
      const { rows } = await db.executeQuery(
        CompiledQuery.raw(
          'insert into replays (id_hash, expires_at) values ($1, $2) on conflict (id_hash) do nothing returning id_hash',
          [hashed(id), until(24 * 60 * 60)],
        ),
      )
      return rows.length === 1
    },

    /** `expiresIn` in seconds; at most a day, because it is the client that chooses. */
    async keep(id: string, expiresIn: number): Promise<void> {
      await db.executeQuery(
        CompiledQuery.raw('update replays set expires_at = least(expires_at, $2) where id_hash = $1', [
          hashed(id),
          until(expiresIn),
        ]),
      )
    },
  }
}
