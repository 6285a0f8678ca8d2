/**
 * Grants that come from other grants: what was exchanged ends with what it was exchanged for, however long the chain is.
 *
 * A child is adopted while its parent is locked and alive, and the children are looked for after the parent has ended:
 * whoever adopts at that moment is either seen or refused.
 */
import { type Kysely, sql } from 'kysely'
import type { Database } from './schema.ts'

export interface GrantDescent {
  /** Ties a grant to the one it comes from; false when that has ended. */
  adopt(childId: string, parentId: string): Promise<boolean>
  /**
   * The living grant that an app has of a person, the newest of several; in one browser session where `sid` names it. It lives
   * in a browser session, or by a refresh token that outlives that.
   */
  newest(of: { accountId: string; clientId: string; sid?: string | undefined }): Promise<string | undefined>
}

/** The store of where grants come from; `now` decides what has expired. */
export function grantDescent(db: Kysely<Database>, now: () => Date): GrantDescent {
  return {
    async adopt(childId, parentId) {
      const { numAffectedRows } = await sql`
        with parent as (select id from grants where id = ${parentId} and revoked_at is null for share)
        update grants set parent_id = parent.id from parent where grants.id = ${childId}`.execute(db)
      return numAffectedRows === 1n
    },
    async newest({ accountId, clientId, sid }) {
      const named = sql<string>`(
        select payload -> 'authorizations' -> ${clientId}::text ->> 'grantId' from sessions
        where account_id = ${accountId} and expires_at > ${now()}
          and payload -> 'authorizations' -> ${clientId}::text ->> 'sid' = ${sid ?? ''} limit 1
      )`
      const used = sql<boolean>`(
        exists (
          select from sessions where account_id = ${accountId} and expires_at > ${now()}
            and payload -> 'authorizations' -> ${clientId}::text ->> 'grantId' = grants.id
        ) or exists (
          select from artifacts where grant_id = grants.id and model = 'RefreshToken' and expires_at > ${now()}
            and not coalesce((payload ->> 'expiresWithSession')::boolean, false)
        )
      )`
      const row = await db
        .selectFrom('grants')
        .select('id')
        .where(used)
        .where('account_id', '=', accountId)
        .where('client_id', '=', clientId)
        .where('revoked_at', 'is', null)
        .where('expires_at', '>', now())
        .where('parent_id', 'is', null)
        .$if(sid !== undefined, (it) => it.where('id', '=', named))
        .orderBy('created_at', 'desc')
        .limit(1)
        .executeTakeFirst()
      return row?.id
    },
  }
}

/** Ends everything that comes from grants that have ended. Meant for the transaction that ended them. */
export async function endDescendants(db: Kysely<Database>, ids: readonly string[], at: Date): Promise<void> {
  if (ids.length === 0) return
  for (;;) {
    const { numAffectedRows } = await sql`
      with recursive descent as (
        select id from grants where parent_id = any(${ids}::text[])
        union select child.id from grants child join descent on child.parent_id = descent.id
      )
      update grants set revoked_at = ${at} where id in (select id from descent) and revoked_at is null`.execute(db)
    if (numAffectedRows === 0n) return
  }
}
