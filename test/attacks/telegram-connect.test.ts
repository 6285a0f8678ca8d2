/**
 * Attacks on `/connect`: a link that somebody else opens, uses again, uses late; forms of other sites; presses that are not
 * one's own. What must never happen is that one person's Telegram opens another one's account.
 */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { sessions } from '../../adapters/postgres/sessions.ts'
import { startTelegram, type Telegram } from '../support/fakes/telegram.ts'
import { somebody } from '../support/people.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { answerInChat, askForLink, openLink, pollingAt, shownNumber, telegramOf } from '../support/telegram-bot.ts'

let telegram: Telegram
let server: TestServer
beforeAll(async () => {
  telegram = await startTelegram()
  server = await startTestServer({ settings: pollingAt(telegram) })
})
afterAll(async () => {
  await server.stop()
  await telegram[Symbol.asyncDispose]()
})
beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'], now: new Date() }))
afterEach(() => void vi.useRealTimers())

test('somebody else who opens the link goes all the way, and gets nothing without the person in the chat', async () => {
  const dana = telegram.person('Dana')
  const mallory = somebody('mallory')
  const thief = server.visitor()
  const page = await openLink(thief, await askForLink(dana), mallory)
  await thief.submit(page, '/telegram/connect', { decision: 'connect' })
  expect((await dana.told('Connect this Telegram with')).text).toContain('m•••@example.com')
  expect(await telegramOf(server, mallory.email)).toEqual([])
  await answerInChat(dana, 'No')
  expect(await telegramOf(server, mallory.email)).toEqual([])
})

test('the chat asks for the number of the browser: another one connects nothing, however alike the accounts are', async () => {
  const dana = telegram.person('Dana')
  const mallory = somebody('danny')
  const thief = server.visitor()
  const page = await openLink(thief, await askForLink(dana), mallory)
  const shown = shownNumber(await thief.submit(page, '/telegram/connect', { decision: 'connect' }))
  const question = await dana.told('Connect this Telegram with')
  expect(question.text).not.toContain(shown)
  const buttons = question.reply_markup?.inline_keyboard?.flat() ?? []
  expect(buttons.map(({ text }) => text)).toEqual([...Array(3).fill(expect.stringMatching(/^\d\d$/)), 'No'])
  const other = buttons.find(({ text }) => text !== shown)
  await dana.press(other ?? { text: '' }, question)
  await dana.told('another number')
  expect((await thief.get('/telegram/connect')).text).toContain('Nothing was connected')
  expect(await telegramOf(server, mallory.email)).toEqual([])
})

test('a link from somebody else’s chat says whose it is before anything is decided', async () => {
  const mallory = telegram.person('Your own Telegram', { username: 'mallory' })
  const page = await openLink(server.visitor(), await askForLink(mallory), somebody('victim'))
  expect(page.text).toContain('@mallory')
  expect(page.text).toContain('Did somebody send you the link')
})

test('opening spends nothing: previews fetch the link, and its owner still comes in', async () => {
  const dana = telegram.person()
  const path = await askForLink(dana)
  for (const method of ['GET', 'HEAD']) await server.visitor().request(path, { method })
  expect((await openLink(server.visitor(), path, somebody('kim'))).text).toContain('Connect this Telegram?')
})

test('a link is used by one browser; another one, or a second time, finds it over', async () => {
  const dana = telegram.person()
  const path = await askForLink(dana)
  const [first, second] = [server.visitor(), server.visitor()]
  const pages = [await first.get(path), await second.get(path)]
  const person = somebody('lena')
  await openLink(first, path, person)
  const late = await second.submit(pages[1] ?? (await second.get(path)), path)
  expect([late.status, late.text]).toEqual([410, expect.stringContaining('can’t be used any more')])
  expect((await first.get(path)).status).toBe(410)
  expect((await second.get('/telegram/connect')).status).toBe(410)
})

test('a newer link ends the one before', async () => {
  const dana = telegram.person()
  const older = await askForLink(dana)
  const newer = await askForLink(dana)
  expect((await server.visitor().get(older)).status).toBe(410)
  expect((await server.visitor().get(newer)).status).toBe(200)
})

test('after two minutes a link is over, and a page that waited longer than the chat may is, too', async () => {
  const dana = telegram.person()
  const path = await askForLink(dana)
  const visitor = server.visitor()
  const page = await visitor.get(path)
  vi.setSystemTime(Date.now() + 121_000)
  expect((await visitor.submit(page, path)).status).toBe(410)
  const again = await openLink(visitor, await askForLink(dana), somebody('mona'))
  const person = await visitor.submit(again, '/telegram/connect', { decision: 'connect' })
  expect(person.text).toContain('Confirm in Telegram')
  vi.setSystemTime(Date.now() + 301_000)
  expect(await answerInChat(dana, visitor)).not.toContain('Connected')
  expect((await visitor.get('/telegram/connect')).status).toBe(410)
})

