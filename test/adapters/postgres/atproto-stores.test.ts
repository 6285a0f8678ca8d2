import { expect, test } from 'vitest'
import { SealBroken, sealer } from '../../../adapters/crypto/seal.ts'
import { atprotoKeys } from '../../../adapters/postgres/atproto-keys.ts'
import { atprotoSessions } from '../../../adapters/postgres/atproto-sessions.ts'
import { atprotoStates } from '../../../adapters/postgres/atproto-states.ts'
import { removeExpired } from '../../../adapters/postgres/cleanup.ts'
import { openPostgres } from '../../../adapters/postgres/database.ts'
import { clock } from '../../support/clock.ts'
import { openPostgresDatabase, openTestDatabase, postgresTest, type TestDatabase } from '../../support/database.ts'

const seal = sealer(['k'.repeat(32)])
const did = 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa'
const link = (secret: string) => ({ secret, scope: 'atproto', clientId: 'https://us.dev/client', keyId: 'key-one' })

function open({ store }: TestDatabase, time = clock()) {
  return {
    time,
    states: atprotoStates(store.db, seal, time.now),
    sessions: atprotoSessions(store.db, seal, time.now),
    keys: atprotoKeys(store.db, seal, time.now),
  }
}

test('a state is taken once, within ten minutes, and is neither id nor value in the clear', async () => {
  await using database = await openTestDatabase()
  const { states, time } = open(database)
  await states.set('state-one', 'the verifier')
  await states.set('state-two', 'the verifier')
  const dump = await database.dump()
  expect(dump).not.toContain('state-one')
  expect(dump).not.toContain('the verifier')
  expect(await states.take('state-three')).toBeUndefined()
  expect(await states.take('state-one')).toBe('the verifier')
  expect(await states.take('state-one')).toBeUndefined()
  time.advance(600)
  expect(await states.take('state-two')).toBeUndefined()
})

test('a link is read as it was stored, and its end is told with the cause', async () => {
  await using database = await openTestDatabase()
  const { sessions, time } = open(database)
  expect(await sessions.read(did)).toBeUndefined()
  expect(await sessions.state(did)).toBeUndefined()
  expect(await sessions.replace(did, link('first'))).toBeUndefined()
  expect(await sessions.read(did)).toMatchObject(link('first'))
  const since = time.now()
  expect(await sessions.state(did)).toEqual({ did, scope: 'atproto', since, ended: undefined })
  time.advance(60)
  expect(await sessions.end(did, 'unused')).toBe('first')
  expect(await sessions.end(did, 'again')).toBeUndefined()
  expect(await sessions.read(did)).toBeUndefined()
  expect(await sessions.state(did)).toMatchObject({ since, ended: { at: time.now(), cause: 'unused' } })
})

test('a new link takes the place of a living one, which it answers, and of one that has ended', async () => {
  await using database = await openTestDatabase()
  const { sessions } = open(database)
  await sessions.replace(did, link('first'))
  expect(await sessions.replace(did, link('second'))).toBe('first')
  await sessions.end(did, 'unused')
  expect(await sessions.replace(did, { ...link('third'), keyId: undefined })).toBeUndefined()
  expect(await sessions.read(did)).toMatchObject({ secret: 'third', keyId: undefined })
  expect((await sessions.state(did))?.ended).toBeUndefined()
})

test('a refresh replaces only what it began from, and never brings back what has ended', async () => {
  await using database = await openTestDatabase()
  const { sessions } = open(database)
  await sessions.replace(did, link('first'))
  const first = (await sessions.read(did))?.version ?? ''
  const second = await sessions.refresh(did, first, link('second'))
  expect(second).toBe((await sessions.read(did))?.version)
  expect(await sessions.refresh(did, first, link('late'))).toBeUndefined()
  expect(await sessions.end(did, 'late', first)).toBeUndefined()
  expect(await sessions.read(did)).toMatchObject({ secret: 'second' })
  expect(await sessions.end(did, 'revoked', second)).toBe('second')
  expect(await sessions.refresh(did, second ?? '', link('third'))).toBeUndefined()
  expect(await sessions.read(did)).toBeUndefined()
})

