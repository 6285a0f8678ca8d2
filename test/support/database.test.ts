/** What the tests lean on: databases of their own, and a dump that hides nothing. */
import { sql } from 'kysely'
import { describe, expect, test } from 'vitest'
import { openPostgresDatabase, openTestDatabase, postgresTest, type TestDatabase } from './database.ts'

describe('a test database', () => {
  test('is migrated, empty and of its own', () => promises(openTestDatabase))
  postgresTest('is so on Postgres too', () => promises(openPostgresDatabase))
})

async function promises(open: () => Promise<TestDatabase>): Promise<void> {
  await using one = await open()
  await using other = await open()
  expect(await one.dump()).not.toContain('alice')
  const secret = 'a "quoted" \\ value'
  await one.store.db
    .insertInto('accounts')
    .values({ id: 'alice', name: secret, email: null, created_at: new Date() })
    .execute()
  expect(await one.dump()).toContain(secret)
  expect(await other.dump()).not.toContain('alice')
  await sql`select 1`.execute(other.store.db)
}
