import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { accounts } from '../../../adapters/postgres/accounts.ts'
import { artifacts, type NewArtifact } from '../../../adapters/postgres/artifacts.ts'
import { type DeviceCodes, deviceCodes, type PollPolicy } from '../../../adapters/postgres/device-codes.ts'
import { clock } from '../../support/clock.ts'
import { openTestDatabase, type TestDatabase } from '../../support/database.ts'

const { now, advance } = clock()
const policy: PollPolicy = { interval: 5, step: 5, longest: 20, leeway: 1, remember: 60 }
let database: TestDatabase
let store: DeviceCodes
let accountId: string
beforeAll(async () => {
  database = await openTestDatabase()
  store = deviceCodes(database.store.db, now)
  accountId = (await accounts(database.store.db, now).create({ identity: { provider: 'toy', subject: 'alice' } })).id
})
afterAll(() => database.close())

const newId = () => randomBytes(8).toString('hex')

/** A stored code that waits, and its row with something added. */
async function waiting(expiresIn = 600) {
  const rows = artifacts(database.store.db, now)
  const idHash = newId()
  const row = (extra: Record<string, unknown> = {}): NewArtifact =>
    rows.row({ idHash, model: 'DeviceCode', payload: { clientId: 'tv', ...extra }, expiresIn })
  await rows.write([row()])
  return { row, payload: async () => (await rows.find(idHash))?.payload }
}

test('one browser claims a code, and no decision is replaced by another one', async () => {
  const { row, payload } = await waiting()
  expect(await store.move(row({ inFlight: true }))).toBe(true)
  expect(await store.move(row({ inFlight: true }))).toBe(false)
  expect(await store.move(row({ inFlight: true, accountId }))).toBe(true)
  expect(await store.move(row({ inFlight: true, error: 'access_denied' }))).toBe(false)
  expect(await store.move(row({ inFlight: true, accountId: 'somebody else' }))).toBe(false)
  expect(await payload()).toMatchObject({ accountId })
})

test('a code is refused without having been claimed, and stays refused', async () => {
  const { row, payload } = await waiting()
  expect(await store.move(row({ error: 'access_denied' }))).toBe(true)
  expect(await store.move(row({ inFlight: true }))).toBe(false)
  expect(await store.move(row({ inFlight: true, accountId }))).toBe(false)
  expect(await payload()).toMatchObject({ error: 'access_denied' })
})

test('a claim that is given up can be made anew, and a decision cannot be given up', async () => {
  const { row, payload } = await waiting()
  const { idHash } = row()
  await store.move(row({ inFlight: true, sealedUserCode: 'sealed' }))
  expect(await store.release(idHash)).toBe('sealed')
  expect(await payload()).toEqual({ clientId: 'tv', sealedUserCode: 'sealed' })
  expect(await store.move(row({ inFlight: true, sealedUserCode: 'sealed' }))).toBe(true)
  expect(await store.move(row({ inFlight: true, accountId }))).toBe(true)
  expect(await store.release(idHash)).toBeUndefined()
  expect(await payload()).toMatchObject({ inFlight: true, accountId })
  const late = await waiting(5)
  advance(5)
  expect(await store.release(late.row().idHash)).toBeUndefined()
})

test('of many at once one claims a code', async () => {
  const { row } = await waiting()
  const claims = await Promise.all(Array.from({ length: 10 }, () => store.move(row({ inFlight: true }))))
  expect(claims.filter(Boolean)).toHaveLength(1)
})

test('nothing moves once a code has expired, or for a grant that is gone', async () => {
  const late = await waiting(5)
  advance(5)
  expect(await store.move(late.row({ inFlight: true }))).toBe(false)
  const { row } = await waiting()
  expect(await store.move(row({ inFlight: true, accountId, grantId: 'gone' }))).toBe(false)
  expect(await store.move(row({ inFlight: true, accountId }))).toBe(true)
})

test('polls may come an interval apart, less what the clocks of two nodes differ by', async () => {
  const code = newId()
  expect(await store.poll(code, policy)).toBe(true)
  advance(4)
  expect(await store.poll(code, policy)).toBe(true)
  advance(3.9)
  expect(await store.poll(code, policy)).toBe(false)
  expect(await store.poll(newId(), policy)).toBe(true)
})

test('the wait is counted from the last poll in time and has an end, so that who asks too often gets through', async () => {
  const code = newId()
  const answers: boolean[] = []
  for (let second = 0; second < 45; second += 1) {
    answers.push(await store.poll(code, policy))
    advance(1)
  }
  // Too early at once: it grows to twenty seconds, less one, and stays there.
  expect(answers.flatMap((inTime, second) => (inTime ? [second] : []))).toEqual([0, 19, 38])
})

test('of many polls at once one is in time', async () => {
  const code = newId()
  const answers = await Promise.all(Array.from({ length: 10 }, () => store.poll(code, policy)))
  expect(answers.filter(Boolean)).toHaveLength(1)
})

test('what was polled for is not readable, and is forgotten', async () => {
  const code = newId()
  await store.poll(code, policy)
  expect(await database.dump()).not.toContain(code)
  const rows = await database.store.db.selectFrom('device_polls').select('expires_at').execute()
  expect(rows.every(({ expires_at }) => expires_at.getTime() <= now().getTime() + 60_000)).toBe(true)
})
