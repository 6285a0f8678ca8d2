import { expect, test } from 'vitest'
import { clients } from '../../../adapters/postgres/clients.ts'
import { resources } from '../../../adapters/postgres/resources.ts'
import { openTestDatabase } from '../../support/database.ts'

const time = new Date('2026-03-01T12:00:00Z')
const api = {
  identifier: 'https://api.example/v1',
  name: 'API',
  scopes: ['notes:read', 'notes:write'],
  scopeDescriptions: { 'notes:read': 'Look at your notes' },
  tokenFormat: 'jwt',
  tokenTtl: 600,
  clientId: undefined,
  authorizationTypes: {},
  level: { acr: undefined, maxAge: undefined },
} as const

test('a resource comes back as it was added, under its identifier alone', async () => {
  await using database = await openTestDatabase()
  const store = resources(database.store.db, () => time)
  const added = await store.add(api)
  expect(added).toEqual({ ...api, createdAt: time })
  expect(await store.find(api.identifier)).toEqual(added)
  expect(await store.find(`${api.identifier}/`)).toBeUndefined()
  expect(await store.add({ ...api, name: 'Another' })).toBeUndefined()
  expect(await store.list()).toEqual([added])
})

test('a client is answered the resources that it stands for, and no others', async () => {
  await using database = await openTestDatabase()
  const { db } = database.store
  await clients(db, () => time).add({
    id: 'keeper',
    profile: 'resource',
    firstParty: false,
    metadata: {},
    secretHashes: [],
  })
  const store = resources(db, () => time)
  await store.add({ ...api, clientId: 'keeper' })
  await store.add({ ...api, identifier: 'https://other.example' })
  expect((await store.byClient('keeper')).map(({ identifier }) => identifier)).toEqual([api.identifier])
  expect(await store.byClient('nobody')).toEqual([])
})

test('removing a resource says whether there was one', async () => {
  await using database = await openTestDatabase()
  const store = resources(database.store.db, () => time)
  await store.add(api)
  expect(await store.remove(api.identifier)).toBe(true)
  expect(await store.remove(api.identifier)).toBe(false)
})

test('an update changes what is named, and only there', async () => {
  await using database = await openTestDatabase()
  const store = resources(database.store.db, () => time)
  await store.add(api)
  const { scopeDescriptions: _, ...silent } = api
  const other = await store.add({ ...silent, identifier: 'https://other.example' })
  expect(other?.scopeDescriptions).toEqual({})
  const changes = { scopes: ['notes:all'], scopeDescriptions: { 'notes:all': 'Everything' } }
  expect(await store.update(api.identifier, changes)).toEqual({ ...api, ...changes, createdAt: time })
  expect(await store.update(api.identifier, {})).toEqual({ ...api, ...changes, createdAt: time })
  expect(await store.update('https://none.example', { name: 'x' })).toBeUndefined()
  expect(await store.find('https://other.example')).toEqual(other)
})
