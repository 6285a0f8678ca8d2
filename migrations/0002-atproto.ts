/** What signing in at a person's PDS needs: attempts under way, links that apps use or may use, the keys of our client there. */
import type { Kysely } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('atproto_states')
    .addColumn('id_hash', 'text', (column) => column.primaryKey())
    .addColumn('sealed_state', 'text', (column) => column.notNull())
    .addColumn('expires_at', 'timestamptz', (column) => column.notNull())
    .execute()
  await db.schema.createIndex('atproto_states_expires_at').on('atproto_states').column('expires_at').execute()

  await db.schema
    .createTable('atproto_sessions')
    .addColumn('did', 'text', (column) => column.primaryKey())
    .addColumn('sealed_session', 'text')
    .addColumn('scope', 'text', (column) => column.notNull())
    .addColumn('client_id', 'text', (column) => column.notNull())
    .addColumn('key_id', 'text')
    .addColumn('created_at', 'timestamptz', (column) => column.notNull())
    .addColumn('updated_at', 'timestamptz', (column) => column.notNull())
    .addColumn('ended_at', 'timestamptz')
    .addColumn('ended_cause', 'text')
    .execute()
  await db.schema.createIndex('atproto_sessions_key_id').on('atproto_sessions').column('key_id').execute()

  await db.schema
    .createTable('atproto_keepsakes')
    .addColumn('id_hash', 'text', (column) => column.primaryKey())
    .addColumn('sealed_session', 'text', (column) => column.notNull())
    .addColumn('expires_at', 'timestamptz', (column) => column.notNull())
    .execute()
  await db.schema.createIndex('atproto_keepsakes_expires_at').on('atproto_keepsakes').column('expires_at').execute()

  await db.schema
    .createTable('atproto_keys')
    .addColumn('kid', 'text', (column) => column.primaryKey())
    .addColumn('public_jwk', 'jsonb', (column) => column.notNull())
    .addColumn('sealed_jwk', 'text', (column) => column.notNull())
    .addColumn('created_at', 'timestamptz', (column) => column.notNull())
    .addColumn('retired_at', 'timestamptz')
    .execute()
}

export async function down(db: Kysely<unknown>): Promise<void> {
  for (const table of ['atproto_keys', 'atproto_keepsakes', 'atproto_sessions', 'atproto_states']) {
    await db.schema.dropTable(table).execute()
  }
}
