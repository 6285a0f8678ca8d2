/**
 * The grants that stand: who let which app do what, seen from the side of those who administer.
 *
 * oidc-provider reads and writes the same rows through its own adapter. Here they are listed and ended; a revoked row
 * stays until it expires, so that whoever asks later learns that it was revoked.
 */
import { type Kysely, type RawBuilder, type Selectable, sql } from 'kysely'
import { accessEnded, isWaiting } from './approvals.ts'
import { endDescendants } from './grant-descent.ts'
import type { Database, GrantRow } from './schema.ts'

export interface Grant {
  readonly id: string
  readonly accountId: string | undefined
  readonly clientId: string
  /** OpenID scopes and the scopes of every resource. */
  readonly scopes: readonly string[]
  /** The scopes of each resource, by its identifier (RFC 8707). */
  readonly resourceScopes: Readonly<Record<string, readonly string[]>>
  readonly createdAt: Date
  readonly expiresAt: Date
  readonly revokedAt: Date | undefined
  readonly lastUsedAt: Date | undefined
}

/** A grant as far as it reaches one resource, and what its client is registered for now (RFC 7591 names). */
export interface ResourceGrant {
  readonly clientId: string
  readonly scopes: readonly string[]
  readonly registration: Readonly<Record<string, unknown>>
}

export interface GrantFilter {
  readonly id?: string | undefined
  readonly accountId?: string | undefined
  readonly clientId?: string | undefined
}

export interface Grants {
  /** The grants that match everything that is given and have not expired, newest first. */
  list(filter: GrantFilter): Promise<readonly Grant[]>
  /** The living grants of an account to clients that are enabled, as far as they reach a resource. */
  atResource(accountId: string, resource: string): Promise<readonly ResourceGrant[]>
  /**
   * Ends the matching grants with their tokens and what is being asked in a chat, and forgets the consent behind them, so
   * that the app has to ask again; by account or client also consent whose grants have ended already. Answers the grants that it ended.
   */
  revoke(filter: GrantFilter): Promise<readonly Grant[]>
  /**
   * Forgets the consent of an account to a client, and ends its grants, unless one of them has a token or a code for one:
   * a grant alone may be what nobody came to fetch.
   */
  revokeUnused(accountId: string, clientId: string): Promise<void>
  /** Records that a living grant was used; at most once in five minutes, so that a busy app costs no writes. */
  used(id: string): Promise<void>
  /** Keeps a living grant at least until then, though nothing is stored that hangs on it. */
  keep(id: string, until: Date): Promise<void>
}

/** Milliseconds. */
const useInterval = 5 * 60_000

