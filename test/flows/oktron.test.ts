/** The example bot, end to end: a person in a chat, a browser elsewhere, the server and an API between them. */
import { readdir } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startOktronDemo } from '../../examples/oktron/demo.ts'
import { token } from '../support/authorize.ts'
import { browserTest } from '../support/browser.ts'
import { enter, finish } from '../support/device.ts'
import { outage, type Somebody, startTelegram, tooMany } from '../support/fakes/telegram.ts'
import type { Message } from '../support/fakes/telegram-world.ts'
import { listen, type OktronStage, startOktronStage } from '../support/oktron.ts'
import { somebody as account, register } from '../support/people.ts'
import { passSeconds } from '../support/time-lapse.ts'
import { type Visitor, visitor } from '../support/visitor.ts'

let stage: OktronStage
beforeAll(async () => {
  stage = await startOktronStage()
  void stage.bot.poll()
})
afterAll(async () => {
  const { complaints } = stage.telegram
  await stage[Symbol.asyncDispose]()
  // Telegram refused nothing that the bot should have known.
  expect(complaints).toEqual([])
})

const pin = '271828'

/** Everything that the message with the code shows. */
async function codeFor(person: Somebody): Promise<{ message: Message; user_code: string }> {
  person.write('/connect')
  const message = await person.told('enter the code')
  const [, user_code = ''] = /the code\n(\S+)/.exec(message.text) ?? []
  return { message, user_code }
}

/** Somebody who is signed in at the server, in a browser of their own. */
async function browserOf(name: string): Promise<Visitor> {
  const visitor = stage.server.visitor()
  await register(visitor, '/account', account(name))
  return visitor
}

async function confirm(visitor: Visitor, user_code: string): Promise<void> {
  const page = await visitor.submit(await enter(visitor, { user_code }), '/device', { decision: 'allow' })
  await finish(visitor, page)
}

async function choosePin(person: Somebody, chosen = pin): Promise<void> {
  person.reply(await person.told('Choose a PIN'), chosen)
  await person.told('Your PIN is set')
}

/** Somebody whose bot is connected, with a PIN. */
async function connected(name = 'alice'): Promise<{ person: Somebody; visitor: Visitor }> {
  const person = stage.telegram.person(name)
  const visitor = await browserOf(name)
  const { user_code } = await codeFor(person)
  await confirm(visitor, user_code)
  await stage.passUntil(person.told('Choose a PIN'))
  await choosePin(person)
  return { person, visitor }
}

const textsIn = ({ messages }: Somebody) => messages.map(({ text }) => text)
const buttonsOf = (message: Message) => message.reply_markup?.inline_keyboard?.flat() ?? []
const buttonOf = (message: Message, text: string) => buttonsOf(message).find((it) => it.text === text) ?? { text }

/** Answers only the question for the PIN. */
async function answerPin(person: Somebody, given: string): Promise<void> {
  person.reply(await person.told('Reply with your PIN'), given)
}

test('a person connects, chooses a PIN, asks who they are, adds a note with the PIN and disconnects', async () => {
  const person = stage.telegram.person()
  person.write('/start')
  await person.told('/connect')
  const visitor = await browserOf('alice')
  const { message, user_code } = await codeFor(person)
  expect(message.has_protected_content).toBe(true)
  expect(message.text).toContain(`${stage.server.origin}/device\n`)
  expect(buttonOf(message, 'Copy the code')).toEqual({ text: 'Copy the code', copy_text: { text: user_code } })
  await confirm(visitor, user_code)
  expect(await stage.passUntil(person.told('You are connected to okto as'))).toBe(message)
  expect(buttonsOf(message)).toEqual([])
  await choosePin(person)

  person.write('/whoami')
  await person.told('okto keeps 0 notes of yours')
  person.write('/note Buy milk')
  expect((await person.told('Add this note?\n\nBuy milk')).reply_markup).toMatchObject({ force_reply: true })
  await answerPin(person, pin)
  await person.told('That makes 1 note')
  person.write('/whoami')
  await person.told('okto keeps 1 note of yours')
  // The person's messages with the PIN are gone.
  expect(textsIn(person).join('\n')).not.toContain(pin)

  const files = (await readdir(stage.folder)).length
  person.write('/disconnect')
  const question = await person.told('End the connection')
  await person.press(buttonOf(question, 'Disconnect'), question)
  await person.told('The connection has ended. I have kept nothing.')
  expect(await readdir(stage.folder)).toHaveLength(files - 1)
  const [, refresh_token = ''] =
    /\/revoke\n.*\n.*\btoken=([^&]+)/.exec(stage.requests.findLast((it) => it.includes('/revoke\n')) ?? '') ?? []
  const refused = await token(stage.server, stage.client, { grant_type: 'refresh_token', refresh_token })
  expect(refused).toMatchObject({ status: 400, body: { error: 'invalid_grant' } })
  person.write('/whoami')
  await person.told('You are not connected')
})

