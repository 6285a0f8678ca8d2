/** Which request waits for an answer in which person's chat: one for each client at a time, so that a newer one replaces it. */
import type { Kysely } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('approval_prompts')
    .addColumn('account_id', 'text', (column) => column.notNull())
    .addColumn('client_id', 'text', (column) => column.notNull())
    .addColumn('request_hash', 'text', (column) => column.notNull().unique())
    .addColumn('person_id', 'text', (column) => column.notNull())
    .addColumn('message_id', 'bigint')
    .addColumn('expires_at', 'timestamptz', (column) => column.notNull())
    .addPrimaryKeyConstraint('approval_prompts_pkey', ['account_id', 'client_id'])
    .execute()
  await db.schema.createIndex('approval_prompts_expires_at').on('approval_prompts').column('expires_at').execute()
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await db.schema.dropTable('approval_prompts').execute()
}
