/** Our bot, seen from the chat: updates are fetched and brought, once each, and it speaks to people in private alone. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { outage, startTelegram, type Telegram, tooMany } from '../support/fakes/telegram.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { pollingAt, publicOrigin, webhookAt } from '../support/telegram-bot.ts'

describe('where updates are fetched', () => {
  let telegram: Telegram
  let server: TestServer
  beforeAll(async () => {
    telegram = await startTelegram()
    server = await startTestServer({ settings: pollingAt(telegram) })
  })
  afterAll(async () => {
    await server.stop()
    expect(telegram.complaints).toEqual([])
    await telegram[Symbol.asyncDispose]()
  })

  test('whoever starts the bot, asks for help or writes anything is told what it is for', async () => {
    for (const text of ['/start', '/help', '/unknown', 'hello', '/start@oktron_test_bot']) {
      const person = telegram.person()
      person.write(text)
      expect((await person.told('bot of Habitat')).text).toContain('/help')
    }
  })

  test('a link that leads nowhere, or was not made by us, is told to be over', async () => {
    for (const parameter of ['x', `s${'A'.repeat(42)}`, `0${'A'.repeat(43)}`, `z${'A'.repeat(43)}`]) {
      const person = telegram.person()
      person.open(`https://t.me/oktron_test_bot?start=${parameter}`)
      await person.told('This link is over')
    }
  })

  test('what somebody forwards is nobody’s word', async () => {
    const person = telegram.person()
    person.forward(`/start s${'A'.repeat(43)}`)
    await person.told('bot of Habitat')
    expect(person.messages.filter(({ text }) => text.includes('This link is over'))).toEqual([])
  })

  test('in a group it says to write in private, and only when it is called', async () => {
    const person = telegram.person()
    const group = telegram.group(person)
    group.write(person, 'hello all')
    group.write(person, '/start@another_bot')
    group.write(person, '/start')
    await group.told('write to me in private')
    await telegram.allTaken()
    expect(group.messages.filter(({ from }) => from.is_bot)).toHaveLength(1)
    expect(person.messages).toEqual([])
  })

  test('data of a button that we did not make, or of somebody else, does nothing', async () => {
    const person = telegram.person()
    person.write('/start')
    const message = await person.told('bot of Habitat')
    for (const data of ['x', `${'A'.repeat(43)}0`, '__proto__']) {
      expect(await person.forge(data, message)).toBe('This is over: it was answered already, or waited too long.')
    }
  })

  test('the menu of private chats shows the commands', async () => {
    await expect
      .poll(() => telegram.calls.find(({ method }) => method === 'setMyCommands')?.payload)
      .toMatchObject({
        scope: { type: 'all_private_chats' },
        commands: expect.arrayContaining([{ command: 'help', description: 'what this bot is for' }]),
      })
  })

  test('waits as Telegram asks it to (429), and goes on after a failure of Telegram', async () => {
    const person = telegram.person()
    person.fail('sendMessage', tooMany(0), tooMany(0))
    person.write('/start')
    await person.told('bot of Habitat')
    telegram.fail('getUpdates', outage())
    person.write('hello again')
    await expect.poll(() => person.messages.filter(({ from }) => from.is_bot), { timeout: 5_000 }).toHaveLength(2)
  })

  test('nobody brings updates there: the address of the webhook does not exist', async () => {
    const answer = await fetch(`${server.address}/telegram/webhook`, { method: 'POST', body: '{}' })
    expect(answer.status).toBe(404)
  })
})

describe('where updates are brought', () => {
  let telegram: Telegram
  let server: TestServer
  beforeAll(async () => {
    telegram = await startTelegram()
    server = await startTestServer({ settings: webhookAt(telegram) })
    telegram.route(publicOrigin, server.address)
  })
  afterAll(async () => {
    await server.stop()
    expect(telegram.complaints).toEqual([])
    await telegram[Symbol.asyncDispose]()
  })

  test('the server registers itself, with a secret and the kinds of updates that it takes', async () => {
    await expect.poll(() => telegram.webhook().url).toContain(`${publicOrigin}/telegram/webhook`)
    const call = telegram.calls.find(({ method }) => method === 'setWebhook')
    expect(call?.payload).toMatchObject({ allowed_updates: ['message', 'callback_query', 'my_chat_member'] })
    expect(String(call?.payload['secret_token'])).toMatch(/^[\w-]{43}$/)
    const person = telegram.person()
    person.write('/start')
    await person.told('bot of Habitat')
  })

  test('an update that is brought again is not done again', async () => {
    const person = telegram.person()
    person.write('/start')
    await person.told('bot of Habitat')
    await telegram.allTaken()
    telegram.repeat(telegram.updates.at(-1) as never)
    await telegram.allTaken()
    expect(person.messages.filter(({ from }) => from.is_bot)).toHaveLength(1)
  })
})

test('without a bot there is no such address', async () => {
  await using server = await startTestServer()
  expect((await fetch(`${server.address}/telegram/webhook`, { method: 'POST' })).status).toBe(404)
})
