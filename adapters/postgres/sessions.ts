/**
 * The browser sessions of people, seen from the side of those who administer: listed and ended.
 *
 * oidc-provider reads and writes the same rows through its own adapter. The id of a session is the cookie and only
 * its hash is stored; a session is named by its `uid`, which opens nothing.
 */
import type { Kysely, Selectable } from 'kysely'
import type { Database, SessionRow } from './schema.ts'

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
  /** Ends every session of the account; answers how many there were. */
  revokeByAccount(accountId: string): Promise<number>
}

/** The store of sessions; `now` decides what has expired. */
export function sessions(db: Kysely<Database>, now: () => Date): Sessions {
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
    async revoke(uid) {
      const rows = await db.deleteFrom('sessions').where('uid', '=', uid).returning('uid').execute()
      return rows.length > 0
    },
    async revokeByAccount(accountId) {
      const rows = await db.deleteFrom('sessions').where('account_id', '=', accountId).returning('uid').execute()
      return rows.length
    },
  }
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
