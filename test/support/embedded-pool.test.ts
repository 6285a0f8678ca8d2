/** A database that was used before is as good as one that never was. */
import { type Kysely, sql } from 'kysely'
import { expect, inject, test } from 'vitest'
import { embeddedStore, type Store } from '../../adapters/postgres/database.ts'
import type { Database } from '../../adapters/postgres/schema.ts'
import { lendEmbedded } from './embedded-pool.ts'

const lend = async (): Promise<Store> => embeddedStore(await lendEmbedded(inject('snapshot')))

async function addAccount(db: Kysely<Database>, id: string): Promise<void> {
  await db.insertInto('accounts').values({ id, name: 'Alice', email: null, created_at: new Date() }).execute()
}

async function addEvent(db: Kysely<Database>): Promise<string> {
  const values = { event: 'sign-in', detail: '{}', at: new Date() }
  const { id } = await db.insertInto('audit_events').values(values).returning('id').executeTakeFirstOrThrow()
  return String(id)
}

test('it has no rows, counts from the start, and keeps no setting of a session', async () => {
  const before = await lend()
  await addAccount(before.db, 'alice')
  const first = await addEvent(before.db)
  await addEvent(before.db)
  await sql`set statement_timeout = 1234`.execute(before.db)
  await before.close()
  const after = await lend()
  expect(await after.db.selectFrom('accounts').selectAll().execute()).toEqual([])
  expect(await addEvent(after.db)).toBe(first)
  const { rows } = await sql<{ statement_timeout: string }>`show statement_timeout`.execute(after.db)
  expect(rows).toEqual([{ statement_timeout: '0' }])
  await after.close()
})

test('whoever gave it back reaches it no more', async () => {
  const pglite = await lendEmbedded(inject('snapshot'))
  await pglite.close()
  await expect(pglite.query('select 1')).rejects.toThrow('closed')
  await expect(pglite.transaction((it) => it.query('select 1'))).rejects.toThrow('closed')
})

test.each([
  ['a column', (store: Store) => sql`alter table accounts add column colour text`.execute(store.db)],
  ['a name', (store: Store) => sql`alter table accounts rename to people`.execute(store.db)],
  [
    'a constraint',
    (store: Store) => sql`alter table accounts add constraint named check (name <> 'Alice')`.execute(store.db),
  ],
  ['a table', (store: Store) => sql`create table notes (note text)`.execute(store.db)],
  ['a migration', (store: Store) => store.migrateDown()],
])('a database that lost or gained %s is not lent again', async (_what, change) => {
  const before = await lend()
  await change(before)
  await before.close()
  const stores = await Promise.all(Array.from({ length: 3 }, lend))
  for (const store of stores) {
    await addAccount(store.db, 'alice')
    await expect(sql`select colour from accounts`.execute(store.db)).rejects.toThrow()
    await expect(sql`select * from notes`.execute(store.db)).rejects.toThrow()
    expect(await store.migrate()).toEqual([])
  }
  await Promise.all(stores.map((store) => store.close()))
})
