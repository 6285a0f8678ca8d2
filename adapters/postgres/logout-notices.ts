/**
 * Sign-outs that apps have yet to be told of: written in the statement or transaction that ends the session, so that
 * neither a crash nor a restart loses one; taken by one node at a time.
 *
 * Knows rows. How an app is told, and how often that is tried, is decided in `server/oidc/logout-delivery.ts`.
 */
import { type Kysely, type RawBuilder, type Selectable, sql } from 'kysely'
import type { Database, LogoutNoticeRow } from './schema.ts'

/** Seconds after which a sign-in at an app is history, whether or not it heard of its end. */
const lifetime = 24 * 60 * 60

/** What an app is told. */
export interface LogoutNotice {
  /** The session as this app knows it: the `sid` of its ID tokens. */
  readonly sid: string
  readonly clientId: string
  readonly accountId: string
  /** How often it was tried, this time included. */
  readonly tries: number
  readonly expiresAt: Date
}

/** An app that does not take what it is told. */
export interface FailingReceiver {
  readonly clientId: string
  /** How many sign-outs it has yet to hear of. */
  readonly waiting: number
  readonly since: Date
  /** What went wrong the last time. */
  readonly problem: string
}

export interface LogoutNotices {
  /** Writes one down, unless it is there. */
  add(notice: Pick<LogoutNotice, 'sid' | 'clientId' | 'accountId'>): Promise<void>
  /** Apps that are to be told something now, but those in `busy`. */
  due(busy: readonly string[], limit: number): Promise<readonly string[]>
  /** One of what an app is to be told, which nobody else is given for `seconds`; what was tried least comes first. */
  take(clientId: string, seconds: number): Promise<LogoutNotice | undefined>
  /** Done with, well or not. */
  remove(sid: string): Promise<void>
  /** Tries this one again in `seconds`, and nothing else of the app before. */
  postpone(notice: LogoutNotice, problem: string, seconds: number): Promise<void>
  /** The apps at which something went wrong and still waits; of one app where it is named. */
  failing(clientId?: string): Promise<readonly FailingReceiver[]>
}

/** The store of notices; `now` decides what is due. */
export function logoutNotices(db: Kysely<Database>, now: () => Date): LogoutNotices {
  const later = (seconds: number) => new Date(now().getTime() + seconds * 1000)
  return {
    async add({ sid, clientId, accountId }) {
      const at = now()
      await db
        .insertInto('logout_notices')
        .values({
          sid,
          client_id: clientId,
          account_id: accountId,
          due_at: at,
          created_at: at,
          expires_at: later(lifetime),
        })
        .onConflict((conflict) => conflict.doNothing())
        .execute()
    },
    async due(busy, limit) {
      const { rows } = await sql<{ client_id: string }>`
        select client_id from logout_notices where due_at <= ${now()} and client_id <> all(${[...busy]}::text[])
        group by client_id order by min(due_at) limit ${limit}`.execute(db)
      return rows.map(({ client_id }) => client_id)
    },
    async take(clientId, seconds) {
      const { rows } = await sql<Selectable<LogoutNoticeRow>>`
        update logout_notices set tries = tries + 1, due_at = ${later(seconds)}
        where sid = (
          select sid from logout_notices where client_id = ${clientId} and due_at <= ${now()}
          order by tries, due_at limit 1 for update skip locked
        )
        returning *`.execute(db)
      return rows[0] && read(rows[0])
    },
    async remove(sid) {
      await db.deleteFrom('logout_notices').where('sid', '=', sid).execute()
    },
    async postpone({ sid, clientId }, problem, seconds) {
      const at = later(seconds)
      await sql`
        update logout_notices
        set due_at = case when sid = ${sid} then ${at}::timestamptz else greatest(due_at, ${at}::timestamptz) end,
          problem = case when sid = ${sid} then ${problem} else problem end
        where client_id = ${clientId}`.execute(db)
    },
    async failing(clientId) {
      const { rows } = await sql<{ client_id: string; waiting: number; since: Date; problem: string }>`
        select client_id, count(*)::integer as waiting, min(created_at) as since,
          (array_agg(problem order by tries desc) filter (where problem is not null))[1] as problem
        from logout_notices where ${clientId ?? null}::text is null or client_id = ${clientId ?? null}::text
        group by client_id having bool_or(problem is not null) order by client_id`.execute(db)
      return rows.map(({ client_id, ...row }) => ({ clientId: client_id, ...row }))
    },
  }
}

/**
 * The statement that writes down whom to tell of the end of the sessions that `which` (of `sessions`) names: to be run
 * with, or before, what ends them. Apps without an address for it are left out.
 */
export function noticesOf(which: RawBuilder<boolean>, at: Date): RawBuilder<{ sid: string }> {
  const expires = new Date(at.getTime() + lifetime * 1000)
  return sql<{ sid: string }>`
    insert into logout_notices (sid, client_id, account_id, due_at, created_at, expires_at)
    select distinct on (visit.value->>'sid') visit.value->>'sid', visit.key, sessions.account_id,
      ${at}::timestamptz, ${at}::timestamptz, ${expires}::timestamptz
    from sessions cross join lateral jsonb_each(coalesce(sessions.payload->'authorizations', '{}')) as visit
    where ${which} and sessions.account_id is not null and sessions.expires_at > ${at}
      and visit.value->>'sid' is not null
      and exists (select from clients where clients.id = visit.key and clients.metadata ? 'backchannel_logout_uri')
    on conflict do nothing
    returning sid`
}

function read(row: Selectable<LogoutNoticeRow>): LogoutNotice {
  return {
    sid: row.sid,
    clientId: row.client_id,
    accountId: row.account_id,
    tries: row.tries,
    expiresAt: row.expires_at,
  }
}
