/** What the bot remembers: questions with handles that count once, updates that are done once, whom it reaches, leases. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { sealer } from '../../../adapters/crypto/seal.ts'
import { accounts } from '../../../adapters/postgres/accounts.ts'
import { openPostgres } from '../../../adapters/postgres/database.ts'
import { lease } from '../../../adapters/postgres/leases.ts'
import { telegramConnections } from '../../../adapters/postgres/telegram-connections.ts'
import { telegramPeople } from '../../../adapters/postgres/telegram-people.ts'
import { telegramQuestions } from '../../../adapters/postgres/telegram-questions.ts'
import { telegramUpdates } from '../../../adapters/postgres/telegram-updates.ts'
import { clock } from '../../support/clock.ts'
import { openPostgresDatabase, openTestDatabase, postgresTest, type TestDatabase } from '../../support/database.ts'

const { now, advance } = clock()
const ring = sealer(['a key ring of the tests that is long enough'])
let database: TestDatabase
beforeAll(async () => {
  database = await openTestDatabase()
})
afterAll(() => database.close())

describe('a question', () => {
  const questions = () => telegramQuestions(database.store.db, ring, now)
  const question = {
    personId: '5000000001',
    kind: 'toy',
    payload: { secret: 'of the question' },
    answers: ['yes', 'no'],
    ttl: 60,
  }

  test('is answered once, whichever of its buttons is pressed', async () => {
    const [yes = '', no = ''] = await questions().ask(question)
    expect(await questions().take(no, question.personId)).toMatchObject({
      kind: 'toy',
      payload: question.payload,
      answer: 'no',
    })
    expect(await questions().take(no, question.personId)).toBeUndefined()
    expect(await questions().take(yes, question.personId)).toBeUndefined()
  })

  test('has handles that fit a button and cannot be told from others', async () => {
    for (const handle of await questions().ask(question)) {
      expect(Buffer.byteLength(handle)).toBeLessThanOrEqual(64)
      expect(handle).toMatch(/^[\w-]{43}\d$/)
    }
  })

  test('is nobody else’s, and stays when somebody else tries', async () => {
    const [yes = ''] = await questions().ask(question)
    expect(await questions().take(yes, '5000000002')).toBeUndefined()
    expect(await questions().take(yes, question.personId)).toMatchObject({ answer: 'yes' })
  })

  test('has no answers but its own', async () => {
    const [yes = ''] = await questions().ask(question)
    for (const forged of [`${yes.slice(0, -1)}2`, `${yes.slice(0, -1)}9`, yes.slice(0, -1), `${yes}0`, '', `x${yes}`]) {
      expect(await questions().take(forged, question.personId)).toBeUndefined()
    }
    expect(await questions().take(yes, question.personId)).toMatchObject({ answer: 'yes' })
  })

  test('is over after its time, and when it was withdrawn', async () => {
    const [late = ''] = await questions().ask(question)
    advance(60)
    expect(await questions().take(late, question.personId)).toBeUndefined()
    const [withdrawn = ''] = await questions().ask({ ...question, about: 'request-1' })
    const [other = ''] = await questions().ask({ ...question, about: 'request-2' })
    expect(await questions().withdraw('toy', 'request-1')).toBe(1)
    expect(await questions().take(withdrawn, question.personId)).toBeUndefined()
    expect(await questions().take(other, question.personId)).toMatchObject({ answer: 'yes' })
  })

  test('can be put back by whoever could not act on it', async () => {
    const [yes = ''] = await questions().ask(question)
    await (await questions().take(yes, question.personId))?.putBack()
    expect(await questions().take(yes, question.personId)).toMatchObject({ answer: 'yes' })
  })

  test('lies there sealed, and its handles do not', async () => {
    const [yes = ''] = await questions().ask(question)
    const dump = await database.dump()
    expect(dump).not.toContain(yes.slice(0, 43))
    expect(dump).not.toContain('of the question')
  })
})

postgresTest('of many presses at once on two nodes one is taken', async () => {
  await using shared = await openPostgresDatabase()
  const other = openPostgres(shared.url)
  try {
    const nodes = [shared.store.db, other.db].map((db) => telegramQuestions(db, ring, now))
    const [yes = '', no = ''] =
      (await nodes[0]?.ask({ personId: '1', kind: 'toy', payload: null, answers: ['yes', 'no'], ttl: 60 })) ?? []
    const taken = await Promise.all(Array.from({ length: 20 }, (_, n) => nodes[n % 2]?.take(n % 3 ? yes : no, '1')))
    expect(taken.filter((it) => it !== undefined)).toHaveLength(1)
  } finally {
    await other.close()
  }
})

describe('an update', () => {
  const updates = (bot = '77') => telegramUpdates(database.store.db, now, bot)

  test('is done once', async () => {
    expect(await updates().claim(1)).toBe('mine')
    expect(await updates().claim(1)).toBe('busy')
    await updates().finish(1)
    expect(await updates().claim(1)).toBe('done')
    expect(await updates('78').claim(1), 'the same number of another bot').toBe('mine')
  })

  test('is free again when its work failed, or its node died over it; a few times', async () => {
    for (const _ of ['first', 'second']) {
      expect(await updates().claim(2)).toBe('mine')
      await updates().giveBack(2)
    }
    expect(await updates().claim(2)).toBe('mine')
    expect(await updates().claim(2)).toBe('busy')
    advance(60)
    expect(await updates().claim(2)).toBe('done')
    expect(await updates().claim(3)).toBe('mine')
    advance(60)
    expect(await updates().claim(3)).toBe('mine')
  })
})

postgresTest('of many nodes that are brought an update one does it', async () => {
  await using shared = await openPostgresDatabase()
  const updates = telegramUpdates(shared.store.db, now, '77')
  const claims = await Promise.all(Array.from({ length: 20 }, () => updates.claim(7)))
  expect(claims.filter((claim) => claim === 'mine')).toHaveLength(1)
})

test('somebody can be written to from their first word until they block the bot', async () => {
  const people = telegramPeople(database.store.db, now)
  expect(await people.standing('5000000003')).toBe('unreachable')
  await people.reached('5000000003')
  await people.reached('5000000003')
  expect(await people.standing('5000000003')).toBe('reachable')
  await people.lost('5000000003')
  expect(await people.standing('5000000003')).toBe('unreachable')
})

test('a lease is held by one, who keeps it by renewing it', async () => {
  const [one, other] = [lease(database.store.db, now, 'work'), lease(database.store.db, now, 'work')]
  expect(await one.hold(60)).toBe(true)
  expect(await other.hold(60)).toBe(false)
  advance(59)
  expect(await one.hold(60)).toBe(true)
  advance(59)
  expect(await other.hold(60)).toBe(false)
  advance(1)
  expect(await other.hold(60)).toBe(true)
  await one.release()
  expect(await one.hold(60)).toBe(false)
  await other.release()
  expect(await one.hold(60)).toBe(true)
})

postgresTest('of many browsers one has the link, and of refusing and answering at once one counts', async () => {
  await using shared = await openPostgresDatabase()
  const connections = telegramConnections(shared.store.db, ring, now)
  const { id: accountId } = await accounts(shared.store.db, now).create({ identity: { provider: 'toy', subject: 'a' } })
  const decided = { sessionUid: 'uid', address: '192.0.2.1' }
  for (let round = 0; round < 5; round += 1) {
    const choice = { number: '47', choices: ['12', '47', '63'] }
    const dana = { personId: '5000000001', name: 'Dana', username: undefined, choice, messageId: undefined }
    const { token, id } = await connections.offer(dana)
    const browsers = await Promise.all(Array.from({ length: 10 }, () => connections.open(token)))
    const [browser = '', ...others] = browsers.filter((it) => it !== undefined)
    expect(others).toEqual([])
    const connection = await connections.ofBrowser(browser)
    if (connection === undefined) throw new Error('the browser has no connection')
    const asks = await Promise.all([1, 2, 3].map(() => connections.ask(connection, accountId, decided)))
    expect(asks.filter(Boolean)).toHaveLength(1)
    const ends = await Promise.all([
      connections.decide(id),
      connections.end(id, ['opened', 'asked'], 'denied'),
      connections.decide(id),
      connections.end(id, ['asked'], 'denied'),
    ])
    expect(ends.filter((it) => it !== undefined)).toHaveLength(1)
  }
})
