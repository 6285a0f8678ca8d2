/** Signing in by a phone number and a code in Telegram, on our pages and in the chat of the bot. */
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { accounts } from '../../adapters/postgres/accounts.ts'
import { authorizeUrl, pkce } from '../support/authorize.ts'
import { startTelegram, type Telegram } from '../support/fakes/telegram.ts'
import { gatewayToken, startGateway } from '../support/fakes/telegram-gateway.ts'
import { asTelegramIssuer, type TelegramIssuer, telegramIssuer } from '../support/fakes/telegram-issuer.ts'
import { codesIn, codeTold, newNumber, personWithPhone, shareNumber } from '../support/otp-api.ts'
import { startTestServer, type TestClient, type TestServer } from '../support/server.ts'
import { pollingAt, stopBoth } from '../support/telegram-bot.ts'
import type { Visitor } from '../support/visitor.ts'

let telegram: Telegram
let issuer: TelegramIssuer
let server: TestServer
let client: TestClient
beforeAll(async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: new Date('2026-03-01T12:00:00Z') })
  telegram = await startTelegram()
  issuer = await telegramIssuer()
  const atIssuer = { ...asTelegramIssuer(issuer), TELEGRAM_OIDC_PHONE: 'yes' }
  server = await startTestServer({ settings: { ...pollingAt(telegram), ...atIssuer } })
  issuer.allow(`${server.origin}/interaction/callback/telegram-oidc`)
  client = await server.client('web', { first_party: true })
})
afterAll(async () => {
  await stopBoth(server, telegram)
  await issuer[Symbol.asyncDispose]()
  vi.useRealTimers()
})
beforeEach(() => void vi.setSystemTime(Date.now() + 601_000))

/** The page that asks for the code. */
async function asked(visitor: Visitor, phone: string) {
  const first = await visitor.get(authorizeUrl(client, pkce()))
  const page = await visitor.submit(first, '/start/telegram-otp', {})
  return visitor.submit(page, '/answer', { phone })
}

/** The link to the chat that a page offers. */
function chatOf(page: { text: string }): string {
  return /https:\/\/t\.me\/\w+\?start=p[\w-]{43}/.exec(page.text)?.[0] ?? ''
}

test('a person types phone and code, and has the account of their Telegram user', async () => {
  const { person, phone } = await personWithPhone(telegram, newNumber(), 'Dana')
  const visitor = server.visitor()
  const page = await asked(visitor, phone)
  expect(page.text).toContain(phone)
  const newcomer = await visitor.submit(page, '/answer', { code: await codeTold(person) })
  expect(newcomer.text).toContain('Dana')
  const done = await visitor.submit(newcomer, '/newcomer', { decision: 'create', name: 'Dana' })
  expect(done.url.href).toContain(client.redirectUri)
  const account = await accounts(server.database.store.db, () => new Date()).byIdentity('telegram', String(person.id))
  expect(account).toMatchObject({ name: 'Dana', email: undefined })
})

test('a number for which Telegram vouches at its login need not be shared in the chat', async () => {
  const person = telegram.person('Aru')
  person.write('/start')
  await person.told('bot of Habitat')
  const phone = newNumber()
  const browser = server.visitor()
  const away = await browser.submit(await browser.get(authorizeUrl(client, pkce())), '/start/telegram-oidc', {})
  const back = issuer.choose(away.url, { id: person.id, name: 'Aru', phone_number: phone.slice(1) })
  const newcomer = await browser.get(back.href, { 'sec-fetch-site': 'cross-site' })
  await browser.submit(newcomer, '/newcomer', { decision: 'create', name: 'Aru' })
  const visitor = server.visitor()
  const page = await asked(visitor, phone)
  const done = await visitor.submit(page, '/answer', { code: await codeTold(person) })
  expect(done.url.href).toContain(client.redirectUri)
})

describe('a number that nobody has shared', () => {
  test('gets the same page; sharing it in the chat brings the code', async () => {
    const phone = newNumber()
    const visitor = server.visitor()
    const page = await asked(visitor, phone)
    const person = telegram.person()
    person.open(chatOf(page))
    const ask = await person.told('share your phone number')
    expect(ask.reply_markup?.keyboard?.[0]?.[0]).toMatchObject({ request_contact: true })
    person.share(phone)
    const next = await visitor.submit(page, '/answer', { code: await codeTold(person) })
    expect(next.text).toContain('first time')
  })

  test('of another country gets none, and is told which number is meant', async () => {
    const page = await asked(server.visitor(), '+12025550123')
    expect(page.text).toContain('phone number that gets codes here')
  })
})

