/**
 * The registered clients: their metadata, the profile they follow and the hashes of their secrets.
 *
 * Knows rows, not rules: `server/oidc/client-metadata.ts` decides what may be written, and
 * `server/oidc/client-secrets.ts` what a secret is; here only hashes arrive.
 */
import { type Kysely, type Selectable, sql } from 'kysely'
import type { ClientRow, Database } from './schema.ts'

/** OAuth client metadata by RFC 7591 §2 names, without `client_id` and without any secret. */
export type ClientMetadata = Readonly<Record<string, unknown>>

/** Who brought a client here: an administrator, the client it`self`, or whoever wrote the `document` at the address that is its id. */
export type ClientOrigin = 'registered' | 'self' | 'document'

export interface Client {
  readonly id: string
  /** Name of an entry of `server/oidc/profiles.ts`. */
  readonly profile: string
  readonly firstParty: boolean
  readonly metadata: ClientMetadata
  /** `sha256:<base64url>` of each valid secret, newest first, two at most; empty for public clients. */
  readonly secretHashes: readonly string[]
  readonly disabledAt: Date | undefined
  readonly origin: ClientOrigin
  /** Of a `document`: until then it is not read again. */
  readonly freshUntil: Date | undefined
  readonly createdAt: Date
  readonly updatedAt: Date
}

export interface NewClient {
  readonly id: string
  readonly profile: string
  readonly firstParty: boolean
  readonly metadata: ClientMetadata
  readonly secretHashes: readonly string[]
  readonly disabledAt?: Date | undefined
}

export interface Clients {
  /** The client, disabled or not. */
  find(id: string): Promise<Client | undefined>
  /** Every client, oldest first. */
  list(): Promise<readonly Client[]>
  /** The scopes of resources that any enabled client may ask for, each once. */
  resourceScopes(): Promise<readonly string[]>
  /** Answers undefined when the id is taken. */
  add(client: NewClient): Promise<Client | undefined>
  /** Replaces the metadata; undefined when there is no such client. */
  update(
    id: string,
    metadata: ClientMetadata,
    also?: { readonly firstParty?: boolean | undefined; readonly secretHashes?: readonly string[] },
  ): Promise<Client | undefined>
  /** Replaces everything but the time of creation (an import); undefined when there is no such client. */
  replace(client: NewClient): Promise<Client | undefined>
  /** Replaces the hashes of the secrets, newest first. */
  setSecretHashes(id: string, hashes: readonly string[]): Promise<Client | undefined>
  /** Puts a new hash in front; the one before it stays valid unless `revokeOld`. Safe when two rotate at once. */
  rotateSecret(id: string, hash: string, options?: { revokeOld?: boolean }): Promise<Client | undefined>
  /** Keeps the time of the first call; undefined when there is no such client. */
  disable(id: string): Promise<Client | undefined>
  enable(id: string): Promise<Client | undefined>
  /** Removes the client with its grants, consents and tokens; false when there was none. */
  remove(id: string): Promise<boolean>
}

/** The store of clients; `now` stamps what is written. */
export function clients(db: Kysely<Database>, now: () => Date): Clients {
  const change = async (id: string, values: Parameters<typeof writable>[0]): Promise<Client | undefined> => {
    const row = await db
      .updateTable('clients')
      .set({ ...writable(values), updated_at: now() })
      .where('id', '=', id)
      .returningAll()
      .executeTakeFirst()
    return row && clientOf(row)
  }
  return {
    async find(id) {
      const row = await db.selectFrom('clients').selectAll().where('id', '=', id).executeTakeFirst()
      return row && clientOf(row)
    },
    async list() {
      const rows = await db.selectFrom('clients').selectAll().orderBy('created_at').orderBy('id').execute()
      return rows.map(clientOf)
    },
    async resourceScopes() {
      const rows = await db
        .selectFrom('clients')
        .select(sql<string>`metadata ->> 'resource_scopes'`.as('scopes'))
        .distinct()
        .where('disabled_at', 'is', null)
        .where(sql<boolean>`metadata ->> 'resource_scopes' is not null`)
        .execute()
      return [...new Set(rows.flatMap(({ scopes }) => scopes.split(/\s+/).filter(Boolean)))]
    },
    async add(client) {
      const at = now()
      const row = await db
        .insertInto('clients')
        .values({
          id: client.id,
          profile: client.profile,
          first_party: client.firstParty,
          metadata: JSON.stringify(client.metadata),
          secret_hashes: JSON.stringify(client.secretHashes),
          disabled_at: client.disabledAt ?? null,
          created_at: at,
          updated_at: at,
        })
        .onConflict((conflict) => conflict.column('id').doNothing())
        .returningAll()
        .executeTakeFirst()
      return row && clientOf(row)
    },
    update: (id, metadata, also = {}) => change(id, { metadata, ...also }),
    replace: ({ id, disabledAt, ...rest }) => change(id, { ...rest, disabledAt: disabledAt ?? null }),
    setSecretHashes: (id, secretHashes) => change(id, { secretHashes }),
    async rotateSecret(id, hash, options = {}) {
      const previous = options.revokeOld
        ? sql<string>`'[]'::jsonb`
        : sql<string>`jsonb_path_query_array(secret_hashes, '$[0]')`
      const row = await db
        .updateTable('clients')
        .set({ secret_hashes: sql`jsonb_build_array(${hash}::text) || ${previous}`, updated_at: now() })
        .where('id', '=', id)
        .returningAll()
        .executeTakeFirst()
      return row && clientOf(row)
    },
    async disable(id) {
      const at = now()
      const row = await db
        .updateTable('clients')
        .set({ disabled_at: sql`coalesce(disabled_at, ${at}::timestamptz)`, updated_at: at })
        .where('id', '=', id)
        .returningAll()
        .executeTakeFirst()
      return row && clientOf(row)
    },
    enable: (id) => change(id, { disabledAt: null }),
    async remove(id) {
      // One statement: a client of the same id that is registered later must inherit nothing.
      const row = await db
        .with('removed_artifacts', (it) => it.deleteFrom('artifacts').where('client_id', '=', id))
        .with('removed_grants', (it) => it.deleteFrom('grants').where('client_id', '=', id))
        .with('removed_consents', (it) => it.deleteFrom('consents').where('client_id', '=', id))
        .deleteFrom('clients')
        .where('id', '=', id)
        .returning('id')
        .executeTakeFirst()
      return row !== undefined
    },
  }
}

function writable(values: {
  metadata?: ClientMetadata
  profile?: string
  firstParty?: boolean | undefined
  secretHashes?: readonly string[]
  disabledAt?: Date | null
}) {
  return {
    ...(values.metadata === undefined ? {} : { metadata: JSON.stringify(values.metadata) }),
    ...(values.profile === undefined ? {} : { profile: values.profile }),
    ...(values.firstParty === undefined ? {} : { first_party: values.firstParty }),
    ...(values.secretHashes === undefined ? {} : { secret_hashes: JSON.stringify(values.secretHashes) }),
    ...(values.disabledAt === undefined ? {} : { disabled_at: values.disabledAt }),
  }
}

/** The client of a row. */
export function clientOf(row: Selectable<ClientRow>): Client {
  return {
    id: row.id,
    profile: row.profile,
    firstParty: row.first_party,
    metadata: row.metadata,
    secretHashes: row.secret_hashes,
    disabledAt: row.disabled_at ?? undefined,
    origin: row.origin,
    freshUntil: row.fresh_until ?? undefined,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }
}
