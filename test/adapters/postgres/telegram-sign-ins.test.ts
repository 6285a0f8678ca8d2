import { afterAll, beforeAll, expect, test } from 'vitest'
import { sealer } from '../../../adapters/crypto/seal.ts'
import { removeExpired } from '../../../adapters/postgres/cleanup.ts'
import { type TelegramSignIns, telegramSignIns } from '../../../adapters/postgres/telegram-sign-ins.ts'
import { clock } from '../../support/clock.ts'
import { openPostgresDatabase, openTestDatabase, postgresTest, type TestDatabase } from '../../support/database.ts'

const { now, advance } = clock()
const keys = sealer(['a secret of more than thirty-two characters'])
const request = { purpose: 'sign-in', clientId: 'notes', app: 'Notes', address: '192.0.2.1' } as const
const dana = { id: '5000000001', firstName: 'Dana', username: 'dana' }
const arman = { id: '5000000002', firstName: 'Arman' }
let database: TestDatabase
let store: TelegramSignIns
beforeAll(async () => {
  database = await openTestDatabase()
  store = telegramSignIns(database.store.db, keys, now)
})
afterAll(() => database.close())

async function begun(holder?: string) {
  const made = await store.begin(request, holder)
  if (made === undefined) throw new Error('not begun')
  return made
}

/** One that this person has opened. */
async function opened(person = dana, holder?: string) {
  const { token, number } = await begun(holder)
  const claimed = await store.claim(token, person.id)
  if (claimed === undefined) throw new Error('not claimed')
  return { token, number, ...claimed }
}

test('the first person who comes owns it, and sees the same numbers when they come again', async () => {
  const { token, number } = await begun()
  const first = await store.claim(token, dana.id)
  expect(first?.request).toMatchObject({ ...request, number })
  expect(first?.request.choices).toContain(number)
  expect(new Set(first?.request.choices).size).toBe(3)
  expect(number).toMatch(/^[1-9]\d$/)
  expect(await store.claim(token, arman.id)).toBeUndefined()
  expect((await store.claim(token, dana.id))?.request).toEqual(first?.request)
})

test('what its owner confirms is known to who began it alone, and to an app once', async () => {
  const page = await opened()
  expect(await store.decide(page.id, dana, 'confirmed')).toMatchObject(request)
  expect(await store.standing(page.token)).toBe('confirmed')
  expect(await store.standing(page.token, 'app')).toBe('over')
  expect(await store.take(page.token, 'app')).toBeUndefined()
  expect(await store.take(page.token)).toEqual(dana)
  expect(await store.take(page.token)).toBeUndefined()

  const app = await opened(dana, 'app')
  await store.decide(app.id, dana, 'confirmed')
  expect(await store.standing(app.token)).toBe('over')
  expect(await store.take(app.token)).toBeUndefined()
  expect(await store.take(app.token, 'another app')).toBeUndefined()
  expect(await store.take(app.token, 'app')).toEqual(dana)
  expect(await store.take(app.token, 'app')).toBeUndefined()
  expect(await store.standing(app.token, 'app')).toBe('over')
})

test('nobody else decides, nobody decides before it is opened, and no decision replaces another', async () => {
  const { id, token } = await opened()
  expect(await store.decide(id, arman, 'confirmed')).toBeUndefined()
  expect(await store.decide(id, dana, 'wrong-number')).toBeDefined()
  expect(await store.decide(id, dana, 'confirmed')).toBeUndefined()
  expect(await store.standing(token)).toBe('wrong-number')
  expect(await store.take(token)).toBeUndefined()
  expect(await store.claim(token, dana.id)).toBeUndefined()
})

test('it lasts two minutes to scan, two to decide and two to fetch, and what was refused is told afterwards', async () => {
  const late = await begun()
  advance(120)
  expect(await store.claim(late.token, dana.id)).toBeUndefined()
  expect(await store.standing(late.token)).toBe('over')

  const slow = await opened()
  const again = await opened()
  const refused = await opened()
  advance(119)
  expect(await store.claim(again.token, dana.id)).toBeDefined()
  expect(await store.decide(slow.id, dana, 'confirmed')).toBeDefined()
  await store.decide(refused.id, dana, 'denied')
  advance(1)
  expect(await store.decide(again.id, dana, 'confirmed')).toBeUndefined()
  advance(118)
  expect(await store.standing(slow.token)).toBe('confirmed')
  advance(1)
  expect(await store.take(slow.token)).toBeUndefined()
  expect(await store.standing(slow.token)).toBe('over')
  expect(await store.standing(refused.token)).toBe('denied')
})

test('of one client a thousand may wait; others, and pages, do not suffer from it', async () => {
  for (let count = 0; count < 1_000; count += 1) await begun('busy')
  expect(await store.begin(request, 'busy')).toBeUndefined()
  expect(await store.begin(request, 'another')).toBeDefined()
  expect(await store.begin(request)).toBeDefined()
  advance(120)
  expect(await store.begin(request, 'busy')).toBeDefined()
})

test('no token, number, name or user id lies there to be read, and all of it goes', async () => {
  const { token, number, id } = await opened()
  await store.decide(id, dana, 'confirmed')
  const dump = await database.dump()
  expect(dump).toContain(id)
  for (const secret of [token, `"${number}"`, dana.id, 'Dana', request.address]) expect(dump).not.toContain(secret)
  advance(2 * 60 * 60)
  await removeExpired(database.store.db, now)
  expect(await database.store.db.selectFrom('telegram_sign_ins').selectAll().execute()).toEqual([])
})

postgresTest('of many people at once one owns it, and of many callers one takes it', async () => {
  const own = await openPostgresDatabase()
  const shared = telegramSignIns(own.store.db, keys, now)
  const { token = '' } = (await shared.begin(request, 'app')) ?? {}
  const people = Array.from({ length: 10 }, (_, index) => `${6_000_000_000 + index}`)
  const claims = await Promise.all(people.map((person) => shared.claim(token, person)))
  expect(claims.filter((claim) => claim !== undefined)).toHaveLength(1)
  const owner = people[claims.findIndex((claim) => claim !== undefined)] ?? ''
  const id = claims.find((claim) => claim !== undefined)?.id ?? ''
  const decisions = await Promise.all(
    (['confirmed', 'denied', 'confirmed', 'wrong-number'] as const).map((decision) =>
      shared.decide(id, { ...dana, id: owner }, decision),
    ),
  )
  expect(decisions.filter((decision) => decision !== undefined)).toHaveLength(1)

  const next = (await shared.begin(request, 'app')) ?? { token: '', number: '', expiresIn: 0 }
  const claimed = await shared.claim(next.token, dana.id)
  await shared.decide(claimed?.id ?? '', dana, 'confirmed')
  const takers = await Promise.all(Array.from({ length: 10 }, () => shared.take(next.token, 'app')))
  expect(takers.filter((person) => person !== undefined)).toEqual([dana])
  await own.close()
})