/** The store of grants; `now` decides what has expired. An empty filter matches nothing. */
export function grants(db: Kysely<Database>, now: () => Date): Grants {
  /** What ends in one statement leaves no token that outlives its grant, and no consent that revives it. */
  async function end(which: RawBuilder<boolean>, ofApps: RawBuilder<boolean>): Promise<readonly Grant[]> {
    const at = now()
    return db.transaction().execute(async (trx) => {
      const ended = await endTogether(trx, which, ofApps, at)
      await endDescendants(
        trx,
        ended.map(({ id }) => id),
        at,
      )
      return ended
    })
  }

  async function endTogether(
    trx: Kysely<Database>,
    which: RawBuilder<boolean>,
    ofApps: RawBuilder<boolean>,
    at: Date,
  ): Promise<readonly Grant[]> {
    const rows = await trx
      .with('revoked', (it) =>
        it
          .updateTable('grants')
          .set({ revoked_at: at })
          .where(which)
          .where('revoked_at', 'is', null)
          .returningAll()
          .returning(lastToken),
      )
      .with('removed_artifacts', (it) =>
        it.deleteFrom('artifacts').where('grant_id', 'in', (select) => select.selectFrom('revoked').select('id')),
      )
      .with('removed_consents', (it) => it.deleteFrom('consents').where(ofApps))
      .with('denied_requests', (it) =>
        it
          .updateTable('artifacts')
          .set({ payload: accessEnded })
          .where(isWaiting)
          .where('id_hash', 'in', (select) =>
            select.selectFrom('approval_prompts').select('request_hash').where(ofApps),
          ),
      )
      .selectFrom('revoked')
      .selectAll()
      .orderBy('created_at', 'desc')
      .execute()
    return rows.map(read)
  }

  return {
    async list(filter) {
      if (isEmpty(filter)) return []
      const rows = await db
        .selectFrom('grants')
        .selectAll()
        .select(lastToken)
        .where(matching(filter))
        .where('expires_at', '>', now())
        .orderBy('created_at', 'desc')
        .orderBy('id')
        .execute()
      return rows.map(read)
    },
    async atResource(accountId, resource) {
      const rows = await db
        .selectFrom('grants')
        .innerJoin('clients', 'clients.id', 'grants.client_id')
        .select(['grants.client_id', 'grants.payload', 'clients.metadata'])
        .where('grants.account_id', '=', accountId)
        .where('grants.revoked_at', 'is', null)
        .where('grants.expires_at', '>', now())
        .where('clients.disabled_at', 'is', null)
        .execute()
      return rows.flatMap(({ client_id, payload, metadata }) => {
        const scopes = scopesOf(payload).resourceScopes[resource]
        return scopes === undefined ? [] : [{ clientId: client_id, scopes, registration: metadata }]
      })
    },
    async revoke(filter) {
      if (isEmpty(filter)) return []
      const of = matching(filter)
      return end(
        of,
        filter.id === undefined ? of : sql`(account_id, client_id) in (select account_id, client_id from revoked)`,
      )
    },
    async revokeUnused(accountId, clientId) {
      const used = sql`exists (
        select from grants as other join artifacts on artifacts.grant_id = other.id
        where other.account_id = ${accountId} and other.client_id = ${clientId}
          and other.revoked_at is null and artifacts.expires_at > ${now()}
      )`
      const unused = sql<boolean>`${matching({ accountId, clientId })} and not ${used}`
      await end(unused, unused)
    },
    async used(id) {
      const at = now()
      await db
        .updateTable('grants')
        .set({ last_used_at: at })
        .where('id', '=', id)
        .where('revoked_at', 'is', null)
        .where((it) =>
          it.or([it('last_used_at', 'is', null), it('last_used_at', '<', new Date(at.getTime() - useInterval))]),
        )
        .execute()
    },
    async keep(id, until) {
      await db
        .updateTable('grants')
        .set({ needed_until: until })
        .where('id', '=', id)
        .where('revoked_at', 'is', null)
        .where((it) => it.or([it('needed_until', 'is', null), it('needed_until', '<', until)]))
        .execute()
    },
  }
}

/** When the newest token of the grant was issued. JWTs leave no row, the refresh tokens that fetch them do. */
const lastToken = sql<Date | null>`(
  select max(artifacts.created_at) from artifacts
  where artifacts.grant_id = grants.id and artifacts.model in ('AccessToken', 'RefreshToken')
)`.as('last_token_at')

function isEmpty({ id, accountId, clientId }: GrantFilter): boolean {
  return id === undefined && accountId === undefined && clientId === undefined
}

function matching({ id, accountId, clientId }: GrantFilter) {
  return sql<boolean>`(${sql.join(
    [
      ...(id === undefined ? [] : [sql`id = ${id}`]),
      ...(accountId === undefined ? [] : [sql`account_id = ${accountId}`]),
      ...(clientId === undefined ? [] : [sql`client_id = ${clientId}`]),
    ],
    sql` and `,
  )})`
}

function read(row: Selectable<GrantRow> & { last_token_at: Date | null }): Grant {
  const uses = [row.last_used_at, row.last_token_at].filter((at) => at !== null)
  return {
    id: row.id,
    accountId: row.account_id ?? undefined,
    clientId: row.client_id,
    ...scopesOf(row.payload),
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    revokedAt: row.revoked_at ?? undefined,
    lastUsedAt: uses.length === 0 ? undefined : new Date(Math.max(...uses.map((at) => at.getTime()))),
  }
}

/** The payload is the library's: `{ openid: { scope }, resources: { <uri>: <scopes> } }`. */
function scopesOf(payload: Record<string, unknown>): Pick<Grant, 'scopes' | 'resourceScopes'> {
  const { openid, resources } = payload as { openid?: { scope?: string }; resources?: Record<string, string> }
  const resourceScopes = Object.fromEntries(
    Object.entries(resources ?? {}).map(([identifier, text]) => [identifier, words(text)]),
  )
  return {
    scopes: [...new Set([...words(openid?.scope), ...Object.values(resourceScopes).flat()])],
    resourceScopes,
  }
}

function words(text: unknown): readonly string[] {
  return typeof text === 'string' ? text.split(' ').filter(Boolean) : []
}
