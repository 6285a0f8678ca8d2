/** Signing in with Telegram by a picture, from the page over the chat and back. */
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { authorizeUrl, pkce } from '../support/authorize.ts'
import { startTelegram, type Telegram } from '../support/fakes/telegram.ts'
import { register, somebody } from '../support/people.ts'
import { startTestServer, type TestClient, type TestServer } from '../support/server.ts'
import { codeOn, namedBotAt, notMe, pick, scan, wrongNumber } from '../support/telegram-qr.ts'
import type { Visit, Visitor } from '../support/visitor.ts'

let telegram: Telegram
let server: TestServer
let client: TestClient
beforeAll(async () => {
  telegram = await startTelegram()
  const behind = { TRUST_PROXY: '127.0.0.1', COUNTRY_HEADER: 'cf-ipcountry' }
  server = await startTestServer({ settings: { ...namedBotAt(telegram), ...behind } })
  client = await server.client('web', { client_name: 'Notes', first_party: true })
})
afterAll(async () => {
  await server.stop()
  expect(telegram.complaints).toEqual([])
  await telegram[Symbol.asyncDispose]()
})
afterEach(() => void vi.useRealTimers())

const chrome = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/142.0.0.0 Safari/537.36'
let visitors = 0

/** An address that nobody else has. */
function newAddress(): string {
  visitors += 1
  return `203.0.113.${visitors}`
}

/** Somebody who sees the picture, from an address of their own. */
async function atPage(address = newAddress()): Promise<{ visitor: Visitor; page: Visit }> {
  const headers = { 'user-agent': chrome, 'x-forwarded-for': address, 'cf-ipcountry': 'KZ' }
  const visitor = server.visitor(headers)
  const first = await visitor.get(authorizeUrl(client, pkce()))
  return { visitor, page: await visitor.submit(first, '/start/telegram-qr') }
}

const goOn = (visitor: Visitor, page: Visit) => visitor.submit(page, '/answer', { action: 'continue' })

test('who scans, presses Start and chooses the number on the page is signed in where the page is', async () => {
  const { visitor, page } = await atPage()
  const code = codeOn(page)
  expect(page.text).toContain('<svg')
  const person = telegram.person('Dana', { username: 'dana_kz' })
  const question = await scan(person, code.link)
  for (const fact of ['Sign in to Notes', 'Chrome on Windows', 'Kazakhstan', '203.0.113.', 'UTC']) {
    expect(question.text).toContain(fact)
  }
  const waiting = await goOn(visitor, page)
  expect(codeOn(waiting)).toEqual(code)
  await pick(person, question, code.number)
  expect((await person.told('Confirmed')).reply_markup).toBeUndefined()
  const newcomer = await goOn(visitor, waiting)
  expect(newcomer.text).toContain('You signed in with Telegram')
  expect(newcomer.text).toContain('@dana_kz')
  const back = await visitor.submit(newcomer, '/newcomer', { decision: 'create', name: 'Dana' })
  expect(back.left).toBe(true)
  expect(back.url.searchParams.get('code')).toBeTruthy()
  const identities = await server.database.store.db.selectFrom('identities').selectAll().execute()
  expect(identities.map(({ provider, subject }) => [provider, subject])).toContainEqual(['telegram', `${person.id}`])
})

test('another number ends it, the page says so, and the next code is another one', async () => {
  const { visitor, page } = await atPage()
  const code = codeOn(page)
  const person = telegram.person()
  const question = await scan(person, code.link)
  await pick(person, question, wrongNumber(question, code))
  await person.told('nobody was signed in')
  const over = await goOn(visitor, page)
  expect(over.status).toBe(400)
  expect(over.text).toContain('Another number was chosen in Telegram')
  const next = codeOn(await goOn(visitor, over))
  expect(next.link).not.toBe(code.link)
  person.open(code.link)
  await person.told('This code is over')
  expect(await events()).toContain('telegram.sign-in-wrong-number')
})

test('“It’s not me” ends it, is recorded, and slows what comes from that address', async () => {
  const { visitor, page } = await atPage('198.51.100.9')
  const person = telegram.person()
  await pick(person, await scan(person, codeOn(page).link), notMe)
  await person.told('Nobody was signed in')
  const over = await goOn(visitor, page)
  expect(over.text).toContain('You cancelled that sign-in')
  expect(await events()).toContain('telegram.sign-in-denied')
  codeOn((await atPage('198.51.100.9')).page)
  const { page: second } = await atPage('198.51.100.9')
  codeOn(second)
  const slowed = (await atPage('198.51.100.9')).page
  expect(slowed.status).toBe(429)
  expect(slowed.text).not.toContain('t.me')
  codeOn((await atPage()).page)
})

