/**
 * Attacks by the way of the bot: updates that are not Telegram's, and buttons that are not one's own. Whoever could forge an
 * update could sign in as anybody.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { postgresTest } from '../support/database.ts'
import { outage, startTelegram, type Telegram } from '../support/fakes/telegram.ts'
import { startNodes } from '../support/nodes.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { publicOrigin, webhookAt } from '../support/telegram-bot.ts'

let telegram: Telegram
let server: TestServer
beforeAll(async () => {
  telegram = await startTelegram()
  server = await startTestServer({ settings: webhookAt(telegram) })
  telegram.route(publicOrigin, server.address)
})
afterAll(async () => {
  await server.stop()
  await telegram[Symbol.asyncDispose]()
})

const proxied = { 'x-forwarded-host': 'auth.example', 'x-forwarded-proto': 'https', 'content-type': 'application/json' }
let lastUpdate = 1_000

/** What somebody would post who knows everything but the secret. */
function startOf(id: number): string {
  lastUpdate += 1
  const from = { id, is_bot: false, first_name: 'Mallory' }
  const message = { message_id: 1, date: 1, chat: { id, type: 'private' }, from, text: '/start' }
  return JSON.stringify({ update_id: lastUpdate, message })
}

async function post(body: string, headers: Record<string, string> = {}): Promise<number> {
  const init = { method: 'POST', headers: { ...proxied, ...headers }, body }
  return (await fetch(`${server.address}/telegram/webhook`, init)).status
}

async function secret(): Promise<string> {
  await expect.poll(() => telegram.calls.some(({ method }) => method === 'setWebhook')).toBe(true)
  return String(telegram.calls.find(({ method }) => method === 'setWebhook')?.payload['secret_token'])
}

test('an update without the secret, or with a wrong one, is refused and not read', async () => {
  const victim = telegram.person()
  const right = await secret()
  const wrong = [
    undefined,
    '',
    ' ',
    right.slice(1),
    `${right}x`,
    right.toLowerCase(),
    'A'.repeat(43),
    `${right}, ${right}`,
  ]
  for (const given of wrong) {
    const headers = given === undefined ? {} : { 'x-telegram-bot-api-secret-token': given }
    expect(await post(startOf(victim.id), headers)).toBe(401)
    expect(await post('no JSON at all', headers)).toBe(401)
  }
  expect(telegram.calls.filter(({ payload }) => payload['chat_id'] === victim.id)).toEqual([])
  expect(server.logged.join('')).not.toContain(right)
})

test('with the secret what is no update is refused, and a long body is not read to its end', async () => {
  const headers = { 'x-telegram-bot-api-secret-token': await secret() }
  for (const body of ['', '[]', 'null', '{}', '{"update_id":"1"}', '{"update_id":1.5}', '{', '"x"']) {
    expect(await post(body, headers)).toBe(400)
  }
  expect(await post(`{"update_id":1,"x":"${'x'.repeat(300_000)}"}`, headers)).toBe(413)
  expect((await fetch(`${server.address}/telegram/webhook`, { headers: { ...proxied, ...headers } })).status).toBe(405)
  // An update of a kind that is not wanted is none of our business, but must not come again and again.
  expect(await post('{"update_id":2,"poll":{}}', headers)).toBe(200)
})

test('a replayed update does nothing, whoever has it', async () => {
  const person = telegram.person()
  person.write('/start')
  await telegram.allTaken()
  const again = JSON.stringify(telegram.updates.at(-1))
  const headers = { 'x-telegram-bot-api-secret-token': await secret() }
  expect(await Promise.all([post(again, headers), post(again, headers)])).toEqual([200, 200])
  expect(person.messages.filter(({ from }) => from.is_bot)).toHaveLength(1)
})

test('a button in a group, or of a message that is not in the private chat, does nothing', async () => {
  const person = telegram.person()
  const group = telegram.group(person)
  group.write(person, '/start')
  const message = await group.told('in private')
  expect(await person.forge(`${'A'.repeat(43)}0`, message)).toMatch(/in private/)
})

test('whoever blocks the bot is left alone, and can come back', async () => {
  const person = telegram.person()
  person.write('/start')
  await person.told('bot of Habitat')
  person.block()
  await telegram.allTaken()
  const rows = () =>
    server.database.store.db.selectFrom('telegram_people').selectAll().where('id', '=', String(person.id)).execute()
  expect(await rows()).toEqual([])
  person.unblock()
  await telegram.allTaken()
  expect(await rows()).toHaveLength(1)
})

test('an outage of Telegram ends nothing, and neither tokens nor chats nor people stand in the log', async () => {
  const person = telegram.person()
  person.fail('sendMessage', outage())
  person.write('/start')
  await telegram.allTaken()
  person.write('/help')
  await person.told('bot of Habitat')
  const logged = server.logged.join('')
  for (const secretly of [telegram.token, String(person.chatId), String(person.id)])
    expect(logged).not.toContain(secretly)
  expect(await server.database.dump()).not.toContain(String(person.chatId))
})

postgresTest('an update that two nodes are brought is done by one', async () => {
  await using fake = await startTelegram()
  await using nodes = await startNodes({ settings: webhookAt(fake) })
  await expect.poll(() => fake.calls.some(({ method }) => method === 'setWebhook')).toBe(true)
  const call = fake.calls.find(({ method }) => method === 'setWebhook')
  const person = fake.person()
  const headers = { ...proxied, 'x-telegram-bot-api-secret-token': String(call?.payload['secret_token']) }
  fake.route(publicOrigin, nodes.first.address)
  person.write('/start')
  await fake.allTaken()
  const body = startOf(person.id)
  const posts = [nodes.first, nodes.second, nodes.first, nodes.second].map(({ address }) =>
    fetch(`${address}/telegram/webhook`, { method: 'POST', headers, body }),
  )
  const statuses = (await Promise.all(posts)).map(({ status }) => status)
  expect(statuses.every((status) => status === 200 || status === 503)).toBe(true)
  expect(statuses).toContain(200)
  expect(person.messages.filter(({ from }) => from.is_bot)).toHaveLength(2)
})