describe('a person who does not go through with it', () => {
  test('because they said in the browser that it was not them: the message says so, nothing is kept', async () => {
    const person = stage.telegram.person()
    const { message, user_code } = await codeFor(person)
    const visitor = stage.server.visitor()
    await visitor.submit(await enter(visitor, { user_code }), '/device', { decision: 'deny' })
    expect(await stage.passUntil(person.told('The connection was refused'))).toBe(message)
    person.write('/whoami')
    await person.told('You are not connected')
  })

  test('because ten minutes went by', async () => {
    const person = stage.telegram.person()
    const { message, user_code } = await codeFor(person)
    expect(message.text).toContain(user_code)
    passSeconds(590)
    expect(await stage.passUntil(person.told('The time is over'))).toBe(message)
  })

  test('because they cancelled, even if a browser confirms afterwards', async () => {
    const person = stage.telegram.person()
    const { message, user_code } = await codeFor(person)
    expect(await person.press(buttonOf(message, 'Cancel'), message)).toBe('')
    expect(await person.told('Cancelled')).toBe(message)
    await confirm(await browserOf('late'), user_code)
    person.write('/whoami')
    await person.told('You are not connected')
  })

  test('because they asked for another code: the first one is over', async () => {
    const person = stage.telegram.person()
    const first = await codeFor(person)
    person.write('/connect')
    await person.told('This has been replaced')
    expect(first.message.text).not.toContain(first.user_code)
    const second = await person.told('enter the code')
    expect(second).not.toBe(first.message)
    await person.press(buttonOf(second, 'Cancel'), second)
    await person.told('Cancelled')
  })
})

describe('the PIN', () => {
  test('is deleted from the chat also when it is written without replying, or to a question that is over', async () => {
    const { person } = await connected()
    person.write('/note Buy milk')
    await person.told('Add this note?')
    person.write(pin)
    await person.told('Added')
    person.write('314159')
    await person.told('That question is over')
    expect(textsIn(person).join('\n')).not.toMatch(/\d{6}/)
  })

  test('has to be one that is not the first to be tried', async () => {
    const person = stage.telegram.person()
    const { user_code } = await codeFor(person)
    await confirm(await browserOf('weak'), user_code)
    await stage.passUntil(person.told('Choose a PIN'))
    for (const weak of ['12345', '111111', '123456', '987654', '1234567890123', 'abcdef']) {
      person.reply(await person.told('Choose a PIN'), weak)
      await stage.telegram.allTaken()
      person.write('/note first')
      await stage.telegram.allTaken()
      expect((await person.told('Choose a PIN')).reply_markup).toMatchObject({ force_reply: true })
    }
    await choosePin(person)
  })

  test('may be wrong four times; the fifth ends the connection, here and at the server', async () => {
    const { person } = await connected()
    person.write('/note Buy milk')
    let question = await person.told('Reply with your PIN')
    for (const left of ['4 tries', '3 tries', '2 tries', '1 try']) {
      person.reply(question, '000000')
      question = await person.told(`That is not your PIN. ${left} left.`)
    }
    person.reply(question, '000000')
    await person.told('The connection has ended')
    person.write('/whoami')
    await person.told('You are not connected')
  })

  test('is spent by tries side by side as by one after the other', async () => {
    const { person } = await connected()
    const questions: Message[] = []
    for (let number = 1; number <= 7; number += 1) {
      person.write(`/note number ${number}`)
      questions.push(await person.told(`number ${number}\n`))
    }
    for (const question of questions) person.reply(question, '000000')
    await person.told('You are not connected')
    expect(textsIn(person).filter((text) => text.startsWith('That is not'))).toHaveLength(4)
  })
})

