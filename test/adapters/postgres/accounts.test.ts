import { expect, test } from 'vitest'
import { accounts } from '../../../adapters/postgres/accounts.ts'
import { clock } from '../../support/clock.ts'
import { openPostgresDatabase, openTestDatabase, postgresTest } from '../../support/database.ts'

const google = { provider: 'google', subject: '1001', label: 'alice@example.com' }

test('an account is found by id and by identity, and the use of the identity is noted', async () => {
  await using database = await openTestDatabase()
  const time = clock()
  const store = accounts(database.store.db, time.now)
  const created = await store.create({ name: 'Alice', email: 'alice@example.com', identity: google })
  expect(created.id).toMatch(/^usr_[\w-]{22}$/)
  expect(created).toEqual({
    id: created.id,
    name: 'Alice',
    email: 'alice@example.com',
    emailVerified: false,
    createdAt: time.now(),
    disabledAt: undefined,
  })
  time.advance(60)
  expect(await store.find(created.id)).toEqual(created)
  expect(await store.byIdentity('google', '1001')).toEqual(created)
  expect(await store.identitiesOf(created.id)).toEqual([
    { ...google, createdAt: created.createdAt, lastUsedAt: time.now() },
  ])
})

test('who is not known is undefined everywhere', async () => {
  await using database = await openTestDatabase()
  const store = accounts(database.store.db, clock().now)
  await store.create({ email: 'alice@example.com', identity: google })
  expect(await store.find('usr_nobody')).toBeUndefined()
  expect(await store.byIdentity('google', '1002')).toBeUndefined()
  expect(await store.byIdentity('password', '1001')).toBeUndefined()
  expect(await store.byEmail('bob@example.com')).toEqual([])
  expect(await store.identitiesOf('usr_nobody')).toEqual([])
  expect(await store.disable('usr_nobody')).toBeUndefined()
  expect(await store.enable('usr_nobody')).toBeUndefined()
  expect(await store.remove('usr_nobody')).toBe(false)
})

test('a second account for the same identity is never made: the first one is answered', async () => {
  await using database = await openTestDatabase()
  const store = accounts(database.store.db, clock().now)
  const first = await store.create({ name: 'Alice', identity: google })
  expect(await store.create({ name: 'Mallory', identity: google })).toEqual(first)
  expect(await store.list({ limit: 10 })).toEqual([first])
})

postgresTest('50 parallel creations for one identity end with one account', async () => {
  await using database = await openPostgresDatabase()
  const store = accounts(database.store.db, clock().now)
  const created = await Promise.all(Array.from({ length: 50 }, () => store.create({ identity: google })))
  expect(new Set(created.map(({ id }) => id)).size).toBe(1)
  expect(await store.list({ limit: 10 })).toHaveLength(1)
})

test('the same e-mail address makes no two people one', async () => {
  await using database = await openTestDatabase()
  const store = accounts(database.store.db, clock().now)
  const one = await store.create({ email: 'alice@example.com', identity: google })
  const two = await store.create({ email: 'Alice@Example.com', identity: { provider: 'telegram', subject: '7' } })
  expect(two.id).not.toBe(one.id)
  expect((await store.byEmail(' ALICE@example.com ')).map(({ id }) => id).sort()).toEqual([one.id, two.id].sort())
})

test('an identity is added once, again without harm, and never taken from another account', async () => {
  await using database = await openTestDatabase()
  const store = accounts(database.store.db, clock().now)
  const alice = await store.create({ identity: google })
  const bob = await store.create({ identity: { provider: 'telegram', subject: '7' } })
  expect(await store.addIdentity(alice.id, { provider: 'atproto', subject: 'did:plc:a' })).toBe('added')
  expect(await store.addIdentity(alice.id, { provider: 'atproto', subject: 'did:plc:a', label: 'a.example' })).toBe(
    'added',
  )
  expect(await store.addIdentity(bob.id, { provider: 'atproto', subject: 'did:plc:a' })).toBe('taken')
  expect((await store.byIdentity('atproto', 'did:plc:a'))?.id).toBe(alice.id)
  const labels = (await store.identitiesOf(alice.id)).map(({ label }) => label)
  expect(labels).toContain('a.example')
})

test('an identity is recognised by what it was called when it was used last', async () => {
  await using database = await openTestDatabase()
  const store = accounts(database.store.db, clock().now)
  const identity = { provider: 'atproto', subject: 'did:plc:a', label: 'old.example' }
  const { id } = await store.create({ identity })
  const label = async () => (await store.identitiesOf(id)).map((one) => one.label)
  await store.byIdentity('atproto', 'did:plc:a', 'new.example')
  expect(await label()).toEqual(['new.example'])
  await store.byIdentity('atproto', 'did:plc:a')
  expect(await label()).toEqual(['new.example'])
})

test('pages of accounts follow each other without a gap, also for accounts made at the same moment', async () => {
  await using database = await openTestDatabase()
  const store = accounts(database.store.db, clock().now)
  for (let index = 0; index < 5; index += 1) {
    await store.create({ identity: { provider: 'google', subject: String(index) } })
  }
  const all = (await store.list({ limit: 10 })).map(({ id }) => id)
  const first = (await store.list({ limit: 2 })).map(({ id }) => id)
  const second = (await store.list({ limit: 10, after: first[1] })).map(({ id }) => id)
  expect(new Set(all).size).toBe(5)
  expect([...first, ...second]).toEqual(all)
})

test('a disabled account says since when, and can be enabled again', async () => {
  await using database = await openTestDatabase()
  const time = clock()
  const store = accounts(database.store.db, time.now)
  const { id } = await store.create({ identity: google })
  const at = time.now()
  await store.disable(id)
  time.advance(60)
  expect((await store.disable(id))?.disabledAt).toEqual(at)
  expect((await store.byIdentity('google', '1001'))?.disabledAt).toEqual(at)
  expect((await store.enable(id))?.disabledAt).toBeUndefined()
})

test('a removed account leaves neither identity, password, session nor grant; others keep theirs', async () => {
  await using database = await openTestDatabase()
  const { db } = database.store
  const time = clock()
  const at = time.now()
  const store = accounts(db, time.now)
  const add = async (name: string) => {
    const subject = `pwd_${name}`
    const account = await store.create({ identity: { provider: 'password', subject } })
    const row = { created_at: at, expires_at: at }
    await db
      .insertInto('passwords')
      .values({ subject, email: `${name}@example.com`, hash: name, created_at: at, changed_at: at })
      .execute()
    await db
      .insertInto('grants')
      .values({ id: name, account_id: account.id, client_id: 'app', payload: '{}', ...row })
      .execute()
    await db
      .insertInto('sessions')
      .values({ id_hash: name, uid: name, account_id: account.id, payload: '{}', ...row })
      .execute()
    return account
  }
  const removed = await add('alice')
  await add('bob')
  expect(await store.remove(removed.id)).toBe(true)
  expect(await store.byIdentity('password', 'pwd_alice')).toBeUndefined()
  const dump = await database.dump()
  expect(dump).not.toContain('alice')
  expect(dump).not.toContain(removed.id)
  for (const trace of ['pwd_bob', 'bob@example.com', 'grants bob', 'sessions bob']) expect(dump).toContain(trace)
})
