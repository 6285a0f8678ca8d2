/** Whose account a held sign-in is about to enter, so that ending the sessions of an account ends it, too. */
import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .alterTable('attempts')
    .addColumn('account_id', 'text', (column) => column.references('accounts.id').onDelete('cascade'))
    .execute()
  await sql`create index attempts_account_id on attempts (account_id) where account_id is not null`.execute(db)
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable('attempts').dropColumn('account_id').execute()
}