describe('strangers', () => {
  test('in a group nothing is done, and nobody is connected', async () => {
    const { person } = await connected()
    const group = stage.telegram.group(person)
    for (const command of ['/connect', '/whoami', '/note x', '/disconnect', '/start']) group.write(person, command)
    await stage.telegram.allTaken()
    group.write(person, pin)
    await group.told('in private only')
    await stage.telegram.allTaken()
    expect(new Set(group.messages.filter(({ from }) => from.is_bot).map(({ text }) => text)).size).toBe(1)
  })

  test('a button that is pressed with forged data, or by somebody else, does nothing; its owner still can', async () => {
    const { person } = await connected()
    person.write('/disconnect')
    const question = await person.told('End the connection')
    const { callback_data: data = '' } = buttonOf(question, 'Disconnect')
    expect(Buffer.byteLength(data)).toBe(22)
    const mallory = stage.telegram.person('Mallory')
    expect(await mallory.forge(data, question)).toBe('That is over.')
    for (const forged of ['disconnect', String(person.id), `${data}=`, '__proto__', '']) {
      expect(await person.forge(forged, question)).toBe('That is over.')
    }
    person.write('/whoami')
    await person.told('okto keeps')
    await person.press(buttonOf(question, 'Disconnect'), question)
    await person.told('I have kept nothing')
    expect(await person.forge(data, question)).toBe('That is over.')
  })

  test('who replies to the question that somebody else was asked answers nothing', async () => {
    const { person } = await connected()
    person.write('/note Mine')
    const question = await person.told('Add this note?')
    const mallory = stage.telegram.person('Mallory')
    mallory.write('/start')
    mallory.reply({ ...question }, pin)
    await mallory.told('That question is over')
    person.reply(question, pin)
    await person.told('Added')
  })
})

describe('Telegram', () => {
  test('that wants the bot to wait is waited for', async () => {
    const person = stage.telegram.person()
    person.fail('sendMessage', tooMany(7))
    person.write('/start')
    await person.told('I am oktron')
    expect(stage.waited).toEqual([7])
  })

  test('that cannot reach a person any more makes the bot forget them and end their access', async () => {
    const { person } = await connected()
    const files = (await readdir(stage.folder)).length
    person.block()
    person.write('/whoami')
    await stage.telegram.allTaken()
    person.unblock()
    person.write('/whoami')
    await person.told('You are not connected')
    expect(await readdir(stage.folder)).toHaveLength(files - 1)
    expect(stage.lines.at(-1)).toBe('person.unreachable')
  })
})

test('an access token that has expired is renewed, and one that the person took back ends the connection', async () => {
  const { person, visitor } = await connected()
  passSeconds(601)
  person.write('/whoami')
  person.write('/whoami')
  await person.told('okto keeps')
  await visitor.submit(await visitor.get('/account'), '/apps/revoke')
  passSeconds(601)
  person.write('/whoami')
  await person.told('The connection has ended, here or in your account')
})

