/**
 * The registered resource servers (RFC 8707): which URI, which scopes, which kind of access token.
 *
 * Knows rows, not rules. Each names the client that may introspect its tokens; one client may do so for several.
 */
import type { Kysely, Selectable } from 'kysely'
import type { Database, ResourceRow } from './schema.ts'

export type TokenFormat = 'opaque' | 'jwt'

export interface Resource {
  /** Absolute URI (RFC 8707 §2), compared as it is written. */
  readonly identifier: string
  readonly name: string
  readonly scopes: readonly string[]
  /** What a scope allows, in words for people; by scope, for those that have any. */
  readonly scopeDescriptions: Readonly<Record<string, string>>
  readonly tokenFormat: TokenFormat
  /** Lifetime of access tokens, seconds. */
  readonly tokenTtl: number
  /** The client that may introspect tokens of this resource. */
  readonly clientId: string | undefined
  readonly createdAt: Date
}

export type NewResource = Omit<Resource, 'createdAt' | 'scopeDescriptions'> &
  Partial<Pick<Resource, 'scopeDescriptions'>>

/** What is absent stays as it is. */
export type ResourceChanges = Partial<Pick<Resource, 'name' | 'scopes' | 'scopeDescriptions'>>

export interface Resources {
  find(identifier: string): Promise<Resource | undefined>
  /** Every resource, by identifier. */
  list(): Promise<readonly Resource[]>
  /** The resources whose tokens this client may introspect. */
  byClient(clientId: string): Promise<readonly Resource[]>
  /** Answers undefined when the identifier is taken. */
  add(resource: NewResource): Promise<Resource | undefined>
  /** Answers undefined when there is no such resource. */
  update(identifier: string, changes: ResourceChanges): Promise<Resource | undefined>
  /** False when there was none. Its introspection client stays: the caller decides. */
  remove(identifier: string): Promise<boolean>
}

/** The store of resource servers; `now` stamps what is written. */
export function resources(db: Kysely<Database>, now: () => Date): Resources {
  return {
    async find(identifier) {
      const row = await db.selectFrom('resources').selectAll().where('identifier', '=', identifier).executeTakeFirst()
      return row && read(row)
    },
    async list() {
      return (await db.selectFrom('resources').selectAll().orderBy('identifier').execute()).map(read)
    },
    async byClient(clientId) {
      const rows = await db
        .selectFrom('resources')
        .selectAll()
        .where('client_id', '=', clientId)
        .orderBy('identifier')
        .execute()
      return rows.map(read)
    },
    async add(resource) {
      const row = await db
        .insertInto('resources')
        .values({
          identifier: resource.identifier,
          name: resource.name,
          scopes: JSON.stringify(resource.scopes),
          scope_descriptions: JSON.stringify(resource.scopeDescriptions ?? {}),
          token_format: resource.tokenFormat,
          token_ttl: resource.tokenTtl,
          client_id: resource.clientId ?? null,
          created_at: now(),
        })
        .onConflict((conflict) => conflict.column('identifier').doNothing())
        .returningAll()
        .executeTakeFirst()
      return row && read(row)
    },
    async update(identifier, { name, scopes, scopeDescriptions }) {
      const row = await db
        .updateTable('resources')
        .set((it) => ({
          name: name ?? it.ref('name'),
          ...(scopes === undefined ? {} : { scopes: JSON.stringify(scopes) }),
          ...(scopeDescriptions === undefined ? {} : { scope_descriptions: JSON.stringify(scopeDescriptions) }),
        }))
        .where('identifier', '=', identifier)
        .returningAll()
        .executeTakeFirst()
      return row && read(row)
    },
    async remove(identifier) {
      const row = await db
        .deleteFrom('resources')
        .where('identifier', '=', identifier)
        .returning('identifier')
        .executeTakeFirst()
      return row !== undefined
    },
  }
}

function read(row: Selectable<ResourceRow>): Resource {
  return {
    identifier: row.identifier,
    name: row.name,
    scopes: row.scopes,
    scopeDescriptions: row.scope_descriptions,
    tokenFormat: row.token_format === 'jwt' ? 'jwt' : 'opaque',
    tokenTtl: row.token_ttl,
    clientId: row.client_id ?? undefined,
    createdAt: row.created_at,
  }
}
