/**
 * Browser sessions as oidc-provider keeps them, by the hash of the session cookie.
 *
 * The library writes a whole session at a time and gives it a new id at each sign-in step, so two tabs may write one
 * session at once, under one id or two (same `uid`). What either was granted is merged into all its rows: none is lost.
 * A session that was ended while a request worked with it stays ended: that request's write comes to nothing.
 */
import { type Kysely, sql } from 'kysely'
import { hashed } from './hashed.ts'
import type { Database } from './schema.ts'
import { lockSession } from './session-lock.ts'

type Payload = Record<string, unknown>

/** Of the id that a session gets when it was found without its cookie. */
const readOnlyPrefix = 'uid.'

export function browserSessions(db: Kysely<Database>, now: () => Date) {
  const live = () =>
    db
      .selectFrom('sessions')
      .leftJoin('accounts', 'accounts.id', 'sessions.account_id')
      .select('sessions.payload')
      .where('sessions.expires_at', '>', now())
      .where((it) =>
        it.or([
          it('sessions.account_id', 'is', null),
          it.and([it('accounts.id', 'is not', null), it('accounts.disabled_at', 'is', null)]),
        ]),
      )

  return {
    /** `expiresIn` in seconds; `begun` says that the session was stored before, so that it must be there still. */
    async save(
      id: string,
      { jti: _cookie, ...payload }: Payload,
      expiresIn: number,
      { begun }: { begun: boolean },
    ): Promise<void> {
      if (id.startsWith(readOnlyPrefix)) throw new TypeError('a session found by its uid cannot be written')
      const uid = String(payload['uid'])
      const accountId = typeof payload['accountId'] === 'string' ? payload['accountId'] : null
      const at = now()
      await db.transaction().execute(async (trx) => {
        await lockSession(trx, uid)
        const rows = await trx
          .selectFrom('sessions')
          .select(['id_hash', 'account_id', 'expires_at', 'payload'])
          .where('uid', '=', uid)
          .execute()
        if (begun && rows.length === 0) return
        const known = rows.filter((row) => row.account_id === accountId && row.expires_at > at)
        const merged: Payload = Object.assign(
          {},
          ...known.map((row) => row.payload['authorizations'] as Payload | undefined),
          payload['authorizations'] as Payload | undefined,
        )
        const complete = JSON.stringify(
          Object.keys(merged).length > 0 ? { ...payload, authorizations: merged } : payload,
        )
        const expires_at = new Date(at.getTime() + expiresIn * 1000)
        await trx
          .insertInto('sessions')
          .values({ id_hash: hashed(id), uid, account_id: accountId, payload: complete, created_at: at, expires_at })
          .onConflict((conflict) =>
            conflict.column('id_hash').doUpdateSet({ uid, account_id: accountId, payload: complete, expires_at }),
          )
          .execute()
        if (known.some((row) => row.id_hash !== hashed(id))) {
          await sql`
            update sessions set payload = jsonb_set(payload, '{authorizations}', ${JSON.stringify(merged)}::jsonb)
            where uid = ${uid} and account_id is not distinct from ${accountId} and id_hash <> ${hashed(id)}`.execute(
            trx,
          )
        }
      })
    },

    async find(id: string): Promise<Payload | undefined> {
      const row = await live().where('sessions.id_hash', '=', hashed(id)).executeTakeFirst()
      return row === undefined ? undefined : { ...row.payload, jti: id }
    },

    /** Without its cookie the session can be read, not continued: the id it gets here is no session id. */
    async findByUid(uid: string): Promise<Payload | undefined> {
      const row = await live()
        .where('sessions.uid', '=', uid)
        .orderBy('sessions.created_at', 'desc')
        .limit(1)
        .executeTakeFirst()
      return row === undefined ? undefined : { ...row.payload, jti: `${readOnlyPrefix}${uid}` }
    },

    /**
     * Ends one id of the session. The row stays until cleanup: a session without any row is one that was ended as a
     * whole (`sessions.ts`), and another tab may be about to give this one its new id.
     */
    async leave(id: string): Promise<void> {
      await db.updateTable('sessions').set({ expires_at: now() }).where('id_hash', '=', hashed(id)).execute()
    },
  }
}
