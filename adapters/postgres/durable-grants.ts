/**
 * Grants as oidc-provider keeps them: what a person gave to a client in one browser session. The grant is the token
 * family: revoking is one row, checked by every read and every write of its tokens.
 */
import { CompiledQuery, type Kysely } from 'kysely'
import { endDescendants } from './grant-descent.ts'
import type { Database } from './schema.ts'

type Payload = Record<string, unknown>

export function durableGrants(db: Kysely<Database>, now: () => Date) {
  return {
    /** Creates the grant or widens it; false for a revoked one, which stays as it is. `expiresIn` in seconds. */
    async save(id: string, { jti: _id, ...payload }: Payload, expiresIn: number): Promise<boolean> {
      const at = now()
      const { numAffectedRows } = await db.executeQuery(
        CompiledQuery.raw(
          `insert into grants (id, account_id, client_id, payload, created_at, expires_at)
           values ($1, $2, $3, $4::jsonb, $5, $6)
           on conflict (id) do update set payload = excluded.payload, expires_at = excluded.expires_at
           where grants.revoked_at is null`,
          [
            id,
            payload['accountId'] ?? null,
            payload['clientId'],
            JSON.stringify(payload),
            at,
            new Date(at.getTime() + expiresIn * 1000),
          ],
        ),
      )
      return numAffectedRows === 1n
    },

    async find(id: string): Promise<Payload | undefined> {
      const { rows } = await db.executeQuery<{ payload: Payload }>(
        CompiledQuery.raw('select payload from grants where id = $1 and revoked_at is null', [id]),
      )
      return rows[0] === undefined ? undefined : { ...rows[0].payload, jti: id }
    },

    /**
     * Ends the grant, with it every code and token that hangs on it, and what was exchanged for them; true for the one
     * caller who ended it.
     */
    async revoke(id: string): Promise<boolean> {
      const at = now()
      return db.transaction().execute(async (trx) => {
        const { numUpdatedRows } = await trx
          .updateTable('grants')
          .set({ revoked_at: at })
          .where('id', '=', id)
          .where('revoked_at', 'is', null)
          .executeTakeFirst()
        await endDescendants(trx, [id], at)
        return numUpdatedRows === 1n
      })
    },
  }
}
