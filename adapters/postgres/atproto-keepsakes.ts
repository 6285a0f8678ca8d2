/**
 * What a sign-in at a PDS brought besides the identity, until it is known whether it becomes a link: for ten minutes.
 *
 * Taking deletes, so that one caller alone keeps it or gives it back; what nobody came for is taken by whoever tidies up,
 * who gives it back. The id is stored as a hash and the value, which holds tokens and DPoP key, sealed.
 */
import { randomBytes } from 'node:crypto'
import type { Kysely } from 'kysely'
import type { Sealer } from '../crypto/seal.ts'
import { hashed } from './hashed.ts'
import type { Database } from './schema.ts'

/** Seconds: as long as a newcomer may think about it. */
const lifetime = 600

export function atprotoKeepsakes(db: Kysely<Database>, sealer: Sealer, now: () => Date) {
  const context = (idHash: string) => `atproto-keepsake:${idHash}`
  const open = (row: { id_hash: string; sealed_session: string } | undefined) =>
    row && sealer.open(row.sealed_session, context(row.id_hash))
  return {
    /** Holds a secret for ten minutes; answers its id (256 random bits). */
    async hold(secret: string): Promise<string> {
      const id = randomBytes(32).toString('base64url')
      const idHash = hashed(id)
      await db
        .insertInto('atproto_keepsakes')
        .values({
          id_hash: idHash,
          sealed_session: sealer.seal(secret, context(idHash)),
          expires_at: new Date(now().getTime() + lifetime * 1000),
        })
        .execute()
      return id
    },

    /** Answers what was held, to exactly one caller; undefined when unknown, taken or expired. Throws `SealBroken`. */
    async take(id: string): Promise<string | undefined> {
      const row = await db
        .deleteFrom('atproto_keepsakes')
        .where('id_hash', '=', hashed(id))
        .where('expires_at', '>', now())
        .returning(['id_hash', 'sealed_session'])
        .executeTakeFirst()
      return open(row)
    },

    /** Takes one that has expired, for exactly one caller; undefined when there is none. Throws `SealBroken`. */
    async takeExpired(): Promise<string | undefined> {
      const row = await db
        .deleteFrom('atproto_keepsakes')
        .where('id_hash', '=', (query) =>
          query
            .selectFrom('atproto_keepsakes')
            .select('id_hash')
            .where('expires_at', '<=', now())
            .limit(1)
            .forUpdate()
            .skipLocked(),
        )
        .returning(['id_hash', 'sealed_session'])
        .executeTakeFirst()
      return open(row)
    },
  }
}
