/**
 * What a person agreed to, by account and client: remembered in every browser, apart from the grants that carry it out.
 */
import { type Kysely, sql } from 'kysely'
import type { Database } from './schema.ts'

/** Scopes and claims that were agreed to. */
export interface Consent {
  scopes: readonly string[]
  claims: readonly string[]
  /** Scopes by resource identifier (RFC 8707). */
  resources: Readonly<Record<string, readonly string[]>>
}

/**
 * An app that calls itself otherwise, answers elsewhere or has other keys since, by its own doing, may be another one: what
 * was agreed to before counts no more.
 */
const isForThisClient = sql<boolean>`not exists (
  select 1 from clients where clients.id = consents.client_id and clients.identity_changed_at >= consents.updated_at
)`

export type Consents = ReturnType<typeof consents>

export function consents(db: Kysely<Database>, now: () => Date) {
  return {
    async find(accountId: string, clientId: string): Promise<Consent | undefined> {
      const row = await db
        .selectFrom('consents')
        .select('payload')
        .where('account_id', '=', accountId)
        .where('client_id', '=', clientId)
        .where(isForThisClient)
        .executeTakeFirst()
      return row?.payload as Consent | undefined
    },

    /** Adds to what was agreed to before; two tabs that agree at once both count. */
    async add(accountId: string, clientId: string, given: Consent): Promise<void> {
      await db.transaction().execute(async (trx) => {
        const key = { account_id: accountId, client_id: clientId }
        const empty: Consent = { scopes: [], claims: [], resources: {} }
        await trx
          .insertInto('consents')
          .values({ ...key, payload: JSON.stringify(empty), updated_at: now() })
          .onConflict((conflict) => conflict.doNothing())
          .execute()
        const row = await trx
          .selectFrom('consents')
          .select(['payload', isForThisClient.as('counts')])
          .where('account_id', '=', accountId)
          .where('client_id', '=', clientId)
          .forUpdate()
          .executeTakeFirstOrThrow()
        await trx
          .updateTable('consents')
          .set({
            payload: JSON.stringify(merged(row.counts ? (row.payload as Consent) : empty, given)),
            updated_at: now(),
          })
          .where('account_id', '=', accountId)
          .where('client_id', '=', clientId)
          .execute()
      })
    },

    /** Everything that the person has agreed to; `grants.revoke` takes it back. */
    async byAccount(accountId: string): Promise<readonly (Consent & { clientId: string; updatedAt: Date })[]> {
      const rows = await db.selectFrom('consents').selectAll().where('account_id', '=', accountId).execute()
      return rows.map((row) => ({
        ...(row.payload as Consent),
        clientId: row.client_id,
        updatedAt: row.updated_at,
      }))
    },
  }
}

function merged(before: Consent, given: Consent): Consent {
  const resources: Record<string, readonly string[]> = { ...before.resources }
  for (const [resource, scopes] of Object.entries(given.resources)) {
    resources[resource] = union(resources[resource] ?? [], scopes)
  }
  return { scopes: union(before.scopes, given.scopes), claims: union(before.claims, given.claims), resources }
}

function union(left: readonly string[], right: readonly string[]): readonly string[] {
  return [...new Set([...left, ...right])]
}
