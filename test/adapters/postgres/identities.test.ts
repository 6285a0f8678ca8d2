/** What an account loses when a way to sign in is taken from it, and what it never loses. */
import { expect, test } from 'vitest'
import { accounts } from '../../../adapters/postgres/accounts.ts'
import { identities } from '../../../adapters/postgres/identities.ts'
import { passwords } from '../../../adapters/postgres/passwords.ts'
import { clock } from '../../support/clock.ts'
import { openPostgresDatabase, openTestDatabase, postgresTest, type TestDatabase } from '../../support/database.ts'

const google = { provider: 'google', subject: '1001' }
const atproto = { provider: 'atproto', subject: 'did:plc:a' }

function storesOf({ store: { db } }: TestDatabase) {
  const { now } = clock()
  return { people: accounts(db, now), store: identities(db), secrets: passwords(db, now) }
}

test('an identity is removed while another one is left; the last one stays, unless it is forced', async () => {
  await using database = await openTestDatabase()
  const { people, store } = storesOf(database)
  const { id } = await people.create({ identity: google })
  expect(await store.remove(id, google)).toBe('last')
  await people.addIdentity(id, atproto)
  expect(await store.ownerOf('google', '1001')).toBe(id)
  expect(await store.remove(id, google)).toBe('removed')
  expect(await store.ownerOf('google', '1001')).toBeUndefined()
  expect(await store.remove(id, google)).toBe('unknown')
  expect(await store.remove(id, atproto)).toBe('last')
  expect(await people.identitiesOf(id)).toHaveLength(1)
  expect(await store.remove(id, { ...atproto, force: true })).toBe('removed')
})

test('an identity whose provider is offered no more is no way in', async () => {
  await using database = await openTestDatabase()
  const { people, store } = storesOf(database)
  const { id } = await people.create({ identity: google })
  await people.addIdentity(id, atproto)
  expect(await store.remove(id, { ...google, offered: ['google', 'password'] })).toBe('last')
  expect(await store.remove(id, { ...google, offered: [] })).toBe('last')
  expect(await store.remove(id, { ...atproto, offered: ['google', 'password'] })).toBe('removed')
})

test('nobody’s identity is removed through another account', async () => {
  await using database = await openTestDatabase()
  const { people, store } = storesOf(database)
  const alice = await people.create({ identity: google })
  await people.addIdentity(alice.id, atproto)
  const bob = await people.create({ identity: { provider: 'google', subject: '1002' } })
  await people.addIdentity(bob.id, { provider: 'atproto', subject: 'did:plc:b' })
  expect(await store.remove(bob.id, google)).toBe('unknown')
  expect(await store.remove(bob.id, { ...google, force: true })).toBe('unknown')
  expect(await people.identitiesOf(alice.id)).toHaveLength(2)
})

test('with a password go its second factor and its recovery codes, and its address is free', async () => {
  await using database = await openTestDatabase()
  const { people, store, secrets } = storesOf(database)
  const credential = await secrets.add('alice@example.com', 'hash')
  const subject = credential?.subject ?? ''
  await secrets.proposeFactor(subject, 'sealed', new Date(0))
  await secrets.confirmFactor(subject, 'sealed', 1, ['code'])
  const { id } = await people.create({ identity: { provider: 'password', subject } })
  expect(await store.remove(id, { provider: 'password', subject })).toBe('last')
  expect(await secrets.find(subject)).toBeDefined()
  await people.addIdentity(id, google)
  expect(await store.remove(id, { provider: 'password', subject })).toBe('removed')
  expect(await secrets.find(subject)).toBeUndefined()
  expect(await secrets.factor(subject)).toBeUndefined()
  expect(await secrets.codesLeft(subject)).toBe(0)
  expect(await secrets.add('alice@example.com', 'hash')).toBeDefined()
})

test('a password whose subject looks like another provider’s is left alone', async () => {
  await using database = await openTestDatabase()
  const { people, store, secrets } = storesOf(database)
  const subject = (await secrets.add('alice@example.com', 'hash'))?.subject ?? ''
  const alice = await people.create({ identity: { provider: 'password', subject } })
  await people.addIdentity(alice.id, { provider: 'google', subject })
  expect(await store.remove(alice.id, { provider: 'google', subject })).toBe('removed')
  expect(await secrets.find(subject)).toBeDefined()
})

postgresTest('of two ways in that are removed at the same time one stays', async () => {
  await using database = await openPostgresDatabase()
  const { people, store } = storesOf(database)
  for (let round = 0; round < 20; round += 1) {
    const ways = ['a', 'b', 'c'].map((provider) => ({ provider, subject: String(round) }))
    const [first = google, ...others] = ways
    const { id } = await people.create({ identity: first })
    for (const way of others) await people.addIdentity(id, way)
    const outcomes = await Promise.all([...ways, ...ways.toReversed()].map((way) => store.remove(id, way)))
    expect(await people.identitiesOf(id)).toHaveLength(1)
    expect(outcomes.filter((outcome) => outcome === 'removed')).toHaveLength(2)
  }
})

test('an e-mail address is known when its account has proven it or signs in with it', async () => {
  await using database = await openTestDatabase()
  const { people, store, secrets } = storesOf(database)
  await people.create({ email: 'Alice@Example.com', emailVerified: true, identity: google })
  await people.create({ email: 'said@example.com', identity: { provider: 'google', subject: '2' } })
  const subject = (await secrets.add('bob@example.com', 'hash'))?.subject ?? ''
  await people.create({ email: 'else@example.com', identity: { provider: 'password', subject } })
  await secrets.add('orphan@example.com', 'hash')
  for (const known of ['alice@example.com', ' ALICE@example.COM ', 'ａlice@example.com', 'bob@example.com']) {
    expect([known, await store.isKnownEmail(known)]).toEqual([known, true])
  }
  const unknown = [
    'said@example.com',
    'else@example.com',
    'orphan@example.com',
    'alice+1@example.com',
    'a.lice@example.com',
    'alice@example.com.',
    'alice.@example.com',
    'аlice@example.com', // Cyrillic
    'alice@exаmple.com',
    'alícè@example.com',
    'alice@example.com\u200b',
    'alice@sub.example.com',
    '%@example.com',
    '',
  ]
  for (const email of unknown) expect([email, await store.isKnownEmail(email)]).toEqual([email, false])
})

test('a disabled account is not hinted at', async () => {
  await using database = await openTestDatabase()
  const { people, store, secrets } = storesOf(database)
  const subject = (await secrets.add('bob@example.com', 'hash'))?.subject ?? ''
  const { id } = await people.create({
    email: 'bob@example.com',
    emailVerified: true,
    identity: { provider: 'password', subject },
  })
  expect(await store.isKnownEmail('bob@example.com')).toBe(true)
  await people.disable(id)
  expect(await store.isKnownEmail('bob@example.com')).toBe(false)
})
