/** JWTs that were taken back, grants that a JWT still names, and what APIs declare: kinds of details, levels of sign-ins. */
import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('denied_tokens')
    .addColumn('id_hash', 'text', (column) => column.primaryKey())
    .addColumn('expires_at', 'timestamptz', (column) => column.notNull())
    .execute()
  await db.schema.createIndex('denied_tokens_expires_at').on('denied_tokens').column('expires_at').execute()

  await db.schema.alterTable('grants').addColumn('needed_until', 'timestamptz').execute()

  await db.schema
    .alterTable('resources')
    .addColumn('authorization_types', 'jsonb', (column) => column.notNull().defaultTo(sql`'{}'::jsonb`))
    .addColumn('acr', 'text')
    .addColumn('max_age', 'integer')
    .execute()
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .alterTable('resources')
    .dropColumn('authorization_types')
    .dropColumn('acr')
    .dropColumn('max_age')
    .execute()
  await db.schema.alterTable('grants').dropColumn('needed_until').execute()
  await db.schema.dropTable('denied_tokens').execute()
}
