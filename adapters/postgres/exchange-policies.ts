/**
 * Which client may exchange whose tokens for what (RFC 8693). What no row allows is not done.
 *
 * Knows rows, not rules: `server/oidc/policy-exchange.ts` judges requests by them.
 */
import { randomBytes } from 'node:crypto'
import type { Kysely, Selectable } from 'kysely'
import type { Database, ExchangePolicyRow } from './schema.ts'

/** What comes out: an access token of ours, or an assertion for another authorization server (ID-JAG). */
export type ExchangeKind = 'access-token' | 'id-jag'

export interface ExchangePolicy {
  readonly id: string
  /** Who asks. */
  readonly clientId: string
  /** Whose tokens: the client they were issued to, or the API they are for. */
  readonly source: string
  /** The API that the new token is for; the issuer of the other authorization server. */
  readonly target: string
  readonly kind: ExchangeKind
  readonly scopes: readonly string[]
  /** The APIs of the other authorization server that may be named. */
  readonly resources: readonly string[]
  /** The new token does not say who acts. */
  readonly impersonate: boolean
  /** The only client that may act with the new token in turn (RFC 8693 §4.4). */
  readonly mayAct: string | undefined
  /** The client's id at the other authorization server. */
  readonly clientThere: string | undefined
  readonly createdAt: Date
}

export interface ExchangePolicies {
  /** What a client may exchange for a target, oldest first. */
  find(clientId: string, target: string, kind: ExchangeKind): Promise<readonly ExchangePolicy[]>
  /** Every policy, or those of one client. */
  list(clientId?: string): Promise<readonly ExchangePolicy[]>
  /** Adds a policy, or replaces the one for the same client, source, target and kind. */
  allow(policy: Omit<ExchangePolicy, 'id' | 'createdAt'>): Promise<ExchangePolicy>
  /** Answers what was withdrawn. */
  deny(id: string): Promise<ExchangePolicy | undefined>
}

/** The store of policies; `now` stamps what is written. */
export function exchangePolicies(db: Kysely<Database>, now: () => Date): ExchangePolicies {
  return {
    async find(clientId, target, kind) {
      const rows = await db
        .selectFrom('exchange_policies')
        .selectAll()
        .where('client_id', '=', clientId)
        .where('target', '=', target)
        .where('kind', '=', kind)
        .orderBy('created_at')
        .orderBy('id')
        .execute()
      return rows.map(read)
    },
    async list(clientId) {
      const rows = await db
        .selectFrom('exchange_policies')
        .selectAll()
        .$if(clientId !== undefined, (it) => it.where('client_id', '=', clientId ?? ''))
        .orderBy('client_id')
        .orderBy('created_at')
        .orderBy('id')
        .execute()
      return rows.map(read)
    },
    async allow(policy) {
      const rights = {
        scopes: JSON.stringify(policy.scopes),
        resources: JSON.stringify(policy.resources),
        impersonate: policy.impersonate,
        may_act: policy.mayAct ?? null,
        client_there: policy.clientThere ?? null,
      }
      const row = await db
        .insertInto('exchange_policies')
        .values({
          id: randomBytes(6).toString('hex'),
          client_id: policy.clientId,
          source: policy.source,
          target: policy.target,
          kind: policy.kind,
          ...rights,
          created_at: now(),
        })
        .onConflict((conflict) => conflict.constraint('exchange_policies_pair').doUpdateSet(rights))
        .returningAll()
        .executeTakeFirstOrThrow()
      return read(row)
    },
    async deny(id) {
      const row = await db.deleteFrom('exchange_policies').where('id', '=', id).returningAll().executeTakeFirst()
      return row && read(row)
    },
  }
}

function read(row: Selectable<ExchangePolicyRow>): ExchangePolicy {
  return {
    id: row.id,
    clientId: row.client_id,
    source: row.source,
    target: row.target,
    kind: row.kind as ExchangeKind,
    scopes: row.scopes,
    resources: row.resources,
    impersonate: row.impersonate,
    mayAct: row.may_act ?? undefined,
    clientThere: row.client_there ?? undefined,
    createdAt: row.created_at,
  }
}
