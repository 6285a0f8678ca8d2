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
  const row = (id: string) =>
    db
      .selectFrom('artifacts')
      .select(['id_hash', 'payload', 'consumed_at'])
      .where('id_hash', '=', hashed(id))
      .where('model', '=', 'Interaction')
      .executeTakeFirst()
  const open = (found: { id_hash: string; payload: Payload }): Payload =>
    JSON.parse(sealer.open(String(found.payload['sealed']), context(found.id_hash)))

  return {
    /** `expiresIn` in seconds. */
    async upsert(id: string, { jti: _cookie, ...payload }: Payload, expiresIn: number): Promise<void> {
      const idHash = hashed(id)
      const at = now()
      const expires_at = new Date(at.getTime() + expiresIn * 1000)
      const sealed = JSON.stringify({ sealed: sealer.seal(JSON.stringify(payload), context(idHash)) })
      const account_id = signedIn(payload)
      await db
        .insertInto('artifacts')
        .values({ id_hash: idHash, model: 'Interaction', account_id, payload: sealed, created_at: at, expires_at })
        .onConflict((conflict) => conflict.column('id_hash').doUpdateSet({ account_id, payload: sealed, expires_at }))
        .execute()
    },

    async find(id: string): Promise<Payload | undefined> {
      const found = await row(id)
      return found === undefined || found.consumed_at !== null ? undefined : { ...open(found), jti: id }
    },

    /** Ends the interaction; true for exactly one caller. */
    async end(id: string): Promise<boolean> {
      const result = await db
        .updateTable('artifacts')
        .set({ consumed_at: now() })
        .where('id_hash', '=', hashed(id))
        .where('model', '=', 'Interaction')
        .where('consumed_at', 'is', null)
        .executeTakeFirst()
      return result.numUpdatedRows === 1n
    },

    /** The device code that an open interaction is about; undefined where it is about none. */
    async deviceOf(id: string): Promise<string | undefined> {
      const found = await row(id)
      const device = found === undefined || found.consumed_at !== null ? undefined : open(found)['deviceCode']
      return typeof device === 'string' ? device : undefined
    },

    /** The request that an interaction was for, also after its end: with it a lost sign-in can begin again. */
    async requestOf(id: string): Promise<Payload | undefined> {
      const found = await row(id)
      return found === undefined ? undefined : (open(found)['params'] as Payload | undefined)
    },
  }
}

/** Who has signed in here and whose browser has not come back with it yet: ending their sessions ends this too. */
function signedIn({ result }: Payload): string | null {
  const { login } = (result ?? {}) as { login?: { accountId?: unknown } }
  return typeof login?.accountId === 'string' ? login.accountId : null
}