test('forms of another site neither use a link nor decide', async () => {
  const dana = telegram.person()
  const path = await askForLink(dana)
  const visitor = server.visitor()
  const foreign = { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }
  expect((await visitor.post(path, {}, foreign)).status).toBe(403)
  const person = somebody('nils')
  await openLink(visitor, path, person)
  expect((await visitor.post('/telegram/connect', { decision: 'connect' }, foreign)).status).toBe(403)
  expect((await visitor.get('/telegram/connect')).text).toContain('Connect this Telegram?')
})

test('a decision counts for the account that the page named alone', async () => {
  const dana = telegram.person()
  const visitor = server.visitor()
  await openLink(visitor, await askForLink(dana), somebody('olga'))
  const other = await visitor.post('/telegram/connect', { decision: 'connect', account: 'usr_of_somebody_else' })
  expect(other.text).toContain('Connect this Telegram?')
  expect(dana.messages.filter(({ text }) => text.includes('Connect this Telegram with'))).toEqual([])
})

test('presses of somebody else, and a second press, do nothing', async () => {
  const [dana, mallory] = [telegram.person(), telegram.person()]
  const person = somebody('petra')
  const visitor = server.visitor()
  const page = await openLink(visitor, await askForLink(dana), person)
  await visitor.submit(page, '/telegram/connect', { decision: 'connect' })
  const question = await dana.told('Connect this Telegram with')
  const buttons = question.reply_markup?.inline_keyboard?.flat() ?? []
  const shown = shownNumber(await visitor.get('/telegram/connect'))
  const connect = buttons.find(({ text }) => text === shown)
  const no = buttons.find(({ text }) => text === 'No')
  mallory.write('/start')
  const own = await mallory.told('bot of Habitat')
  expect(await mallory.forge(connect?.callback_data ?? '', own)).toContain('This is over')
  expect(await telegramOf(server, person.email)).toEqual([])
  await dana.press(no ?? { text: '' }, question)
  await dana.forge(connect?.callback_data ?? '', question)
  expect(await telegramOf(server, person.email)).toEqual([])
})

test('a session that was ended before the answer in the chat adds nothing: also that one alone, by whoever ended it', async () => {
  const dana = telegram.person()
  const person = somebody('uma')
  const visitor = server.visitor()
  const page = await openLink(visitor, await askForLink(dana), person)
  await visitor.submit(page, '/telegram/connect', { decision: 'connect' })
  await dana.told('Connect this Telegram with')
  const { db } = server.database.store
  const { uid } = await db
    .selectFrom('sessions')
    .innerJoin('accounts', 'accounts.id', 'sessions.account_id')
    .select('sessions.uid')
    .where('accounts.email', '=', person.email)
    .executeTakeFirstOrThrow()
  expect(await sessions(db, () => new Date()).revoke(uid)).toBe(true)
  expect(await answerInChat(dana, visitor)).toContain('the browser is signed out')
  expect(await telegramOf(server, person.email)).toEqual([])
})

test('signing out everywhere ends what is about to be connected; so does disabling the account', async () => {
  const dana = telegram.person()
  const person = somebody('rosa')
  const visitor = server.visitor()
  const page = await openLink(visitor, await askForLink(dana), person)
  await visitor.submit(page, '/telegram/connect', { decision: 'connect' })
  await dana.told('Connect this Telegram with')
  await server.visitor().get('/')
  await visitor.submit(await visitor.get('/account'), '/account/sign-out-everywhere')
  expect(await answerInChat(dana, visitor)).not.toContain('Connected')
  const erik = telegram.person()
  const another = somebody('sven')
  const browser = server.visitor()
  await browser.submit(await openLink(browser, await askForLink(erik), another), '/telegram/connect', {
    decision: 'connect',
  })
  await erik.told('Connect this Telegram with')
  await server.database.store.db
    .updateTable('accounts')
    .set({ disabled_at: new Date() })
    .where('email', '=', another.email)
    .execute()
  expect(await answerInChat(erik, browser)).not.toContain('Connected')
  expect([await telegramOf(server, person.email), await telegramOf(server, another.email)]).toEqual([[], []])
})

test('neither link nor names lie in the database or the log', async () => {
  const dana = telegram.person('Dana-of-the-dump', { username: 'dana_of_the_dump' })
  const path = await askForLink(dana)
  const visitor = server.visitor()
  await openLink(visitor, path, somebody('tara'))
  await visitor.get(`${path}x`)
  const secrets = [
    path.split('/').at(-1) ?? '',
    ...visitor.cookies.filter(({ name }) => name === 'telegram-connect').map(({ value }) => value),
  ]
  const dump = await server.database.dump()
  for (const secret of [...secrets, 'Dana-of-the-dump', 'dana_of_the_dump', String(dana.chatId)]) {
    expect(dump).not.toContain(secret)
    expect(server.logged.join('')).not.toContain(secret)
  }
  expect(secrets).toHaveLength(2)
})
