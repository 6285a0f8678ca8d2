import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { sealer } from '../../../adapters/crypto/seal.ts'
import { attempts } from '../../../adapters/postgres/attempts.ts'
import { clock } from '../../support/clock.ts'
import { openPostgresDatabase, openTestDatabase, postgresTest, type TestDatabase } from '../../support/database.ts'

const step = { state: { step: 'sign-in', secret: 'state-secret' }, page: { name: 'password-sign-in' } }
const attempt = {
  interaction: 'interaction-uid-one',
  provider: 'password',
  purpose: 'sign-in',
  step,
  tries: 3,
} as const

function open(database: TestDatabase, time = clock()) {
  return attempts({ db: database.store.db, sealer: sealer(['k'.repeat(32)]), now: time.now })
}

test('an attempt can be read without spending a try, and each answer spends one', async () => {
  await using database = await openTestDatabase()
  const time = clock()
  const store = open(database, time)
  const token = await store.begin(attempt)
  const expected = { provider: 'password', purpose: 'sign-in', step, version: 0 }
  const expiresAt = new Date(time.now().getTime() + 600_000)
  expect(await store.peek(token, attempt.interaction)).toEqual({ ...expected, triesLeft: 3, expiresAt })
  for (const triesLeft of [2, 1, 0]) {
    expect(await store.take(token, attempt.interaction)).toEqual({ ...expected, triesLeft, expiresAt })
  }
  expect(await store.take(token, attempt.interaction)).toBeUndefined()
})

test('another interaction or another token opens nothing and spends nothing', async () => {
  await using database = await openTestDatabase()
  const store = open(database)
  const token = await store.begin(attempt)
  const other = await store.begin({ ...attempt, interaction: 'interaction-uid-two' })
  expect(other).not.toBe(token)
  expect(Buffer.from(token, 'base64url')).toHaveLength(32)
  for (const [guess, interaction] of [
    [token, 'interaction-uid-two'],
    [other, 'interaction-uid-one'],
    ['', 'interaction-uid-one'],
    [createHash('sha256').update(token).digest('base64url'), 'interaction-uid-one'],
  ] as const) {
    expect(await store.peek(guess, interaction)).toBeUndefined()
    expect(await store.take(guess, interaction)).toBeUndefined()
  }
  expect((await store.peek(token, attempt.interaction))?.triesLeft).toBe(3)
})

test('an attempt is over after ten minutes, in every way', async () => {
  await using database = await openTestDatabase()
  const time = clock()
  const store = open(database, time)
  const token = await store.begin(attempt)
  time.advance(599)
  expect(await store.peek(token, attempt.interaction)).toBeDefined()
  time.advance(1)
  expect(await store.peek(token, attempt.interaction)).toBeUndefined()
  expect(await store.take(token, attempt.interaction)).toBeUndefined()
  expect(await store.advance(token, 0, { step: null, tries: 1 })).toBe(false)
})

test('an answer that lost against another one changes nothing', async () => {
  await using database = await openTestDatabase()
  const store = open(database)
  const token = await store.begin(attempt)
  const one = await store.take(token, attempt.interaction)
  const two = await store.take(token, attempt.interaction)
  expect(one?.version).toBe(two?.version)
  expect(await store.advance(token, one?.version ?? -1, { step: 'next', tries: 5 })).toBe(true)
  expect(await store.advance(token, two?.version ?? -1, { step: 'lost', tries: 5 })).toBe(false)
  expect(await store.close(token, two?.version ?? -1)).toBe(false)
  const next = await store.take(token, attempt.interaction)
  expect(next).toMatchObject({ step: 'next', triesLeft: 4, version: 1 })
  expect(await store.close(token, 1)).toBe(true)
  expect(await store.close(token, 1)).toBe(false)
  expect(await store.take(token, attempt.interaction)).toBeUndefined()
})

test('an answer that asks the same again gives no try back that others have spent', async () => {
  await using database = await openTestDatabase()
  const store = open(database)
  const token = await store.begin(attempt)
  const [first] = [await store.take(token, attempt.interaction), await store.take(token, attempt.interaction)]
  expect(await store.advance(token, first?.version ?? -1, { step: 'again' })).toBe(true)
  expect(await store.take(token, attempt.interaction)).toMatchObject({ step: 'again', triesLeft: 0 })
  expect(await store.take(token, attempt.interaction)).toBeUndefined()
})

postgresTest('50 parallel answers: as many tries as there are, and one of them closes', async () => {
  await using database = await openPostgresDatabase()
  const store = open(database)
  const token = await store.begin(attempt)
  const taken = await Promise.all(Array.from({ length: 50 }, () => store.take(token, attempt.interaction)))
  expect(taken.filter((it) => it !== undefined)).toHaveLength(3)
  const closed = await Promise.all(Array.from({ length: 50 }, () => store.close(token, 0)))
  expect(closed.filter((it) => it)).toHaveLength(1)
})

postgresTest('of 50 parallel answers one goes on to the next step', async () => {
  await using database = await openPostgresDatabase()
  const store = open(database)
  const token = await store.begin(attempt)
  const advanced = await Promise.all(
    Array.from({ length: 50 }, (_, index) => store.advance(token, 0, { step: index, tries: 1 })),
  )
  expect(advanced.filter((it) => it)).toHaveLength(1)
  expect((await store.peek(token, attempt.interaction))?.step).toBe(advanced.indexOf(true))
})

test('a stolen database holds neither token nor interaction nor state', async () => {
  await using database = await openTestDatabase()
  const store = open(database)
  const token = await store.begin(attempt)
  await store.advance(token, 0, { step, tries: 1 })
  const dump = await database.dump()
  expect(dump).toContain('sign-in')
  for (const secret of [token, attempt.interaction, 'state-secret']) expect(dump).not.toContain(secret)
})

test('a step that was moved to another attempt does not open', async () => {
  await using database = await openTestDatabase()
  const store = open(database)
  const token = await store.begin(attempt)
  await store.begin({ ...attempt, interaction: 'other', step: 'of the other' })
  const { db } = database.store
  const rows = await db.selectFrom('attempts').select(['id_hash', 'sealed_step']).execute()
  const idHash = createHash('sha256').update(token).digest('base64url')
  const foreign = rows.find((row) => row.id_hash !== idHash)
  await db
    .updateTable('attempts')
    .set({ sealed_step: foreign?.sealed_step ?? '' })
    .where('id_hash', '=', idHash)
    .execute()
  await expect(store.take(token, attempt.interaction)).rejects.toThrow('belongs elsewhere')
})