test('the first to press Start owns the code; a second person is told that it is over', async () => {
  const { visitor, page } = await atPage()
  const { link, number } = codeOn(page)
  const [owner, other] = [telegram.person('Owner'), telegram.person('Other')]
  const question = await scan(owner, link)
  other.open(link)
  await other.told('This code is over')
  // Asked again they see the same numbers, and the buttons before are over.
  const again = await scan(owner, link)
  await vi.waitFor(() => expect(owner.messages.filter(({ from }) => from.is_bot)).toHaveLength(2))
  const newest = owner.messages.at(-1) ?? again
  expect(newest.reply_markup?.inline_keyboard?.[0]?.map(({ text }) => text)).toEqual(
    question.reply_markup?.inline_keyboard?.[0]?.map(({ text }) => text),
  )
  expect(await pick(owner, question, number)).toBe('This is over: it was answered already, or waited too long.')
  await pick(owner, newest, number)
  expect((await goOn(visitor, page)).text).toContain('You signed in with Telegram')
})

test('a code that nobody scans in two minutes gives way to a new one, and an attempt ends after ten', async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() })
  const { visitor, page } = await atPage()
  const code = codeOn(page)
  vi.setSystemTime(Date.now() + 121_000)
  const person = telegram.person()
  person.open(code.link)
  await person.told('This code is over')
  const next = await goOn(visitor, page)
  expect(codeOn(next).link).not.toBe(code.link)
  vi.setSystemTime(Date.now() + 480_000)
  expect((await goOn(visitor, next)).text).toContain('expired')
})

test('what is confirmed signs in nobody but the browser that began, and once', async () => {
  const { visitor, page } = await atPage()
  const { visitor: stranger, page: theirs } = await atPage()
  const { link, number } = codeOn(page)
  const person = telegram.person()
  await pick(person, await scan(person, link), number)
  expect(codeOn(await goOn(stranger, theirs)).link).not.toBe(link)
  const action = /action="([^"]+\/answer)"/.exec(page.text)?.[1] ?? ''
  expect((await stranger.post(action, { action: 'continue' })).status).toBe(400)
  const [first, second] = await Promise.all([goOn(visitor, page), goOn(visitor, page)])
  const texts = [first.text, second.text].filter((text) => text.includes('You signed in with Telegram'))
  expect(texts.length).toBeGreaterThan(0)
  person.open(link)
  await person.told('This code is over')
})

