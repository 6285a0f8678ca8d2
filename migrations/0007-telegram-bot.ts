/**
 * What the bot at Telegram has to remember on all nodes: which updates were taken, whom it reaches, what it has asked
 * whom and whom it connects with an account; and which node is at work where only one may be.
 */
import type { Kysely } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('telegram_updates')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('tries', 'integer', (column) => column.notNull())
    .addColumn('held_until', 'timestamptz', (column) => column.notNull())
    .addColumn('done_at', 'timestamptz')
    .addColumn('expires_at', 'timestamptz', (column) => column.notNull())
    .execute()
  await db.schema.createIndex('telegram_updates_expires_at').on('telegram_updates').column('expires_at').execute()
  await db.schema
    .createTable('telegram_people')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('since', 'timestamptz', (column) => column.notNull())
    .execute()
  await db.schema
    .createTable('telegram_questions')
    .addColumn('id_hash', 'text', (column) => column.primaryKey())
    .addColumn('person_id', 'text', (column) => column.notNull())
    .addColumn('kind', 'text', (column) => column.notNull())
    .addColumn('about', 'text')
    .addColumn('answers', 'integer', (column) => column.notNull())
    .addColumn('sealed', 'text', (column) => column.notNull())
    .addColumn('expires_at', 'timestamptz', (column) => column.notNull())
    .execute()
  await db.schema.createIndex('telegram_questions_expires_at').on('telegram_questions').column('expires_at').execute()
  await db.schema.createIndex('telegram_questions_about').on('telegram_questions').columns(['kind', 'about']).execute()
  await db.schema
    .createTable('telegram_connections')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('person_id', 'text', (column) => column.notNull().unique())
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('browser_hash', 'text', (column) => column.unique())
    .addColumn('account_id', 'text', (column) => column.references('accounts.id').onDelete('cascade'))
    .addColumn('sealed', 'text', (column) => column.notNull())
    .addColumn('expires_at', 'timestamptz', (column) => column.notNull())
    .execute()
  await db.schema
    .createIndex('telegram_connections_expires_at')
    .on('telegram_connections')
    .column('expires_at')
    .execute()
  await db.schema
    .createIndex('telegram_connections_account_id')
    .on('telegram_connections')
    .column('account_id')
    .execute()
  await db.schema
    .createTable('leases')
    .addColumn('name', 'text', (column) => column.primaryKey())
    .addColumn('holder', 'text', (column) => column.notNull())
    .addColumn('expires_at', 'timestamptz', (column) => column.notNull())
    .execute()
}

export async function down(db: Kysely<unknown>): Promise<void> {
  for (const table of ['leases', 'telegram_connections', 'telegram_questions', 'telegram_people', 'telegram_updates']) {
    await db.schema.dropTable(table).execute()
  }
}
