/** Sign-ins that wait for somebody in Telegram: whoever scans first owns one, and only where it began is anybody signed in. */
import type { Kysely } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('telegram_sign_ins')
    .addColumn('token_hash', 'text', (column) => column.primaryKey())
    .addColumn('holder', 'text')
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('person_mark', 'text')
    .addColumn('sealed_request', 'text', (column) => column.notNull())
    .addColumn('sealed_person', 'text')
    .addColumn('expires_at', 'timestamptz', (column) => column.notNull())
    .execute()
  await db.schema.createIndex('telegram_sign_ins_expires_at').on('telegram_sign_ins').column('expires_at').execute()
  await db.schema
    .createIndex('telegram_sign_ins_holder')
    .on('telegram_sign_ins')
    .columns(['holder', 'expires_at'])
    .execute()
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await db.schema.dropTable('telegram_sign_ins').execute()
}
