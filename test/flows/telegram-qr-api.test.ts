/** Apps that draw the picture of a sign-in with Telegram themselves: `POST /telegram/qr` and `GET /poll/<token>`. */
import { encode } from 'uqr'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { startTelegram, type Telegram } from '../support/fakes/telegram.ts'
import { startTestServer, type TestClient, type TestServer } from '../support/server.ts'
import { namedBotAt, notMe, pick, scan, wrongNumber } from '../support/telegram-qr.ts'

let telegram: Telegram
let server: TestServer
let app: TestClient
beforeAll(async () => {
  telegram = await startTelegram()
  server = await startTestServer({ settings: namedBotAt(telegram) })
  app = await server.client('web', { client_name: 'Seed app', telegram_qr: true })
})
afterAll(async () => {
  await server.stop()
  expect(telegram.complaints).toEqual([])
  await telegram[Symbol.asyncDispose]()
})
afterEach(() => void vi.useRealTimers())

interface Begun {
  token: string
  link: string
  svg: string
  number: string
  expires_in: number
}

const basic = ({ id, secret }: TestClient) => ({
  authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`,
})
const begin = (headers: Record<string, string>, body?: URLSearchParams) =>
  fetch(`${server.origin}/telegram/qr`, { method: 'POST', headers, ...(body && { body }) })
const begun = async (body?: URLSearchParams) => (await (await begin(basic(app), body)).json()) as Begun
const poll = (token: string, client = app) => fetch(`${server.origin}/poll/${token}`, { headers: basic(client) })

test('an app shows picture and number, and is told who it was, once', async () => {
  const response = await begin(
    { ...basic(app), 'content-type': 'application/x-www-form-urlencoded' },
    new URLSearchParams({ user_agent: 'Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0', address: '192.0.2.77' }),
  )
  expect(response.status).toBe(200)
  expect(response.headers.get('cache-control')).toBe('no-store')
  const { token, link, svg, number, expires_in } = (await response.json()) as Begun
  expect(link).toBe(`https://t.me/oktron_test_bot?start=s${token}`)
  expect(token).toMatch(/^[\w-]{43}$/)
  expect(number).toMatch(/^\d\d$/)
  expect(expires_in).toBe(120)
  expect(svg.match(/M\d+/g)?.length).toBe(encode(link, { border: 2 }).data.flat().filter(Boolean).length)

  const pending = await poll(token)
  expect([pending.status, await pending.json()]).toEqual([202, { status: 'pending' }])
  const person = telegram.person('Dana', { last_name: 'Akhmetova', username: 'dana_kz' })
  const question = await scan(person, link)
  for (const fact of ['Sign in to Seed app', 'Firefox on Linux', '192.0.2.77', 'All this is what Seed app says']) {
    expect(question.text).toContain(fact)
  }
  await pick(person, question, number)
  await person.told('Confirmed')
  const done = await poll(token)
  expect([done.status, await done.json()]).toEqual([
    200,
    { id: person.id, first_name: 'Dana', last_name: 'Akhmetova', username: 'dana_kz' },
  ])
  const again = await poll(token)
  expect([again.status, await again.json()]).toEqual([410, { status: 'expired' }])
})

test('what somebody has not, is not in the answer; the secret may stand in the body', async () => {
  const credentials = new URLSearchParams({ client_id: app.id, client_secret: app.secret })
  const { token, link, number } = (await (await begin({}, credentials)).json()) as Begun
  const person = telegram.person('Arman')
  await pick(person, await scan(person, link), number)
  await person.told('Confirmed')
  expect(await (await poll(token)).json()).toEqual({ id: person.id, first_name: 'Arman' })
})

test('a wrong number and “It’s not me” are told, and nobody is named', async () => {
  const wrong = await begun()
  const person = telegram.person()
  const question = await scan(person, wrong.link)
  await pick(person, question, wrongNumber(question, wrong))
  await person.told('nobody was signed in')
  const over = await poll(wrong.token)
  expect([over.status, await over.json()]).toEqual([410, { status: 'wrong_number' }])

  const denied = await begun(new URLSearchParams({ address: '192.0.2.99' }))
  const victim = telegram.person()
  await pick(victim, await scan(victim, denied.link), notMe)
  await victim.told('Nobody was signed in')
  const answer = await poll(denied.token)
  expect([answer.status, await answer.json()]).toEqual([410, { status: 'denied' }])
  // From that address little is begun in the next hour; from others as ever.
  const statuses: number[] = []
  for (let count = 0; count < 3; count += 1) {
    statuses.push((await begin(basic(app), new URLSearchParams({ address: '192.0.2.99' }))).status)
  }
  expect(statuses).toEqual([200, 200, 429])
  expect((await begin(basic(app), new URLSearchParams({ address: '192.0.2.98' }))).status).toBe(200)
})

test('only an app with its secret and the permission begins, and none hears of another one’s', async () => {
  const plain = await server.client('web')
  expect((await begin(basic(plain))).status).toBe(403)
  expect((await begin({})).status).toBe(401)
  expect((await begin(basic({ ...app, secret: `${app.secret}x` }))).status).toBe(401)
  expect((await begin({ authorization: 'Basic %%%' })).status).toBe(401)
  const spa = await server.client('spa')
  expect((await begin({}, new URLSearchParams({ client_id: spa.id, client_secret: '' }))).status).toBe(401)
  const { token, link, number } = await begun()
  expect((await fetch(`${server.origin}/poll/${token}`)).status).toBe(401)
  const other = await server.client('service', { telegram_qr: true })
  expect((await poll(token, other)).status).toBe(410)
  const person = telegram.person()
  await pick(person, await scan(person, link), number)
  await person.told('Confirmed')
  expect((await poll(token, other)).status).toBe(410)
  expect((await poll(token, plain)).status).toBe(403)
  expect((await poll(token)).status).toBe(200)
})

test('unknown, expired and misshaped tokens, methods and parameters have their answers', async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() })
  const { token, link } = await begun()
  expect((await poll('A'.repeat(43))).status).toBe(410)
  expect((await poll('short')).status).toBe(404)
  expect((await fetch(`${server.origin}/telegram/qr`, { headers: basic(app) })).status).toBe(405)
  expect((await fetch(`${server.origin}/poll/${token}`, { method: 'POST', headers: basic(app) })).status).toBe(405)
  expect((await begin(basic(app), new URLSearchParams({ address: 'not an address' }))).status).toBe(400)
  vi.setSystemTime(Date.now() + 120_000)
  expect((await poll(token)).status).toBe(410)
  const person = telegram.person()
  person.open(link)
  await person.told('This code is over')
})

test('an app that asks more than once a second is told to wait, and learns of the end at once', async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() })
  const { token, link, number } = await begun()
  expect((await poll(token)).status).toBe(202)
  const early = await poll(token)
  expect([early.status, early.headers.get('retry-after')]).toEqual([429, '2'])
  const person = telegram.person()
  await pick(person, await scan(person, link), number)
  await person.told('Confirmed')
  expect((await poll(token)).status).toBe(200)
})
