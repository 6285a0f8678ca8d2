import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { clients } from '../../../adapters/postgres/clients.ts'
import { resources } from '../../../adapters/postgres/resources.ts'
import { openPostgresDatabase, openTestDatabase, postgresTest } from '../../support/database.ts'

const time = new Date('2026-03-01T12:00:00Z')
const later = new Date('2026-03-02T12:00:00Z')
const example = {
  id: 'example',
  profile: 'web',
  firstParty: false,
  metadata: { client_name: 'Example', redirect_uris: ['https://app.example/cb'] },
  secretHashes: ['sha256:one'],
}

test('a client comes back as it was added', async () => {
  await using database = await openTestDatabase()
  const store = clients(database.store.db, () => time)
  const added = await store.add(example)
  expect(added).toEqual({
    ...example,
    origin: 'registered',
    freshUntil: undefined,
    disabledAt: undefined,
    createdAt: time,
    updatedAt: time,
  })
  expect(await store.find('example')).toEqual(added)
  expect(await store.list()).toEqual([added])
})

test('an id that is taken is not given twice, and the first client stays as it was', async () => {
  await using database = await openTestDatabase()
  const store = clients(database.store.db, () => time)
  await store.add(example)
  expect(await store.add({ ...example, profile: 'spa', secretHashes: ['sha256:other'] })).toBeUndefined()
  expect((await store.find('example'))?.secretHashes).toEqual(['sha256:one'])
})

test('every change of a client that does not exist answers undefined', async () => {
  await using database = await openTestDatabase()
  const store = clients(database.store.db, () => time)
  expect(await store.find('nobody')).toBeUndefined()
  expect(await store.update('nobody', {})).toBeUndefined()
  expect(await store.replace({ ...example, id: 'nobody' })).toBeUndefined()
  expect(await store.rotateSecret('nobody', 'sha256:x')).toBeUndefined()
  expect(await store.disable('nobody')).toBeUndefined()
  expect(await store.enable('nobody')).toBeUndefined()
  expect(await store.remove('nobody')).toBe(false)
})

test('rotation keeps the secret before, never the one before that', async () => {
  await using database = await openTestDatabase()
  const store = clients(database.store.db, () => time)
  await store.add(example)
  expect((await store.rotateSecret('example', 'sha256:two'))?.secretHashes).toEqual(['sha256:two', 'sha256:one'])
  expect((await store.rotateSecret('example', 'sha256:three'))?.secretHashes).toEqual(['sha256:three', 'sha256:two'])
  const alone = await store.rotateSecret('example', 'sha256:four', { revokeOld: true })
  expect(alone?.secretHashes).toEqual(['sha256:four'])
})

postgresTest('rotations at the same time keep two valid secrets, both of them handed out', async () => {
  await using database = await openPostgresDatabase()
  const store = clients(database.store.db, () => time)
  await store.add(example)
  const hashes = Array.from({ length: 8 }, () => `sha256:${randomUUID()}`)
  await Promise.all(hashes.map((hash) => store.rotateSecret('example', hash)))
  const kept = (await store.find('example'))?.secretHashes ?? []
  expect(kept).toHaveLength(2)
  expect(new Set([...kept, ...hashes])).toHaveLength(hashes.length)
})

test('disabling keeps the time of the first call, enabling clears it', async () => {
  await using database = await openTestDatabase()
  let clock = time
  const store = clients(database.store.db, () => clock)
  await store.add(example)
  await store.disable('example')
  clock = later
  expect((await store.disable('example'))?.disabledAt).toEqual(time)
  expect((await store.enable('example'))?.disabledAt).toBeUndefined()
})

test('a client that is registered again under the id of a removed one inherits nothing', async () => {
  await using database = await openTestDatabase()
  const { db } = database.store
  const store = clients(db, () => time)
  await store.add(example)
  await store.add({ ...example, id: 'other' })
  const stamp = { created_at: time, expires_at: later }
  await db
    .insertInto('accounts')
    .values({ id: 'alice', created_at: time, name: null, email: null, disabled_at: null })
    .execute()
  for (const client_id of ['example', 'other']) {
    await db
      .insertInto('consents')
      .values({ account_id: 'alice', client_id, payload: '{}', updated_at: time })
      .execute()
    await db
      .insertInto('grants')
      .values({
        id: `grant-${client_id}`,
        account_id: 'alice',
        client_id,
        payload: '{}',
        ...stamp,
        revoked_at: null,
      })
      .execute()
    await db
      .insertInto('artifacts')
      .values({
        id_hash: `token-${client_id}`,
        model: 'RefreshToken',
        grant_id: `grant-${client_id}`,
        account_id: 'alice',
        client_id,
        user_code_hash: null,
        payload: '{}',
        ...stamp,
        consumed_at: null,
        successor_hash: null,
      })
      .execute()
  }
  await resources(db, () => time).add({
    identifier: 'https://api.example',
    name: 'API',
    scopes: [],
    tokenFormat: 'jwt',
    tokenTtl: 60,
    clientId: 'example',
  })
  expect(await store.remove('example')).toBe(true)
  const left = [
    ...(await db.selectFrom('consents').select('client_id').execute()),
    ...(await db.selectFrom('grants').select('client_id').execute()),
    ...(await db.selectFrom('artifacts').select('client_id').execute()),
  ]
  expect(left).toEqual([{ client_id: 'other' }, { client_id: 'other' }, { client_id: 'other' }])
  expect((await resources(db, () => time).find('https://api.example'))?.clientId).toBeUndefined()
})
