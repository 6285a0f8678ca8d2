/**
 * Sign-ins that are on their way through a PDS: what our client needs again when the callback comes.
 *
 * Taking deletes, so that a callback counts once. The id is stored as a hash and the value sealed: it holds the private
 * DPoP key and the code verifier. Knows nothing of either.
 */
import type { Kysely } from 'kysely'
import type { Sealer } from '../crypto/seal.ts'
import { hashed } from './hashed.ts'
import type { Database } from './schema.ts'

/** Seconds in which the callback must come. */
const stateLifetime = 600

export function atprotoStates(db: Kysely<Database>, sealer: Sealer, now: () => Date) {
  const context = (idHash: string) => `atproto-state:${idHash}`
  return {
    /** Keeps `value` for ten minutes under an id of at least 128 random bits. */
    async set(id: string, value: string): Promise<void> {
      const idHash = hashed(id)
      await db
        .insertInto('atproto_states')
        .values({
          id_hash: idHash,
          sealed_state: sealer.seal(value, context(idHash)),
          expires_at: new Date(now().getTime() + stateLifetime * 1000),
        })
        .execute()
    },

    /** Answers what was kept, to exactly one caller; undefined when unknown, taken or expired. Throws `SealBroken`. */
    async take(id: string): Promise<string | undefined> {
      const idHash = hashed(id)
      const row = await db
        .deleteFrom('atproto_states')
        .where('id_hash', '=', idHash)
        .where('expires_at', '>', now())
        .returning('sealed_state')
        .executeTakeFirst()
      return row && sealer.open(row.sealed_state, context(idHash))
    },
  }
}
