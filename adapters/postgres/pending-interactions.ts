/**
 * Interactions: an authorization request that waits for a person. Its id is a cookie and its content names the browser
 * session, so it is kept under the hash of the one and sealed as to the other.
 */
import type { Kysely } from 'kysely'
import type { Sealer } from '../crypto/seal.ts'
import { hashed } from './hashed.ts'
import type { Database } from './schema.ts'

type Payload = Record<string, unknown>

export function pendingInteractions(db: Kysely<Database>, sealer: Sealer, now: () => Date) {
  const context = (idHash: string): string => `interaction:${idHash}`
  return {
    /** `expiresIn` in seconds. */
    async upsert(id: string, { jti: _cookie, ...payload }: Payload, expiresIn: number): Promise<void> {
      const idHash = hashed(id)
      const at = now()
      const expires_at = new Date(at.getTime() + expiresIn * 1000)
      const sealed = JSON.stringify({ sealed: sealer.seal(JSON.stringify(payload), context(idHash)) })
      await db
        .insertInto('artifacts')
        .values({ id_hash: idHash, model: 'Interaction', payload: sealed, created_at: at, expires_at })
        .onConflict((conflict) => conflict.column('id_hash').doUpdateSet({ payload: sealed, expires_at }))
        .execute()
    },

    async find(id: string): Promise<Payload | undefined> {
      const idHash = hashed(id)
      const row = await db
        .selectFrom('artifacts')
        .select('payload')
        .where('id_hash', '=', idHash)
        .where('model', '=', 'Interaction')
        .executeTakeFirst()
      if (row === undefined) return undefined
      return { ...JSON.parse(sealer.open(row.payload['sealed'], context(idHash))), jti: id }
    },

    /** Removes the interaction; true for exactly one caller. */
    async end(id: string): Promise<boolean> {
      const result = await db
        .deleteFrom('artifacts')
        .where('id_hash', '=', hashed(id))
        .where('model', '=', 'Interaction')
        .executeTakeFirst()
      return result.numDeletedRows === 1n
    },
  }
}