test('the link of the page tells the code once more to whoever has the number', async () => {
  const { person, phone } = await personWithPhone(telegram)
  const page = await asked(server.visitor(), phone)
  const code = await codeTold(person)
  person.open(chatOf(page))
  expect(await codeTold(person, 1)).toBe(code)
})

describe('in the chat', () => {
  test('/start explains and offers to share the number; writing it gives the code that waits again', async () => {
    const phone = newNumber()
    const person = telegram.person()
    person.write('/start')
    const about = await person.told('bot of Habitat')
    expect(about.text).toContain('share it with the button')
    expect(about.reply_markup?.keyboard?.[0]?.[0]).toMatchObject({ request_contact: true })
    await shareNumber(person, phone)
    person.write(phone)
    await person.told('No code waits')
    await asked(server.visitor(), phone)
    const code = await codeTold(person)
    person.write(`8 ${phone.slice(2)}`)
    expect(await codeTold(person, 1)).toBe(code)
    const [message] = person.messages.filter(({ text }) => text.startsWith(code))
    expect(message?.has_protected_content).toBe(true)
  })

  test('another number than their own gives nothing, and /forget forgets theirs', async () => {
    const victim = await personWithPhone(telegram)
    const { person, phone } = await personWithPhone(telegram)
    await asked(server.visitor(), victim.phone)
    await codeTold(victim.person)
    person.write(victim.phone)
    await person.told('cannot tell from what is written')
    person.write('/forget')
    await person.told('Your number is forgotten')
    await asked(server.visitor(), phone)
    person.write(phone)
    await telegram.allTaken()
    expect(codesIn(person)).toEqual([])
  })

  test('sharing and forgetting a number are audited for the account, and without the user of Telegram', async () => {
    const { person, phone } = await personWithPhone(telegram)
    const visitor = server.visitor()
    const page = await asked(visitor, phone)
    const newcomer = await visitor.submit(page, '/answer', { code: await codeTold(person) })
    await visitor.submit(newcomer, '/newcomer', { decision: 'create', name: 'Dana' })
    person.write('/forget')
    await person.told('Your number is forgotten')
    await telegram.allTaken()
    const { db } = server.database.store
    const account = await accounts(db, () => new Date()).byIdentity('telegram', String(person.id))
    const events = await db.selectFrom('audit_events').selectAll().where('event', 'like', 'phone.%').execute()
    expect(events.find(({ account_id: of }) => of === account?.id)?.event).toBe('phone.forgotten')
    expect(events.some(({ event }) => event === 'phone.shared')).toBe(true)
    expect(JSON.stringify(events)).not.toContain(String(person.id))
  })

  test('a number of a country that is not served is not kept', async () => {
    const person = telegram.person()
    person.write('/start')
    person.share('12025550123')
    await person.told('Codes don’t come to numbers of that country')
  })
})

test('by the Gateway a code comes to a number that nobody shared, and sharing it says whose it is', async () => {
  await using there = await startTelegram()
  await using gateway = await startGateway()
  const settings = { TELEGRAM_GATEWAY_TOKEN: gatewayToken, TELEGRAM_GATEWAY_ROOT: gateway.root }
  await using own = await startTestServer({ settings: { ...pollingAt(there), ...settings } })
  const app = await own.client('web', { first_party: true })
  const visitor = own.visitor()
  const first = await visitor.submit(await visitor.get(authorizeUrl(app, pkce())), '/start/telegram-otp', {})
  const phone = newNumber()
  const page = await visitor.submit(first, '/answer', { phone })
  await expect.poll(() => gateway.sent.length, { timeout: 10_000 }).toBe(1)
  expect(gateway.sent[0]).toMatchObject({ phone_number: phone, ttl: 300 })
  const share = await visitor.submit(page, '/answer', { code: gateway.sent[0]?.code ?? '' })
  expect(share.text).toContain('The code was right')
  // Not yet: nobody has shared it.
  expect((await visitor.submit(share, '/answer', {})).text).not.toContain('You signed in')
  const person = there.person('Dana')
  await shareNumber(person, phone)
  await there.allTaken()
  const newcomer = await visitor.submit(share, '/answer', {})
  expect(newcomer.text).toContain('You signed in')
  expect(newcomer.text).toContain('Dana')
  expect([there.complaints, gateway.complaints]).toEqual([[], []])
})

test('whoever blocked the bot is told nothing; the page is the same', async () => {
  const { person, phone } = await personWithPhone(telegram)
  person.block()
  await telegram.allTaken()
  const page = await asked(server.visitor(), phone)
  expect(page.text).toContain(phone)
  expect(codesIn(person)).toEqual([])
})
