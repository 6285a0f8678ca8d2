/** Clients that nobody here registered by hand: those that register themselves, and those that a document describes. */
import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .alterTable('clients')
    .addColumn('origin', 'text', (column) => column.notNull().defaultTo('registered'))
    .addColumn('identity_changed_at', 'timestamptz')
    .addColumn('fresh_until', 'timestamptz')
    .addColumn('registration_token_hash', 'text', (column) => column.unique())
    .execute()
  await sql`create index clients_unverified on clients (updated_at) where origin <> 'registered'`.execute(db)
  await db.schema
    .createTable('registration_tokens')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('token_hash', 'text', (column) => column.notNull().unique())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('profile', 'text')
    .addColumn('uses_left', 'integer', (column) => column.notNull())
    .addColumn('created_at', 'timestamptz', (column) => column.notNull())
    .addColumn('expires_at', 'timestamptz', (column) => column.notNull())
    .execute()
  await db.schema.createIndex('registration_tokens_expires_at').on('registration_tokens').column('expires_at').execute()
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await db.schema.dropTable('registration_tokens').execute()
  await db.schema.dropIndex('clients_unverified').execute()
  await db.schema
    .alterTable('clients')
    .dropColumn('origin')
    .dropColumn('identity_changed_at')
    .dropColumn('fresh_until')
    .dropColumn('registration_token_hash')
    .execute()
}