test('no chat id is in any address, token, claim, log line, row, file or button, and no user id either', async () => {
  const { person, visitor: browser } = await connected()
  person.write('/note Buy milk')
  await answerPin(person, pin)
  await person.told('Added')
  person.write('/disconnect')
  await person.told('End the connection')
  const buttons = stage.telegram.calls.map(({ payload }) => JSON.stringify(payload['reply_markup']))
  const vault = await stage.vault()
  // A refusal, of which the server writes a line.
  await browser.submit(await browser.get('/account'), '/apps/revoke')
  passSeconds(601)
  person.write('/whoami')
  await person.told('The connection has ended, here')
  const requests = stage.requests.join('\n')
  const claims = [...requests.matchAll(/\b[\w-]{10,}(?=\.|$)/g)].map(([part]) =>
    Buffer.from(part, 'base64url').toString(),
  )
  const { rows } = await everyRow(stage.server)
  const places = { requests, claims: claims.join('\n'), rows, vault }
  const logs = { server: stage.server.logged.join('\n'), bot: stage.lines.join('\n'), buttons: buttons.join('\n') }
  // It is looked for where there is something to find.
  for (const [place, text] of Object.entries({ ...places, ...logs })) expect(text.length, place).toBeGreaterThan(10)
  expect(claims.join('\n')).toContain('okto:read')
  expect(requests).toContain('user_code')
  for (const [place, text] of Object.entries({ ...places, ...logs })) {
    expect([place, text.includes(String(person.chatId))]).toEqual([place, false])
    expect([place, text.includes(String(person.id))]).toEqual([place, false])
  }
  expect(requests).not.toContain(stage.telegram.token)
  expect(logs.bot).not.toContain(stage.telegram.token)
})

async function everyRow({ database }: OktronStage['server']): Promise<{ rows: string }> {
  const { db } = database.store
  const tables = await db.introspection.getTables()
  const rows = await Promise.all(
    tables.map(({ name }) =>
      db
        .selectFrom(name as 'identities')
        .selectAll()
        .execute(),
    ),
  )
  return { rows: JSON.stringify(rows) }
}

test('a program that starts anew says in the chat what the one before does not wait for any more', async () => {
  await using own = await startTelegram()
  const person = own.person()
  const first = await stage.another(own)
  void first.poll()
  const { message, user_code } = await codeFor(person)
  await own.allTaken()
  await first.stop()
  expect(message.text).toContain(user_code)
  const second = await stage.another(own)
  expect(message.text).toContain('I was started anew')
  expect(buttonsOf(message)).toEqual([])
  // Said once, and nothing is in the way of another try.
  const said = own.calls.length
  await (await stage.another(own)).stop()
  expect(own.calls.slice(said).map(({ method }) => method)).not.toContain('editMessageText')
  void second.poll()
  const next = await codeFor(person)
  await person.press(buttonOf(next.message, 'Cancel'), next.message)
  await person.told('Cancelled')
  await second.stop()
  const vault = await stage.vault()
  for (const id of [person.id, person.chatId]) expect(vault).not.toContain(String(id))
})

test('an error is logged without what was sent, to whom, or with which token', async () => {
  const person = stage.telegram.person()
  person.fail('sendMessage', outage())
  person.write('/start')
  await person.told('Something went wrong')
  expect(stage.lines.at(-1)).toBe('failed: sendMessage: 502 Bad Gateway')
})

