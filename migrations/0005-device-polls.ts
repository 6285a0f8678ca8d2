/** When a client last asked whether a person has decided on its device code, so that every node knows who asks too often. */
import type { Kysely } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('device_polls')
    .addColumn('code_hash', 'text', (column) => column.primaryKey())
    .addColumn('polled_at', 'timestamptz', (column) => column.notNull())
    .addColumn('wait', 'integer', (column) => column.notNull())
    .addColumn('early', 'boolean', (column) => column.notNull())
    .addColumn('expires_at', 'timestamptz', (column) => column.notNull())
    .execute()
  await db.schema.createIndex('device_polls_expires_at').on('device_polls').column('expires_at').execute()
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await db.schema.dropTable('device_polls').execute()
}