describe('what the page hears', () => {
  /** Reads events to their end; does at each what stands under its name. */
  async function heard(
    visitor: Visitor,
    page: Visit,
    reactions: Readonly<Record<string, () => Promise<unknown>>>,
  ): Promise<string[]> {
    const path = `${page.url.pathname}/events`
    const cookie = visitor.cookies.map(({ name, value }) => `${name}=${value}`).join('; ')
    const response = await fetch(server.origin + path, { headers: { accept: 'text/event-stream', cookie } })
    expect(response.headers.get('content-type')).toContain('text/event-stream')
    expect(response.headers.get('cache-control')).toBe('no-store')
    const said: string[] = []
    for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      for (const [, standing = ''] of chunk.matchAll(/^data: (\w+)$/gm)) {
        said.push(standing)
        await reactions[standing]?.()
      }
    }
    return said
  }

  test('is told at once when the chat is opened and when it is decided, and ends then', async () => {
    const { visitor, page } = await atPage()
    const { link, number } = codeOn(page)
    const person = telegram.person()
    const said = await heard(visitor, page, {
      waiting: () => scan(person, link),
      noticed: async () => pick(person, await person.told('Choose the number'), number),
    })
    expect(said).toEqual(['waiting', 'noticed', 'settled'])
  })

  test('is answered once to those who cannot listen, costs no try, and is nobody else’s', async () => {
    const { visitor, page } = await atPage()
    const path = `${page.url.pathname}/events`
    for (let time = 0; time < 70; time += 1) {
      const asked = await visitor.request(path, { headers: { accept: 'application/json' } })
      expect(JSON.parse(asked.text)).toEqual({ standing: 'waiting' })
    }
    codeOn(await goOn(visitor, page))
    expect((await server.visitor().request(path)).status).toBe(400)
    const { visitor: stranger } = await atPage()
    expect((await stranger.request(path)).status).toBe(400)
  })

  test('whoever leaves the page while it listens is no error of the server', async () => {
    const { visitor, page } = await atPage()
    const cookie = visitor.cookies.map(({ name, value }) => `${name}=${value}`).join('; ')
    const stop = new AbortController()
    const headers = { accept: 'text/event-stream', cookie }
    const response = await fetch(`${server.origin}${page.url.pathname}/events`, { headers, signal: stop.signal })
    expect(response.status).toBe(200)
    stop.abort()
    await vi.waitUntil(() => server.logged.some((line) => line.includes('somebody left')), 5_000)
    expect(server.logged.filter((line) => line.includes('response failed'))).toEqual([])
  })

  test('three streams of one page are open at most', async () => {
    const { visitor, page } = await atPage()
    const cookie = visitor.cookies.map(({ name, value }) => `${name}=${value}`).join('; ')
    const stop = new AbortController()
    const open = () =>
      fetch(`${server.origin}${page.url.pathname}/events`, {
        headers: { accept: 'text/event-stream', cookie },
        signal: stop.signal,
      })
    const statuses: number[] = []
    for (let count = 0; count < 4; count += 1) statuses.push((await open()).status)
    expect(statuses).toEqual([200, 200, 200, 503])
    stop.abort()
    const again = new AbortController()
    await vi.waitFor(async () => {
      const response = await fetch(`${server.origin}${page.url.pathname}/events`, {
        headers: { accept: 'text/event-stream', cookie },
        signal: again.signal,
      })
      expect(response.status).toBe(200)
    })
    again.abort()
  })
})

test('without scripts the page loads itself again and says what was decided', async () => {
  const { visitor, page } = await atPage()
  expect(page.text).toMatch(/<noscript><meta http-equiv="refresh" content="\d+"><\/noscript>/)
  expect(page.text).toContain('Waiting for you in Telegram')
  const { link, number } = codeOn(page)
  const person = telegram.person()
  const question = await scan(person, link)
  expect((await visitor.get(page.url.href)).text).toMatch(/role="status"[^>]*>Telegram is open/)
  await pick(person, question, number)
  const settled = await visitor.get(page.url.href)
  expect(settled.text).toMatch(/role="status"[^>]*>Telegram has answered/)
  expect((await goOn(visitor, settled)).text).toContain('You signed in with Telegram')
})

test('somebody who has an account adds their Telegram to it, and signs in by it from then on', async () => {
  const visitor = server.visitor()
  const who = somebody('adds-telegram')
  await register(visitor, '/account', who)
  const page = await visitor.post('/account/identities/add', { provider: 'telegram-qr' })
  const shown = await visitor.submit(page, '/link')
  const { link, number } = codeOn(shown)
  const person = telegram.person('Dana', { username: 'dana_links' })
  const question = await scan(person, link)
  expect(question.text).toContain('Add your Telegram to an account of Habitat')
  await pick(person, question, number)
  const asked = await visitor.submit(shown, '/answer', { action: 'continue' })
  expect(asked.text).toContain('@dana_links')
  const done = await visitor.submit(asked, '/connect', { decision: 'connect' })
  expect(done.text).toContain('The new way to sign in is connected')
  expect(done.text).toContain('@dana_links')

  const { visitor: elsewhere, page: again } = await atPage()
  const code = codeOn(again)
  await pick(person, await scan(person, code.link), code.number)
  await goOn(elsewhere, again)
  expect((await elsewhere.get('/account')).text).toContain(who.email)
})

test('without a bot there is no such way, and its addresses answer as any that do not exist', async () => {
  await using bare = await startTestServer()
  const visitor = bare.visitor()
  const app = await bare.client('web')
  const page = await visitor.get(authorizeUrl(app, pkce()))
  expect(page.text).not.toContain('telegram')
  expect((await visitor.request('/telegram/qr', { method: 'POST' })).status).toBe(404)
  expect((await visitor.request(`/poll/${'A'.repeat(43)}`)).status).toBe(404)
})

async function events(): Promise<string[]> {
  const rows = await server.database.store.db.selectFrom('audit_events').select('event').execute()
  return rows.map(({ event }) => event)
}
