/**
 * The browser sessions of people, seen from the side of those who administer: listed and ended.
 *
 * oidc-provider reads and writes the same rows through its own adapter. The id of a session is the cookie and only
 * its hash is stored; a session is named by its `uid`, which opens nothing. Whatever ends one writes down, in the same
 * transaction, which apps are to be told.
 */
import { type Kysely, type Selectable, sql } from 'kysely'
import { denyWaiting } from './approvals.ts'
import { endDescendants } from './grant-descent.ts'
import { noticesOf } from './logout-notices.ts'
import type { Database, SessionRow } from './schema.ts'
import { lockSession } from './session-lock.ts'

export interface Session {
  readonly uid: string
  readonly accountId: string | undefined
  /** The apps that the person signed in to in this browser. */
  readonly clientIds: readonly string[]
  readonly createdAt: Date
  readonly expiresAt: Date
}

export interface Sessions {
  find(uid: string): Promise<Session | undefined>
  /** The sessions of an account that have not expired, newest first. */
  byAccount(accountId: string): Promise<readonly Session[]>
  /** False when there was none. */
  revoke(uid: string): Promise<boolean>
  /**
   * Ends every session of the account (but the one with uid `except`), the sign-ins that were not followed by a session
   * yet, and what it is asked in a chat; answers how many sessions there were.
   */
  revokeByAccount(accountId: string, except?: string): Promise<number>
}

/** The store of sessions; `now` decides what has expired. */
export function sessions(db: Kysely<Database>, now: () => Date): Sessions {
  const revoke = (uid: string): Promise<boolean> =>
    db.transaction().execute(async (trx) => {
      await lockSession(trx, uid)
      await noticesOf(sql`sessions.uid = ${uid}`, now()).execute(trx)
      await endDescendants(trx, await grantsWithin(trx, uid), now())
      const rows = await trx.deleteFrom('sessions').where('uid', '=', uid).returning('expires_at').execute()
      return rows.some(({ expires_at }) => expires_at > now())
    })
  return {
    async find(uid) {
      const row = await db
        .selectFrom('sessions')
        .selectAll()
        .where('uid', '=', uid)
        .where('expires_at', '>', now())
        .executeTakeFirst()
      return row && read(row)
    },
    async byAccount(accountId) {
      const rows = await db
        .selectFrom('sessions')
        .selectAll()
        .where('account_id', '=', accountId)
        .where('expires_at', '>', now())
        .orderBy('created_at', 'desc')
        .orderBy('uid')
        .execute()
      return rows.map(read)
    },
    revoke,
    async revokeByAccount(accountId, except) {
      await db.deleteFrom('attempts').where('account_id', '=', accountId).execute()
      await db.deleteFrom('telegram_connections').where('account_id', '=', accountId).execute()
      await db.deleteFrom('artifacts').where('account_id', '=', accountId).where('model', '=', 'Interaction').execute()
      await denyWaiting(db, accountId)
      const rows = await db
        .selectFrom('sessions')
        .select('uid')
        .distinct()
        .where('account_id', '=', accountId)
        .$if(except !== undefined, (it) => it.where('uid', '<>', except ?? ''))
        .execute()
      let ended = 0
      for (const { uid } of rows) if (await revoke(uid)) ended += 1
      return ended
    },
  }
}

/** The grants whose tokens end with the session; what such a token was exchanged for is in no session that could end. */
async function grantsWithin(trx: Kysely<Database>, uid: string): Promise<readonly string[]> {
  const { rows } = await sql<{ id: string }>`
    select distinct visit.value ->> 'grantId' as id
    from sessions cross join lateral jsonb_each(coalesce(sessions.payload -> 'authorizations', '{}')) as visit
    where sessions.uid = ${uid} and visit.value ->> 'grantId' is not null
      and not coalesce((visit.value ->> 'persistsLogout')::boolean, false)`.execute(trx)
  return rows.map(({ id }) => id)
}

function read(row: Selectable<SessionRow>): Session {
  return {
    uid: row.uid,
    accountId: row.account_id ?? undefined,
    clientIds: Object.keys((row.payload as { authorizations?: object }).authorizations ?? {}),
    createdAt: row.created_at,
    expiresAt: row.expires_at,
  }
}
