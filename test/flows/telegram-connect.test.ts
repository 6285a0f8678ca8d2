/** `/connect`: from the chat, by a link, to an account that is signed in, and back to the chat for the last word. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { asGoogle, type FakeIssuer, fakeGoogle } from '../support/fakes/google.ts'
import { startTelegram, type Telegram } from '../support/fakes/telegram.ts'
import { register, somebody } from '../support/people.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { answerInChat, askForLink, openLink, pollingAt, stopBoth, telegramOf } from '../support/telegram-bot.ts'

let telegram: Telegram
let google: FakeIssuer
let server: TestServer
beforeAll(async () => {
  telegram = await startTelegram()
  google = await fakeGoogle()
  server = await startTestServer({ settings: { ...pollingAt(telegram), ...asGoogle(google) } })
  google.allow(`${server.origin}/interaction/callback/google`)
})
afterAll(async () => {
  await stopBoth(server, telegram)
  await google[Symbol.asyncDispose]()
})
beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'], now: new Date() }))
afterEach(() => void vi.useRealTimers())

const events = async (event: string) =>
  server.database.store.db.selectFrom('audit_events').selectAll().where('event', '=', event).execute()

test('link, fresh sign-in, both names on a page, a question in the chat, connected', async () => {
  const dana = telegram.person('Dana', { last_name: 'Example', username: 'dana_ex' })
  const path = await askForLink(dana)
  const person = somebody('dana')
  const visitor = server.visitor()
  expect((await visitor.get(path)).text).not.toMatch(/Dana|dana_ex/)
  const page = await openLink(visitor, path, person)
  expect(page.text).toContain('Dana Example')
  expect(page.text).toContain('@dana_ex')
  expect(page.text).toContain(person.email)
  expect(page.text).toContain('will be able to sign in')
  const waiting = await visitor.submit(page, '/telegram/connect', { decision: 'connect' })
  expect(waiting.text).toContain('Confirm in Telegram')
  expect(waiting.headers.get('refresh')).toBe('3')
  const question = await dana.told('Connect this Telegram with the account')
  expect(question.text).toContain('d•••@example.com')
  expect(question.text).not.toContain(person.email)
  expect(await telegramOf(server, person.email)).toEqual([])
  expect(await answerInChat(dana, visitor)).toContain('Connected with the account d•••@example.com')
  expect(await telegramOf(server, person.email)).toEqual([String(dana.id)])
  expect((await visitor.get('/telegram/connect')).text).toContain('Your Telegram is connected')
  expect((await visitor.get('/account')).text).toContain('@dana_ex')
  const [added] = (await events('identity.added')).filter(({ detail }) => JSON.stringify(detail).includes('telegram'))
  expect(added).toMatchObject({ client_id: 'habitat-account' })
  // Whoever asks again is told.
  dana.write('/connect')
  await dana.told('is connected with an account at Habitat already')
})

test('behind the link people sign in with Google, too, and the chat connects that account', async () => {
  const dana = telegram.person('Dana')
  const path = await askForLink(dana)
  const visitor = server.visitor()
  const signIn = await visitor.submit(await visitor.get(path), path)
  const [alice] = google.people
  const callback = await google.choose((await visitor.submit(signIn, '/start/google')).url, alice)
  const newcomer = await visitor.get(callback.href, { 'sec-fetch-site': 'cross-site' })
  const page = await visitor.submit(newcomer, '/newcomer', { decision: 'create', name: 'Alice' })
  expect(page.text).toContain(alice.email)
  await visitor.submit(page, '/telegram/connect', { decision: 'connect' })
  expect(await answerInChat(dana, visitor)).toContain('Connected with the account')
  expect(await telegramOf(server, alice.email ?? '')).toEqual([String(dana.id)])
})

test('whoever is signed in already types nothing, but an old sign-in is renewed', async () => {
  const person = somebody('erik')
  const [first, second] = [telegram.person('Erik'), telegram.person('Erik two')]
  const visitor = server.visitor()
  await openLink(visitor, await askForLink(first), person)
  const path = await askForLink(second)
  const page = await visitor.submit(await visitor.get(path), path)
  expect(page.text).toContain('Erik two')
  vi.setSystemTime(Date.now() + 301_000)
  expect((await visitor.get('/telegram/connect')).text).toContain('name="password"')
})

test('a refusal in the browser ends it, in the chat, too', async () => {
  const dana = telegram.person()
  const person = somebody('flora')
  const visitor = server.visitor()
  const page = await openLink(visitor, await askForLink(dana), person)
  await dana.told('The link was opened')
  expect((await visitor.submit(page, '/telegram/connect', { decision: 'deny' })).text).toContain(
    'Nothing was connected',
  )
  await dana.told('refused in the browser')
  expect((await visitor.submit(page, '/telegram/connect', { decision: 'connect' })).text).toContain(
    'Nothing was connected',
  )
  expect(dana.messages.filter(({ text }) => text.includes('Connect this Telegram with'))).toEqual([])
})

test('whoever waits may still cancel; the question in the chat is over then', async () => {
  const dana = telegram.person()
  const person = somebody('gina')
  const visitor = server.visitor()
  const page = await openLink(visitor, await askForLink(dana), person)
  const waiting = await visitor.submit(page, '/telegram/connect', { decision: 'connect' })
  const question = await dana.told('Connect this Telegram with the account')
  const connect = question.reply_markup?.inline_keyboard?.flat()[0]
  await visitor.submit(waiting, '/telegram/connect', { decision: 'deny' })
  const over = await dana.told('refused in the browser')
  expect(over.message_id).toBe(question.message_id)
  expect(over.reply_markup).toBeUndefined()
  expect(await dana.forge(connect?.callback_data ?? '', question)).toContain('This is over')
  expect(await telegramOf(server, person.email)).toEqual([])
})

test('No in the chat ends it, and the page says so', async () => {
  const dana = telegram.person()
  const person = somebody('hugo')
  const visitor = server.visitor()
  const page = await openLink(visitor, await askForLink(dana), person)
  await visitor.submit(page, '/telegram/connect', { decision: 'connect' })
  expect(await answerInChat(dana, 'No')).toBe('Nothing was connected.')
  expect((await visitor.get('/telegram/connect')).text).toContain('Nothing was connected')
  expect(await telegramOf(server, person.email)).toEqual([])
  expect(await events('telegram.connect-denied')).not.toEqual([])
})

test('a Telegram that another account got meanwhile stays there', async () => {
  const dana = telegram.person()
  const person = somebody('ines')
  const visitor = server.visitor()
  const page = await openLink(visitor, await askForLink(dana), person)
  await visitor.submit(page, '/telegram/connect', { decision: 'connect' })
  await dana.told('Connect this Telegram with')
  const another = somebody('other')
  await register(server.visitor(), '/account', another)
  const { id } = await server.database.store.db
    .selectFrom('accounts')
    .select('id')
    .where('email', '=', another.email)
    .executeTakeFirstOrThrow()
  const identity = {
    provider: 'telegram',
    subject: String(dana.id),
    label: null,
    created_at: new Date(),
    last_used_at: null,
  }
  await server.database.store.db
    .insertInto('identities')
    .values({ ...identity, account_id: id })
    .execute()
  expect(await answerInChat(dana, visitor)).toContain('belongs to another account')
  expect((await visitor.get('/telegram/connect')).text).toContain('That Telegram belongs to another account')
})

test('somebody who blocked the bot meanwhile is not asked, and the page says so', async () => {
  const dana = telegram.person()
  const visitor = server.visitor()
  const page = await openLink(visitor, await askForLink(dana), somebody('jan'))
  dana.block()
  expect((await visitor.submit(page, '/telegram/connect', { decision: 'connect' })).text).toContain('can’t be reached')
})

test('links are given five at once, then no more for a while', async () => {
  const dana = telegram.person()
  for (let count = 0; count < 5; count += 1) await askForLink(dana)
  await askForLink(dana)
  dana.write('/connect')
  await dana.told('many links')
})