describe('a webhook', () => {
  const secret = 'a-secret-of-more-than-32-characters'

  async function post(address: string, update: object, given?: string): Promise<number> {
    const headers: Record<string, string> = given === undefined ? {} : { 'x-telegram-bot-api-secret-token': given }
    const init = {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify(update),
    }
    return (await fetch(address, init)).status
  }

  test('takes updates from Telegram, and from nobody without its secret; the same one is done once', async () => {
    await using own = await startTelegram()
    const bot = await stage.another(own)
    const front = await listen()
    front.serve(await bot.webhook(front.origin, secret))
    const person = own.person()
    person.write('/start')
    await person.told('I am oktron')
    await own.allTaken()
    const said = person.messages.length
    const from = { id: person.id, is_bot: false, first_name: 'Mallory' }
    const entities = [{ type: 'bot_command', offset: 0, length: 6 }]
    const message = {
      message_id: 9,
      date: 1,
      chat: { id: person.chatId, type: 'private' },
      from,
      text: '/start',
      entities,
    }
    const forged = { update_id: 999_999_999, message }
    for (const given of [undefined, '', 'wrong', secret.toUpperCase(), `${secret}x`, secret.slice(1)]) {
      expect([given, await post(front.origin, forged, given)]).toEqual([given, 401])
    }
    expect(person.messages).toHaveLength(said)
    expect(await post(front.origin, forged, secret)).toBe(200)
    expect(await post(front.origin, forged, secret)).toBe(200)
    expect(person.messages).toHaveLength(said + 1)
    await front.close()
  })

  test('brings answers side by side, and yet no more PINs are tried than five', async () => {
    await using own = await startTelegram()
    const bot = await stage.another(own)
    const front = await listen()
    front.serve(await bot.webhook(front.origin, secret))
    const person = own.person()
    const { user_code } = await codeFor(person)
    await confirm(await browserOf('parallel'), user_code)
    await stage.passUntil(person.told('Choose a PIN'))
    await choosePin(person)
    const asked: Message[] = []
    for (let number = 1; number <= 8; number += 1) {
      person.write(`/note number ${number}`)
      asked.push(await person.told(`number ${number}\n`))
    }
    await own.allTaken()
    const from = { id: person.id, is_bot: false, first_name: 'Dana' }
    const chat = { id: person.chatId, type: 'private' }
    const answers = asked.map((reply_to_message, index) => {
      const message = { message_id: 1000 + index, date: 1, chat, from, text: '000000', reply_to_message }
      return post(front.origin, { update_id: 900_000_000 + index, message }, secret)
    })
    expect(new Set(await Promise.all(answers))).toEqual(new Set([200]))
    const said = textsIn(person).filter((text) => /^That (is|was) not your PIN/.test(text))
    expect(said.map((text) => text.slice(0, 35))).toEqual([
      ...[4, 3, 2].map((left) => expect.stringContaining(`${left} tries`)),
      expect.stringContaining('1 try'),
      expect.stringContaining('too often'),
    ])
    await front.close()
  })

  test.for(['', 'short', 'x'.repeat(31), `${'x'.repeat(40)} `, 'x'.repeat(257)])(
    'is not set up with the secret "%s"',
    async (weak) => {
      const before = stage.telegram.calls.length
      await expect(stage.bot.webhook('https://bot.example/', weak)).rejects.toThrow('The secret of the webhook')
      expect(stage.telegram.calls.length).toBe(before)
    },
  )
})

browserTest('in a browser: a person signs in with Google, compares the code, and is connected', async (browser) => {
  const person = stage.telegram.person()
  const { user_code } = await codeFor(person)
  const page = await browser.newPage()
  const press = (name: string | RegExp) => page.getByRole('button', { name }).click()
  await page.goto(`${stage.server.origin}/device`)
  await page.locator('[name=user_code]').fill(user_code)
  await page.locator('[name=user_code]').press('Enter')
  expect(await page.locator('.user-code').textContent()).toContain(user_code)
  await press('This is my device')
  await press(/Google/)
  await press(stage.google.people[0].email ?? '')
  await press(/Create/)
  await press('Allow')
  await page.getByRole('heading', { name: /connected/i }).waitFor()
  await stage.passUntil(person.told('You are connected to okto as Alice'))
  await choosePin(person)
  person.write('/whoami')
  await person.told('You are Alice')
  person.write('/disconnect')
  const question = await person.told('End the connection')
  await person.press(buttonOf(question, 'Disconnect'), question)
  await person.told('The connection has ended')
})

test('the demo starts server, API and bot, and its person connects as it tells', async () => {
  await using own = await startTelegram()
  const demo = await startOktronDemo({ server: 0, app: 0 }, { token: own.token, apiRoot: own.apiRoot })
  try {
    const person = own.person()
    const { user_code } = await codeFor(person)
    const browser = visitor(demo.issuer)
    const signIn = await browser.submit(await enter(browser, { user_code }), '/device', { decision: 'allow' })
    const consent = await browser.submit(signIn, '/answer', { email: demo.email, password: demo.password })
    expect(consent.text).toContain('Add notes to okto')
    await browser.submit(consent, '/consent', { decision: 'allow' })
    await stage.passUntil(person.told('You are connected to okto as Dana Demo'))
    await choosePin(person)
    person.write('/note Buy milk')
    await answerPin(person, pin)
    await person.told('That makes 1 note')
    expect(own.complaints).toEqual([])
  } finally {
    await demo.stop()
  }
})
