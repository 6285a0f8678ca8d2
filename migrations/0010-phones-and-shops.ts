/** One-time codes to phones: whose number is whose at Telegram, codes on their way, exact counting; and the shops behind numbers. */
import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('telegram_phones')
    .addColumn('phone_hash', 'text', (column) => column.primaryKey())
    .addColumn('person_id', 'text', (column) => column.notNull())
    .addColumn('sealed_owner', 'text', (column) => column.notNull())
    .addColumn('shared_at', 'timestamptz', (column) => column.notNull())
    .execute()
  await db.schema.createIndex('telegram_phones_person_id').on('telegram_phones').column('person_id').execute()

  await db.schema
    .createTable('phone_codes')
    .addColumn('id_hash', 'text', (column) => column.primaryKey())
    .addColumn('phone_hash', 'text', (column) => column.notNull())
    .addColumn('code_hash', 'text', (column) => column.notNull())
    .addColumn('sealed_code', 'text', (column) => column.notNull())
    .addColumn('tries_left', 'integer', (column) => column.notNull())
    .addColumn('person_id', 'text')
    .addColumn('passed_on', 'boolean', (column) => column.notNull().defaultTo(false))
    .addColumn('used_at', 'timestamptz')
    .addColumn('created_at', 'timestamptz', (column) => column.notNull())
    .addColumn('expires_at', 'timestamptz', (column) => column.notNull())
    .execute()
  await db.schema.createIndex('phone_codes_phone_hash').on('phone_codes').column('phone_hash').execute()
  await db.schema.createIndex('phone_codes_expires_at').on('phone_codes').column('expires_at').execute()

  await db.schema
    .createTable('request_windows')
    .addColumn('key', 'text', (column) => column.primaryKey())
    .addColumn('times', sql`timestamptz[]`, (column) => column.notNull())
    .addColumn('expires_at', 'timestamptz', (column) => column.notNull())
    .execute()
  await db.schema.createIndex('request_windows_expires_at').on('request_windows').column('expires_at').execute()

  await db.schema
    .createTable('shops')
    .addColumn('id', 'integer', (column) => column.generatedByDefaultAsIdentity().primaryKey())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('phone_hash', 'text', (column) => column.notNull().unique())
    .addColumn('sealed_phone', 'text', (column) => column.notNull())
    .addColumn('telegram_id', 'text')
    .addColumn('account_id', 'text', (column) => column.references('accounts.id').onDelete('cascade'))
    .addColumn('language', 'text', (column) => column.notNull())
    .addColumn('currency', 'text', (column) => column.notNull())
    .addColumn('disabled_at', 'timestamptz')
    .addColumn('created_at', 'timestamptz', (column) => column.notNull())
    .execute()
  await db.schema.createIndex('shops_account_id').on('shops').column('account_id').execute()
}

export async function down(db: Kysely<unknown>): Promise<void> {
  for (const table of ['shops', 'request_windows', 'phone_codes', 'telegram_phones']) {
    await db.schema.dropTable(table).execute()
  }
}