test('a sealed link that is moved to another DID does not open', async () => {
  await using database = await openTestDatabase()
  const { sessions } = open(database)
  await sessions.replace(did, link('of Alice'))
  const other = 'did:plc:bbbbbbbbbbbbbbbbbbbbbbbb'
  await database.store.db.updateTable('atproto_sessions').set({ did: other }).execute()
  const moved = await sessions.read(other)
  expect(() => moved?.secret).toThrow(SealBroken)
})

test('a link whose key has left the ring counts as ended, and a new one takes its place', async () => {
  await using database = await openTestDatabase()
  const { sessions, time } = open(database)
  await sessions.replace(did, link('first'))
  const later = atprotoSessions(database.store.db, sealer(['n'.repeat(32)]), time.now)
  expect((await later.state(did))?.ended).toEqual({ at: time.now(), cause: 'unreadable' })
  expect((await sessions.state(did))?.ended).toBeUndefined()
  expect(await later.replace(did, link('second'))).toBeUndefined()
  expect(await later.read(did)).toMatchObject({ secret: 'second' })
  expect((await later.state(did))?.ended).toBeUndefined()
  expect(await sessions.end(did, 'unused')).toBeUndefined()
  expect((await later.state(did))?.ended?.cause).toBe('unused')
})

postgresTest('of parallel ends one gets the tokens, of parallel replacements each its own predecessor', async () => {
  await using database = await openPostgresDatabase()
  const { sessions } = open(database)
  await sessions.replace(did, link('link 0'))
  const numbers = Array.from({ length: 10 }, (_, index) => index + 1)
  const replaced = await Promise.all(numbers.map((number) => sessions.replace(did, link(`link ${number}`))))
  expect(new Set(replaced).size).toBe(10)
  expect(replaced).not.toContain(undefined)
  const ended = await Promise.all(numbers.map(() => sessions.end(did, 'unused')))
  expect(ended.filter((secret) => secret !== undefined)).toHaveLength(1)
})

test('the first key is made once, its private part sealed', async () => {
  await using database = await openTestDatabase()
  const { keys } = open(database)
  const [key, ...others] = await keys.loadOrCreate()
  expect(others).toEqual([])
  expect(key).toMatchObject({ kty: 'EC', crv: 'P-256', alg: 'ES256' })
  expect(await keys.loadOrCreate()).toEqual([key])
  expect(await database.dump()).not.toContain(key?.['d'])
})

postgresTest('nodes that start at once make one key', async () => {
  await using database = await openPostgresDatabase()
  const other = openPostgres(database.url)
  try {
    const stores = [database.store, other].map(({ db }) => atprotoKeys(db, seal, clock().now))
    const loaded = await Promise.all([...stores, ...stores].map((keys) => keys.loadOrCreate()))
    expect(new Set(loaded.map(([key]) => key?.kid)).size).toBe(1)
    expect(await stores[0]?.list()).toHaveLength(1)
  } finally {
    await other.close()
  }
})

test('a new key is used after 15 minutes, and the one before stays while a link is bound to it', async () => {
  await using database = await openTestDatabase()
  const { keys, sessions, time } = open(database)
  const [first] = await keys.loadOrCreate()
  time.advance(60)
  const second = await keys.rotate()
  const order = async () => (await keys.loadOrCreate()).map(({ kid }) => kid)
  expect(await order()).toEqual([first?.kid, second])
  time.advance(15 * 60 - 1)
  expect(await order()).toEqual([first?.kid, second])
  time.advance(1)
  expect(await order()).toEqual([second, first?.kid])
  await sessions.replace(did, { ...link('bound'), keyId: first?.kid })
  time.advance(2 * 24 * 60 * 60)
  await removeExpired(database.store.db, time.now)
  expect(await order()).toEqual([second, first?.kid])
  await sessions.end(did, 'unused')
  await removeExpired(database.store.db, time.now)
  expect(await order()).toEqual([second])
})
