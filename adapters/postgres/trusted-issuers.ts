/** Whose assertions about people are taken for an authorization (RFC 7523 §2.1), and from which clients. Knows rows, not rules. */
import type { Kysely, Selectable } from 'kysely'
import type { Database, TrustedIssuerRow } from './schema.ts'

export interface TrustedIssuer {
  /** Its identifier, compared as it is written. */
  readonly issuer: string
  readonly jwksUri: string
  /** The provider under which the people that it names are known here. */
  readonly provider: string
  /** The clients that may bring its assertions. */
  readonly clients: readonly string[]
  readonly createdAt: Date
}

export interface TrustedIssuers {
  find(issuer: string): Promise<TrustedIssuer | undefined>
  list(): Promise<readonly TrustedIssuer[]>
  /** Adds an issuer, or replaces what was said of it. */
  trust(issuer: Omit<TrustedIssuer, 'createdAt'>): Promise<TrustedIssuer>
  /** False when it was not trusted. */
  distrust(issuer: string): Promise<boolean>
}

/** The store of trusted issuers; `now` stamps what is written. */
export function trustedIssuers(db: Kysely<Database>, now: () => Date): TrustedIssuers {
  return {
    async find(issuer) {
      const row = await db.selectFrom('trusted_issuers').selectAll().where('issuer', '=', issuer).executeTakeFirst()
      return row && read(row)
    },
    async list() {
      return (await db.selectFrom('trusted_issuers').selectAll().orderBy('issuer').execute()).map(read)
    },
    async trust({ issuer, jwksUri, provider, clients }) {
      const said = { jwks_uri: jwksUri, provider, clients: JSON.stringify(clients) }
      const row = await db
        .insertInto('trusted_issuers')
        .values({ issuer, ...said, created_at: now() })
        .onConflict((conflict) => conflict.column('issuer').doUpdateSet(said))
        .returningAll()
        .executeTakeFirstOrThrow()
      return read(row)
    },
    async distrust(issuer) {
      const row = await db
        .deleteFrom('trusted_issuers')
        .where('issuer', '=', issuer)
        .returning('issuer')
        .executeTakeFirst()
      return row !== undefined
    },
  }
}

function read(row: Selectable<TrustedIssuerRow>): TrustedIssuer {
  return {
    issuer: row.issuer,
    jwksUri: row.jwks_uri,
    provider: row.provider,
    clients: row.clients,
    createdAt: row.created_at,
  }
}
