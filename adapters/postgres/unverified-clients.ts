/**
 * Clients that nobody here registered by hand, among the others in their table: described by a document at the address
 * that is their id, or registered by themselves (RFC 7591).
 *
 * The row of a document is the cache that all nodes share. Neither kind ever writes over a client of another origin, and
 * what such a client is known by is compared in the statement that changes it. Knows no rules of metadata.
 */
import { type Kysely, sql } from 'kysely'
import { type Client, type ClientMetadata, clientOf } from './clients.ts'
import { hashed } from './hashed.ts'
import type { Database } from './schema.ts'

/** A client as it describes itself. */
export interface SelfDescribed {
  readonly id: string
  /** Name of an entry of `server/oidc/profiles.ts`. */
  readonly profile: string
  readonly metadata: ClientMetadata
}

export interface UnverifiedClients {
  /** Writes what was read at the address `id`; undefined when a client of another origin has that id. */
  keepDocument(client: SelfDescribed, freshUntil: Date): Promise<Client | undefined>
  /** Adds a client that registered itself; `secretHashes` as `clients.ts` has them. */
  register(client: SelfDescribed, secretHashes: readonly string[]): Promise<void>
  /** Replaces what such a client says of itself, and its secrets; undefined when there is none (any more). */
  change(client: SelfDescribed, secretHashes: readonly string[]): Promise<Client | undefined>
  /** Gives such a client the token by which it manages its registration; one before it ends. */
  setManagementToken(id: string, token: string): Promise<void>
  /** Id and time of registration of the client that this token manages. */
  managedBy(token: string): Promise<{ id: string; createdAt: Date } | undefined>
  endManagementToken(token: string): Promise<void>
  /** Has a document count no more until it is read well again: it was taken away, or cannot be used. */
  distrustDocument(id: string): Promise<void>
}

export function unverifiedClients(db: Kysely<Database>, now: () => Date): UnverifiedClients {
  return {
    async keepDocument({ id, profile, metadata }, freshUntil) {
      const at = now()
      const row = await db
        .insertInto('clients')
        .values({
          id,
          profile,
          first_party: false,
          metadata: JSON.stringify(metadata),
          secret_hashes: '[]',
          origin: 'document',
          fresh_until: freshUntil,
          created_at: at,
          updated_at: at,
        })
        .onConflict((conflict) =>
          conflict
            .column('id')
            .doUpdateSet({
              profile,
              metadata: JSON.stringify(metadata),
              fresh_until: freshUntil,
              updated_at: at,
              identity_changed_at: identityChange(metadata, at),
            })
            .where('clients.origin', '=', 'document'),
        )
        .returningAll()
        .executeTakeFirst()
      return row && clientOf(row)
    },
    async register({ id, profile, metadata }, secretHashes) {
      const at = now()
      await db
        .insertInto('clients')
        .values({
          id,
          profile,
          first_party: false,
          metadata: JSON.stringify(metadata),
          secret_hashes: JSON.stringify(secretHashes),
          origin: 'self',
          created_at: at,
          updated_at: at,
        })
        .execute()
    },
    async change({ id, profile, metadata }, secretHashes) {
      const at = now()
      const row = await db
        .updateTable('clients')
        .set({
          profile,
          metadata: JSON.stringify(metadata),
          secret_hashes: JSON.stringify(secretHashes),
          updated_at: at,
          identity_changed_at: identityChange(metadata, at),
        })
        .where('id', '=', id)
        .where('origin', '=', 'self')
        .returningAll()
        .executeTakeFirst()
      return row && clientOf(row)
    },
    async setManagementToken(id, token) {
      await db
        .updateTable('clients')
        .set({ registration_token_hash: hashed(token) })
        .where('id', '=', id)
        .where('origin', '=', 'self')
        .execute()
    },
    async managedBy(token) {
      const row = await db
        .selectFrom('clients')
        .select(['id', 'created_at'])
        .where('registration_token_hash', '=', hashed(token))
        .executeTakeFirst()
      return row && { id: row.id, createdAt: row.created_at }
    },
    async endManagementToken(token) {
      await db
        .updateTable('clients')
        .set({ registration_token_hash: null })
        .where('registration_token_hash', '=', hashed(token))
        .execute()
    },
    async distrustDocument(id) {
      await db
        .updateTable('clients')
        .set({ fresh_until: null })
        .where('id', '=', id)
        .where('origin', '=', 'document')
        .execute()
    },
  }
}

/** By what people and servers know a client; everything else may change unseen. */
const identity = ['client_name', 'redirect_uris', 'token_endpoint_auth_method', 'jwks', 'jwks_uri'] as const

/** The moment of the change where `metadata` is somebody else than the row, else that of the one before. */
function identityChange(metadata: ClientMetadata, at: Date) {
  const wanted = JSON.stringify(Object.fromEntries(identity.map((name) => [name, metadata[name] ?? null])))
  const known = sql.join(identity.map((name) => sql`${name}::text, clients.metadata -> ${name}::text`))
  return sql<Date | null>`case
    when jsonb_build_object(${known}) is distinct from ${wanted}::jsonb then ${at}::timestamptz
    else clients.identity_changed_at
  end`
}
