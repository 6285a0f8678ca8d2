/** Finds the accounts with an e-mail address without reading all of them: it is asked when somebody new signs in. */
import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`create index accounts_email on accounts (lower(email)) where email is not null`.execute(db)
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await db.schema.dropIndex('accounts_email').execute()
}
