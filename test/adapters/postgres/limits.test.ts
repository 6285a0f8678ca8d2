import { describe, expect, test } from 'vitest'
import { addressBucket, limits } from '../../../adapters/postgres/limits.ts'
import { clock } from '../../support/clock.ts'
import { openPostgresDatabase, openTestDatabase, postgresTest } from '../../support/database.ts'

const policy = { free: 2, firstDelay: 1, maxDelay: 10, forget: 3600 }

test('failures beyond the free ones cost a delay that doubles up to the most', async () => {
  await using database = await openTestDatabase()
  const time = clock()
  const store = limits(database.store.db, time.now)
  const waits: number[] = []
  for (let failure = 0; failure < 8; failure += 1) {
    let answer = await store.spend('key', policy)
    if (!answer.allowed) {
      waits.push(answer.retryAfter)
      time.advance(answer.retryAfter)
      answer = await store.spend('key', policy)
    }
    expect(answer).toEqual({ allowed: true })
  }
  expect(waits).toEqual([1, 2, 4, 8, 10])
})

test('a refused try does not count, so that waiting ends', async () => {
  await using database = await openTestDatabase()
  const time = clock()
  const store = limits(database.store.db, time.now)
  for (let index = 0; index < 3; index += 1) await store.spend('key', policy)
  for (let index = 0; index < 20; index += 1) {
    expect(await store.spend('key', policy)).toEqual({ allowed: false, retryAfter: 1 })
  }
  time.advance(1)
  expect(await store.spend('key', policy)).toEqual({ allowed: true })
})

test('success forgets everything, time forgets everything, other keys are untouched', async () => {
  await using database = await openTestDatabase()
  const time = clock()
  const store = limits(database.store.db, time.now)
  const fail = async (key: string) => {
    for (let index = 0; index < 3; index += 1) await store.spend(key, policy)
  }
  await fail('one')
  await fail('two')
  await store.clear('one')
  expect(await store.spend('one', policy)).toEqual({ allowed: true })
  expect((await store.spend('two', policy)).allowed).toBe(false)
  time.advance(3601)
  for (let index = 0; index < 3; index += 1) expect(await store.spend('two', policy)).toEqual({ allowed: true })
  expect((await store.spend('two', policy)).allowed).toBe(false)
})

test('a try that was none after all is taken back without forgetting the others', async () => {
  await using database = await openTestDatabase()
  const store = limits(database.store.db, clock().now)
  for (let index = 0; index < 30; index += 1) {
    expect(await store.spend('office', policy)).toEqual({ allowed: true })
    await store.forgive('office', policy)
  }
  for (let index = 0; index < 3; index += 1) await store.spend('office', policy)
  expect((await store.spend('office', policy)).allowed).toBe(false)
})

test('thousands of failures neither overflow nor end the delay', async () => {
  await using database = await openTestDatabase()
  const time = clock()
  const { db } = database.store
  const store = limits(db, time.now)
  await store.spend('key', policy)
  await db.updateTable('limits').set({ failures: 2_000_000 }).execute()
  expect(await store.spend('key', policy)).toEqual({ allowed: true })
  expect(await store.spend('key', policy)).toEqual({ allowed: false, retryAfter: 10 })
})

test('a mark is kept for as long as it was asked for', async () => {
  await using database = await openTestDatabase()
  const time = clock()
  const store = limits(database.store.db, time.now)
  expect(await store.remembers('mark')).toBe(false)
  await store.remember('mark', 60)
  expect(await store.remembers('mark')).toBe(true)
  time.advance(30)
  await store.remember('mark', 60)
  time.advance(59)
  expect(await store.remembers('mark')).toBe(true)
  time.advance(1)
  expect(await store.remembers('mark')).toBe(false)
})

postgresTest('of 50 parallel tries only the free ones and one more are allowed', async () => {
  await using database = await openPostgresDatabase()
  const store = limits(database.store.db, clock().now)
  const answers = await Promise.all(Array.from({ length: 50 }, () => store.spend('key', { ...policy, free: 5 })))
  expect(answers.filter(({ allowed }) => allowed)).toHaveLength(6)
})

describe('the bucket of an address', () => {
  test.each([
    ['192.0.2.7', '192.0.2.7/32'],
    ['::ffff:192.0.2.7', '192.0.2.7/32'],
    ['::ffff:c000:207', '192.0.2.7/32'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:DB8:1:2::', '2001:db8:1:2::/64'],
    ['2001:db8:1:3::1', '2001:db8:1:3::/64'],
    ['fe80::1%eth0', 'fe80::/64'],
    ['nonsense', 'unknown:nonsense'],
    ['', 'unknown:'],
  ])('%s falls into %s', (address, bucket) => {
    expect(addressBucket(address)).toBe(bucket)
  })

  test('is on request the network that one customer may have', () => {
    expect(addressBucket('2001:db8:1:2:3:4:5:6', 48)).toBe('2001:db8:1::/48')
    expect(addressBucket('2001:db8:1:ffff::', 48)).toBe('2001:db8:1::/48')
    expect(addressBucket('192.0.2.7', 48)).toBe('192.0.2.7/32')
  })
})
