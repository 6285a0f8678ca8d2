/** Tokens that are exchanged, and assertions of other issuers: who may, and which grant a grant comes from. */
import type { Kysely } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('exchange_policies')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('client_id', 'text', (column) => column.notNull().references('clients.id').onDelete('cascade'))
    .addColumn('source', 'text', (column) => column.notNull())
    .addColumn('target', 'text', (column) => column.notNull())
    .addColumn('kind', 'text', (column) => column.notNull())
    .addColumn('scopes', 'jsonb', (column) => column.notNull())
    .addColumn('resources', 'jsonb', (column) => column.notNull())
    .addColumn('impersonate', 'boolean', (column) => column.notNull().defaultTo(false))
    .addColumn('may_act', 'text')
    .addColumn('client_there', 'text')
    .addColumn('created_at', 'timestamptz', (column) => column.notNull())
    .addUniqueConstraint('exchange_policies_pair', ['client_id', 'source', 'target', 'kind'])
    .execute()

  await db.schema
    .createTable('trusted_issuers')
    .addColumn('issuer', 'text', (column) => column.primaryKey())
    .addColumn('jwks_uri', 'text', (column) => column.notNull())
    .addColumn('provider', 'text', (column) => column.notNull())
    .addColumn('clients', 'jsonb', (column) => column.notNull())
    .addColumn('created_at', 'timestamptz', (column) => column.notNull())
    .execute()

  await db.schema
    .alterTable('grants')
    .addColumn('parent_id', 'text', (column) => column.references('grants.id').onDelete('cascade'))
    .execute()
  await db.schema.createIndex('grants_parent_id').on('grants').column('parent_id').execute()
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable('grants').dropColumn('parent_id').execute()
  await db.schema.dropTable('trusted_issuers').execute()
  await db.schema.dropTable('exchange_policies').execute()
}
