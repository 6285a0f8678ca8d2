/**
 * The registered resource servers (RFC 8707): which URI, which scopes, which kind of access token.
 *
 * Knows rows, not rules. Each names the client that may introspect its tokens; one client may do so for several.
 */
import type { Kysely, Selectable } from 'kysely'
import type { Database, ResourceRow } from './schema.ts'

export type TokenFormat = 'opaque' | 'jwt'

/** A kind of authorization details (RFC 9396 §2), in a small part of JSON Schema; `title` is for people. */
export interface AuthorizationType {
  readonly title: string
  readonly properties: Readonly<Record<string, DetailSchema>>
  readonly required?: readonly string[]
}

export interface DetailSchema {
  readonly type: 'object' | 'array' | 'string' | 'number' | 'integer' | 'boolean'
  readonly title?: string
  readonly enum?: readonly string[]
  readonly maxLength?: number
  readonly minimum?: number
  readonly maximum?: number
  readonly maxItems?: number
  readonly items?: DetailSchema
  readonly properties?: Readonly<Record<string, DetailSchema>>
  readonly required?: readonly string[]
}

/** The sign-in that an API demands for what is sensitive (RFC 9470). */
export interface SignInLevel {
  readonly acr?: string | undefined
  /** Seconds since the sign-in, at most. */
  readonly maxAge?: number | undefined
}

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
  /** Kinds of authorization details, by type. */
  readonly authorizationTypes?: Readonly<Record<string, AuthorizationType>>
  readonly level?: SignInLevel
  readonly createdAt: Date
}

export type NewResource = Omit<Resource, 'createdAt' | 'scopeDescriptions'> &
  Partial<Pick<Resource, 'scopeDescriptions'>>

/** What is absent stays as it is. */
export type ResourceChanges = Partial<
  Pick<Resource, 'name' | 'scopes' | 'scopeDescriptions' | 'authorizationTypes' | 'level'>
>

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
          authorization_types: JSON.stringify(resource.authorizationTypes ?? {}),
          ...levelOf(resource.level ?? {}),
          created_at: now(),
        })
        .onConflict((conflict) => conflict.column('identifier').doNothing())
        .returningAll()
        .executeTakeFirst()
      return row && read(row)
    },
    async update(identifier, { name, scopes, scopeDescriptions, authorizationTypes, level }) {
      const row = await db
        .updateTable('resources')
        .set((it) => ({
          name: name ?? it.ref('name'),
          ...(scopes === undefined ? {} : { scopes: JSON.stringify(scopes) }),
          ...(scopeDescriptions === undefined ? {} : { scope_descriptions: JSON.stringify(scopeDescriptions) }),
          ...(authorizationTypes === undefined ? {} : { authorization_types: JSON.stringify(authorizationTypes) }),
          ...(level === undefined ? {} : levelOf(level)),
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

function levelOf({ acr, maxAge }: SignInLevel): { acr: string | null; max_age: number | null } {
  return { acr: acr ?? null, max_age: maxAge ?? null }
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
    authorizationTypes: row.authorization_types,
    level: { acr: row.acr ?? undefined, maxAge: row.max_age ?? undefined },
    createdAt: row.created_at,
  }
}
