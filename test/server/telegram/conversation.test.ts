/** Who gets what: each thing that people do goes to the feature that named it, with the person whom Telegram vouches for. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { sealer } from '../../../adapters/crypto/seal.ts'
import { telegramPeople } from '../../../adapters/postgres/telegram-people.ts'
import { telegramQuestions } from '../../../adapters/postgres/telegram-questions.ts'
import type { Incoming, OutgoingMessage, Receive } from '../../../adapters/telegram/contract.ts'
import { conversation } from '../../../server/telegram/conversation.ts'
import type { TelegramFeature } from '../../../server/telegram/features.ts'
import { openTestDatabase, type TestDatabase } from '../../support/database.ts'

const now = () => new Date('2026-03-01T12:00:00Z')
const dana = { id: '5000000001', firstName: 'Dana' }
const token = 'A'.repeat(43)
let database: TestDatabase
let receive: Receive
let questions: ReturnType<typeof telegramQuestions>
let broken = false
const done: unknown[] = []
const said: OutgoingMessage[] = []

beforeAll(async () => {
  database = await openTestDatabase()
  questions = telegramQuestions(database.store.db, sealer(['a key ring of the tests that is long enough']), now)
  const first: TelegramFeature = {
    starts: { s: async (person, given) => void done.push(['start', person.id, given]) },
    commands: {
      connect: { description: 'connect', run: async (person, text) => void done.push(['connect', person.id, text]) },
    },
    answers: {
      async toy({ person, payload, answer, messageId }) {
        if (broken) throw new Error('the database is away')
        done.push(['answer', person.id, payload, answer, messageId])
        return 'Done'
      },
    },
    text: async (_person, text) => text === 'mine' && done.push(['text', text]) > 0,
  }
  const second: TelegramFeature = { contact: async (_person, phone, own) => done.push(['contact', phone, own]) > 0 }
  const messenger = {
    say: async (_person: string, message: OutgoingMessage) =>
      ({ kind: 'sent', messageId: said.push(message) }) as const,
    edit: async () => undefined,
    remove: async () => undefined,
  }
  const people = telegramPeople(database.store.db, now)
  receive = conversation({ features: [first, second], messenger, people, questions, productName: 'Habitat' })
})
afterAll(() => database.close())

async function after(incoming: Incoming): Promise<unknown> {
  done.length = 0
  said.length = 0
  await receive(incoming)
  return done[0]
}

test('a deep link goes to whoever has its letter; any other is told to be over', async () => {
  expect(await after({ kind: 'start', person: dana, parameter: `s${token}` })).toEqual(['start', dana.id, token])
  for (const parameter of [
    `x${token}`,
    `s${token}x`,
    `s${token.slice(1)}`,
    `S${token}`,
    `s${token.slice(1)}.`,
    token,
  ]) {
    expect(await after({ kind: 'start', person: dana, parameter })).toBeUndefined()
    expect(said[0]?.text).toContain('This link is over')
  }
})

test('a command, a contact and a text go to whoever takes them, and all else is answered with what there is', async () => {
  expect(await after({ kind: 'command', person: dana, name: 'connect', text: 'x' })).toEqual(['connect', dana.id, 'x'])
  expect(await after({ kind: 'contact', person: dana, phone: '+77010000000', own: false })).toEqual([
    'contact',
    '+77010000000',
    false,
  ])
  expect(await after({ kind: 'text', person: dana, text: 'mine', messageId: 1 })).toEqual(['text', 'mine'])
  const others: Incoming[] = [
    { kind: 'text', person: dana, text: 'hello', messageId: 1 },
    { kind: 'command', person: dana, name: 'constructor', text: '' },
    { kind: 'other', person: dana },
    { kind: 'start', person: dana, parameter: undefined },
  ]
  for (const incoming of others) {
    expect(await after(incoming)).toBeUndefined()
    expect(said[0]?.text).toContain('/connect – connect')
  }
})

test('an answer goes to whoever asked; one that could not be acted on can be given again', async () => {
  const [yes = ''] = await questions.ask({
    personId: dana.id,
    kind: 'toy',
    payload: { about: 1 },
    answers: ['yes'],
    ttl: 60,
  })
  const press = { kind: 'press', person: dana, data: yes, messageId: 9 } as const
  broken = true
  await expect(receive(press)).rejects.toThrow('away')
  broken = false
  expect(await after(press)).toEqual(['answer', dana.id, { about: 1 }, 'yes', 9])
  expect(await receive(press)).toContain('This is over')
})

test('a question of a kind that nobody has is over', async () => {
  const [yes = ''] = await questions.ask({
    personId: dana.id,
    kind: 'toString',
    payload: null,
    answers: ['yes'],
    ttl: 60,
  })
  expect(await receive({ kind: 'press', person: dana, data: yes, messageId: 9 })).toContain('This is over')
})
