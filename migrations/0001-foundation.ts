/** Everything issue after issue builds on: people, clients, grants, tokens, keys. */
import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('accounts')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('name', 'text')
    .addColumn('email', 'text')
    .addColumn('email_verified', 'boolean', (column) => column.notNull().defaultTo(false))
    .addColumn('created_at', 'timestamptz', (column) => column.notNull())
    .addColumn('disabled_at', 'timestamptz')
    .execute()
  await db.schema
    .createTable('identities')
    .addColumn('provider', 'text', (column) => column.notNull())
    .addColumn('subject', 'text', (column) => column.notNull())
    .addColumn('account_id', 'text', (column) => column.notNull().references('accounts.id').onDelete('cascade'))
    .addColumn('label', 'text')
    .addColumn('created_at', 'timestamptz', (column) => column.notNull())
    .addColumn('last_used_at', 'timestamptz')
    .addPrimaryKeyConstraint('identities_pkey', ['provider', 'subject'])
    .execute()
  await db.schema.createIndex('identities_account_id').on('identities').column('account_id').execute()

  await db.schema
    .createTable('passwords')
    .addColumn('subject', 'text', (column) => column.primaryKey())
    .addColumn('email', 'text', (column) => column.notNull().unique())
    .addColumn('hash', 'text', (column) => column.notNull())
    .addColumn('created_at', 'timestamptz', (column) => column.notNull())
    .addColumn('changed_at', 'timestamptz', (column) => column.notNull())
    .execute()
  await db.schema
    .createTable('totp_factors')
    .addColumn('subject', 'text', (column) => column.primaryKey().references('passwords.subject').onDelete('cascade'))
    .addColumn('sealed_secret', 'text', (column) => column.notNull())
    .addColumn('confirmed_at', 'timestamptz')
    .addColumn('last_step', 'bigint')
    .addColumn('created_at', 'timestamptz', (column) => column.notNull())
    .execute()
  await db.schema
    .createTable('recovery_codes')
    .addColumn('subject', 'text', (column) => column.notNull().references('passwords.subject').onDelete('cascade'))
    .addColumn('code_hash', 'text', (column) => column.notNull())
    .addColumn('used_at', 'timestamptz')
    .addPrimaryKeyConstraint('recovery_codes_pkey', ['subject', 'code_hash'])
    .execute()

  await db.schema
    .createTable('attempts')
    .addColumn('id_hash', 'text', (column) => column.primaryKey())
    .addColumn('interaction_hash', 'text', (column) => column.notNull())
    .addColumn('provider', 'text', (column) => column.notNull())
    .addColumn('purpose', 'text', (column) => column.notNull())
    .addColumn('sealed_step', 'text', (column) => column.notNull())
    .addColumn('tries_left', 'integer', (column) => column.notNull())
    .addColumn('version', 'integer', (column) => column.notNull().defaultTo(0))
    .addColumn('created_at', 'timestamptz', (column) => column.notNull())
    .addColumn('expires_at', 'timestamptz', (column) => column.notNull())
    .addUniqueConstraint('attempts_interaction_provider', ['interaction_hash', 'provider'])
    .execute()
  await db.schema.createIndex('attempts_expires_at').on('attempts').column('expires_at').execute()
  await db.schema
    .createTable('limits')
    .addColumn('key', 'text', (column) => column.primaryKey())
    .addColumn('failures', 'integer', (column) => column.notNull())
    .addColumn('blocked_until', 'timestamptz')
    .addColumn('expires_at', 'timestamptz', (column) => column.notNull())
    .execute()
  await db.schema.createIndex('limits_expires_at').on('limits').column('expires_at').execute()
  await db.schema
    .createTable('audit_events')
    .addColumn('id', 'bigserial', (column) => column.primaryKey())
    .addColumn('at', 'timestamptz', (column) => column.notNull())
    .addColumn('event', 'text', (column) => column.notNull())
    .addColumn('account_id', 'text')
    .addColumn('client_id', 'text')
    .addColumn('address', 'text')
    .addColumn('detail', 'jsonb', (column) => column.notNull())
    .execute()
  await db.schema.createIndex('audit_events_account_id').on('audit_events').columns(['account_id', 'at']).execute()

  await db.schema
    .createTable('clients')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('profile', 'text', (column) => column.notNull())
    .addColumn('first_party', 'boolean', (column) => column.notNull())
    .addColumn('metadata', 'jsonb', (column) => column.notNull())
    .addColumn('secret_hashes', 'jsonb', (column) => column.notNull())
    .addColumn('disabled_at', 'timestamptz')
    .addColumn('created_at', 'timestamptz', (column) => column.notNull())
    .addColumn('updated_at', 'timestamptz', (column) => column.notNull())
    .execute()
  await db.schema
    .createTable('resources')
    .addColumn('identifier', 'text', (column) => column.primaryKey())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('scopes', 'jsonb', (column) => column.notNull())
    .addColumn('scope_descriptions', 'jsonb', (column) => column.notNull())
    .addColumn('token_format', 'text', (column) => column.notNull())
    .addColumn('token_ttl', 'integer', (column) => column.notNull())
    .addColumn('client_id', 'text', (column) => column.references('clients.id').onDelete('set null'))
    .addColumn('created_at', 'timestamptz', (column) => column.notNull())
    .execute()

  await db.schema
    .createTable('grants')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('account_id', 'text')
    .addColumn('client_id', 'text', (column) => column.notNull())
    .addColumn('payload', 'jsonb', (column) => column.notNull())
    .addColumn('created_at', 'timestamptz', (column) => column.notNull())
    .addColumn('expires_at', 'timestamptz', (column) => column.notNull())
    .addColumn('revoked_at', 'timestamptz')
    .execute()
  await db.schema.createIndex('grants_account_id').on('grants').columns(['account_id', 'client_id']).execute()
  await db.schema.createIndex('grants_client_id').on('grants').column('client_id').execute()
  await db.schema.createIndex('grants_expires_at').on('grants').column('expires_at').execute()
  await db.schema
    .createTable('consents')
    .addColumn('account_id', 'text', (column) => column.notNull().references('accounts.id').onDelete('cascade'))
    .addColumn('client_id', 'text', (column) => column.notNull())
    .addColumn('payload', 'jsonb', (column) => column.notNull())
    .addColumn('updated_at', 'timestamptz', (column) => column.notNull())
    .addPrimaryKeyConstraint('consents_pkey', ['account_id', 'client_id'])
    .execute()
  await db.schema
    .createTable('sessions')
    .addColumn('id_hash', 'text', (column) => column.primaryKey())
    .addColumn('uid', 'text', (column) => column.notNull())
    .addColumn('account_id', 'text')
    .addColumn('payload', 'jsonb', (column) => column.notNull())
    .addColumn('created_at', 'timestamptz', (column) => column.notNull())
    .addColumn('expires_at', 'timestamptz', (column) => column.notNull())
    .execute()
  await db.schema.createIndex('sessions_uid').on('sessions').column('uid').execute()
  await db.schema.createIndex('sessions_account_id').on('sessions').column('account_id').execute()
  await db.schema.createIndex('sessions_expires_at').on('sessions').column('expires_at').execute()

  // Room on each page keeps `consumed_at` updates heap-only (HOT): no index names a mutable column.
  await db.schema
    .createTable('artifacts')
    .addColumn('id_hash', 'text', (column) => column.primaryKey())
    .addColumn('model', 'text', (column) => column.notNull())
    .addColumn('grant_id', 'text')
    .addColumn('account_id', 'text')
    .addColumn('client_id', 'text')
    .addColumn('user_code_hash', 'text')
    .addColumn('payload', 'jsonb', (column) => column.notNull())
    .addColumn('created_at', 'timestamptz', (column) => column.notNull())
    .addColumn('expires_at', 'timestamptz', (column) => column.notNull())
    .addColumn('consumed_at', 'timestamptz')
    .addColumn('successor_hash', 'text')
    .modifyEnd(sql`with (fillfactor = 80)`)
    .execute()
  await sql`create index artifacts_grant_id on artifacts (grant_id) where grant_id is not null`.execute(db)
  await sql`create index artifacts_user_code on artifacts (user_code_hash) where user_code_hash is not null`.execute(db)
  await sql`create index artifacts_signed_in on artifacts (account_id) where model = 'Interaction' and account_id is not null`.execute(
    db,
  )
  await db.schema.createIndex('artifacts_expires_at').on('artifacts').column('expires_at').execute()
  await db.schema
    .createTable('replays')
    .addColumn('id_hash', 'text', (column) => column.primaryKey())
    .addColumn('expires_at', 'timestamptz', (column) => column.notNull())
    .execute()
  await db.schema.createIndex('replays_expires_at').on('replays').column('expires_at').execute()

  await db.schema
    .createTable('signing_keys')
    .addColumn('kid', 'text', (column) => column.primaryKey())
    .addColumn('alg', 'text', (column) => column.notNull())
    .addColumn('public_jwk', 'jsonb', (column) => column.notNull())
    .addColumn('sealed_jwk', 'text', (column) => column.notNull())
    .addColumn('created_at', 'timestamptz', (column) => column.notNull())
    .addColumn('retired_at', 'timestamptz')
    .execute()
}

export async function down(db: Kysely<unknown>): Promise<void> {
  const tables = [
    'signing_keys',
    'replays',
    'artifacts',
    'sessions',
    'consents',
    'grants',
    'resources',
    'clients',
    'audit_events',
    'limits',
    'attempts',
    'recovery_codes',
    'totp_factors',
    'passwords',
    'identities',
    'accounts',
  ]
  for (const table of tables) await db.schema.dropTable(table).execute()
}
