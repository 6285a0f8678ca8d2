/** The API by which apps of the house sign people in to their shops: every status and body, and how access ends. */
import { createRemoteJWKSet, jwtVerify } from 'jose'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { type CommandLine, commandLine, commandLineSecret } from '../support/command-line.ts'
import { postgresTest } from '../support/database.ts'
import { type Somebody, startTelegram, type Telegram } from '../support/fakes/telegram.ts'
import { startNodes } from '../support/nodes.ts'
import {
  codeTold,
  newNumber,
  type OtpApp,
  otpApp,
  personWithPhone,
  registerOtpApp,
  shareNumber,
} from '../support/otp-api.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { pollingAt, stopBoth, webhookAt } from '../support/telegram-bot.ts'

const origin = 'https://shop.example'
const start = new Date('2026-03-01T12:00:00Z')

let telegram: Telegram
let server: TestServer
let run: CommandLine
let clientId: string
let app: OtpApp
beforeAll(async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: start })
  telegram = await startTelegram()
  server = await startTestServer({ settings: { SECRETS: commandLineSecret, ...pollingAt(telegram) } })
  run = commandLine(server.database.store)
  clientId = (await registerOtpApp(server, 'Flowers', [origin])).client_id
  app = otpApp(server)
})
afterAll(async () => {
  await stopBoth(server, telegram)
  vi.useRealTimers()
})
// All tests come from one address: what is counted there is over after ten minutes.
beforeEach(() => later(601))

function later(seconds: number): void {
  vi.setSystemTime(Date.now() + seconds * 1000)
}

/** Somebody with a shop, and a token for it. */
async function signedIn(
  phone = newNumber(),
): Promise<{ person: Somebody; phone: string; token: string; shop: number }> {
  const { person } = await personWithPhone(telegram, phone)
  const { body } = await app.signIn(person, phone)
  return { person, phone, token: body.access_token, shop: body.shop_id }
}

function claimsOf(token: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Record<string, unknown>
}

async function introspected(token: string): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await fetch(`${server.address}/introspect`, {
    method: 'POST',
    body: new URLSearchParams({ token, client_id: clientId }),
  })
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}

test('from a phone to a shop: a code is asked for, typed, and the token opens the shop of that phone', async () => {
  const phone = newNumber('4567')
  const { person } = await personWithPhone(telegram, phone)
  const asked = await app.request(phone)
  expect(asked.status).toBe(200)
  const code = await codeTold(person)
  // Shown where people develop; the test below holds that it is not in production.
  expect(asked.body).toEqual({ message: 'OTP sent to your Telegram', delivery_method: 'telegram', otp_code: code })
  const verified = await app.verify(phone, code)
  expect(verified.status).toBe(200)
  expect(verified.body).toEqual({
    access_token: expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+$/),
    token_type: 'bearer',
    expires_in: 86_400,
    shop_id: expect.any(Number),
    shop_name: 'Магазин 4567',
  })
  const { access_token: token, shop_id: id } = verified.body
  expect(await app.me(token)).toMatchObject({
    status: 200,
    body: { id, name: 'Магазин 4567', phone, telegram_id: person.id, language: 'ru', currency: 'KZT' },
  })
  // A number as people write it is the same number, and leads to the same shop.
  later(60)
  const typed = `8 (${phone.slice(2, 5)}) ${phone.slice(5, 8)}-${phone.slice(8, 10)}-${phone.slice(10)}`
  expect((await app.signIn(person, typed)).body.shop_id).toBe(id)
})

test('the token is a JWT of ours (RFC 9068) that names the shop, verified with our keys alone', async () => {
  const { token, shop } = await signedIn()
  const keys = createRemoteJWKSet(new URL(`${server.address}/jwks`))
  const { payload, protectedHeader } = await jwtVerify(token, keys, {
    issuer: server.origin,
    audience: `${server.origin}/api`,
    currentDate: new Date(),
  })
  expect(protectedHeader).toMatchObject({ alg: 'ES256', typ: 'at+jwt' })
  expect(payload).toMatchObject({
    client_id: clientId,
    scope: 'shop',
    shop_id: shop,
    shop_name: expect.stringContaining('Магазин'),
    sub: expect.stringMatching(/^usr_/),
    jti: expect.any(String),
  })
  expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(86_400)
})

describe('what is asked wrongly', () => {
  const field = (name: string) => ({
    detail: [expect.objectContaining({ loc: ['body', name], msg: expect.any(String) })],
  })

  test.each([
    ['no phone', {}, 'phone'],
    ['no phone number', { phone: 'hello' }, 'phone'],
    ['a number of another country', { phone: '+12025550123' }, 'phone'],
    ['a number that cannot be', { phone: '+77' }, 'phone'],
    ['an app that is not there', { phone: '+77019999999', client_id: 'nobody' }, 'client_id'],
  ])('request-otp with %s: 422', async (_, body, name) => {
    const answer = await app.call('POST', 'request-otp', { body })
    expect(answer).toMatchObject({ status: 422, body: field(name) })
  })

  test.each([
    ['no code', {}],
    ['letters', { otp_code: 'abcdef' }],
    ['five digits', { otp_code: '12345' }],
  ])('verify-otp with %s: 422, and no try is spent', async (_, more) => {
    const { person, phone } = await personWithPhone(telegram)
    await app.request(phone)
    const code = await codeTold(person)
    for (let count = 0; count < 3; count += 1) {
      const answer = await app.call('POST', 'verify-otp', { body: { phone, ...more } })
      expect(answer).toMatchObject({ status: 422, body: field('otp_code') })
    }
    expect((await app.verify(phone, code)).status).toBe(200)
  })

  test.each([
    ['no JSON', '{', {}],
    ['a list', '[]', {}],
    ['a name twice', '{"phone":"+77010000000","phone":"+77010000001"}', {}],
    ['a form', 'phone=%2B77010000000', { 'content-type': 'application/x-www-form-urlencoded' }],
    ['too much', JSON.stringify({ phone: 'x'.repeat(20_000) }), {}],
  ])('%s: 422', async (_, body, headers) => {
    const answer = await app.call('POST', 'request-otp', { body, headers })
    expect(answer).toMatchObject({ status: 422, body: { detail: [{ loc: ['body'] }] } })
  })

  test('another method: 405 with the one that is taken', async () => {
    for (const [name, method, right] of [
      ['request-otp', 'GET', 'POST'],
      ['verify-otp', 'PUT', 'POST'],
      ['me', 'POST', 'GET'],
      ['logout', 'GET', 'POST'],
    ] as const) {
      const answer = await app.call(method, name)
      expect(answer).toMatchObject({ status: 405, body: { detail: 'Method Not Allowed' } })
      expect(answer.headers.get('allow')).toContain(right)
    }
  })

  test('a wrong code: 400; after three the right one, too', async () => {
    const { person, phone } = await personWithPhone(telegram)
    await app.request(phone)
    const code = await codeTold(person)
    const wrong = code === '000000' ? '000001' : '000000'
    for (const typed of [wrong, wrong, wrong, code]) {
      expect(await app.verify(phone, typed)).toMatchObject({
        status: 400,
        body: { detail: 'Invalid or expired OTP code' },
      })
    }
  })

  test('the fourth request of a minute: 429 with the seconds to wait', async () => {
    const phone = newNumber()
    for (let count = 0; count < 3; count += 1) expect((await app.request(phone)).status).toBe(200)
    const fourth = await app.request(phone)
    expect(fourth).toMatchObject({ status: 429, body: { detail: expect.any(String) } })
    expect(fourth.headers.get('retry-after')).toBe('60')
    later(60)
    expect((await app.request(phone)).status).toBe(200)
  })
})

test('known and unknown numbers are answered alike, when asking and when typing', async () => {
  const known = await personWithPhone(telegram)
  const unknown = newNumber()
  const [first, second] = [await app.request(known.phone), await app.request(unknown)]
  await codeTold(known.person)
  const shape = ({ status, body, headers }: typeof first) => ({
    status,
    body: { ...body, otp_code: 'any' },
    headers: [...headers.keys()].sort(),
  })
  expect(shape(first)).toEqual(shape(second))
  const guess = (phone: string) => app.verify(phone, '000000')
  const [wrong, alike] = [await guess(known.phone), await guess(unknown)]
  expect(shape(wrong)).toEqual(shape(alike))
})

test('a right code for a number that nobody shared opens nothing before it is shared, and then it does', async () => {
  const phone = newNumber()
  const code = (await app.request(phone)).body.otp_code
  const answer = await app.verify(phone, code)
  expect(answer).toMatchObject({ status: 403, body: { detail: expect.stringContaining('https://t.me/') } })
  const person = telegram.person()
  await shareNumber(person, phone)
  expect(await codeTold(person)).toBe(code)
  expect((await app.verify(phone, code)).status).toBe(200)
})

describe('how access ends', () => {
  test('logging out: 200, then the token is refused here and inactive at introspection (RFC 7662)', async () => {
    const { token } = await signedIn()
    expect((await introspected(token)).body).toMatchObject({ active: true, shop_id: expect.any(Number), scope: 'shop' })
    expect(await app.logout(token)).toMatchObject({ status: 200, body: { message: expect.any(String) } })
    for (const name of ['me', 'logout'] as const) {
      const answer = await app[name](token)
      expect(answer).toMatchObject({ status: 401, body: { detail: expect.any(String) } })
      expect(answer.headers.get('www-authenticate')).toContain('invalid_token')
    }
    expect((await introspected(token)).body).toEqual({ active: false })
  })

  test('logging out in one place leaves the tokens of another', async () => {
    const { person, phone, token } = await signedIn()
    const other = (await app.signIn(person, phone)).body.access_token
    await app.logout(token)
    expect((await app.me(other)).status).toBe(200)
  })

  test('revocation (RFC 7009) takes the JWT, too', async () => {
    const { token } = await signedIn()
    const body = new URLSearchParams({ token, client_id: clientId })
    expect((await fetch(`${server.address}/revoke`, { method: 'POST', body })).status).toBe(200)
    expect((await app.me(token)).status).toBe(401)
  })

  test('it does so also where the body comes in pieces (RFC 9112 §7.1)', async () => {
    const { token } = await signedIn()
    const form = new URLSearchParams({ token, client_id: clientId }).toString()
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    const body = new Blob([form]).stream()
    const response = await fetch(`${server.address}/revoke`, { method: 'POST', headers, body, duplex: 'half' })
    expect(response.status).toBe(200)
    expect((await app.me(token)).status).toBe(401)
  })

  test('a disabled shop: tokens end, codes bring none, and other shops of the app are untouched', async () => {
    const [closed, other] = [await signedIn(), await signedIn()]
    expect((await run(['shop', 'disable', String(closed.shop)])).exitCode).toBe(0)
    expect((await app.me(closed.token)).status).toBe(401)
    expect((await introspected(closed.token)).body).toEqual({ active: false })
    const answer = await app.signIn(closed.person, closed.phone)
    expect(answer).toMatchObject({ status: 403, body: { detail: 'This shop is disabled' } })
    expect((await app.me(other.token)).status).toBe(200)
    await run(['shop', 'enable', String(closed.shop)])
    expect((await app.me(closed.token)).status).toBe(401)
    later(60)
    expect((await app.signIn(closed.person, closed.phone)).body.shop_id).toBe(closed.shop)
  })

  test('a disabled account: its token ends and its codes bring none', async () => {
    const { person, phone, token } = await signedIn()
    await run(['user', 'disable', String(claimsOf(token)['sub'])])
    expect((await app.me(token)).status).toBe(401)
    expect((await app.signIn(person, phone)).body).toEqual({ detail: 'This account is disabled' })
  })

  test('after a day', async () => {
    const { token } = await signedIn()
    later(86_399)
    expect((await app.me(token)).status).toBe(200)
    later(2)
    expect((await app.me(token)).status).toBe(401)
  })
})

describe('shops', () => {
  test('each phone has one; a person with another number has another, in the same account', async () => {
    const { person, token, shop } = await signedIn()
    const second = newNumber()
    person.share(second)
    await person.told(`Codes for ${second} come here`)
    const other = (await app.signIn(person, second)).body
    expect(other.shop_id).not.toBe(shop)
    expect(claimsOf(other.access_token)['sub']).toBe(claimsOf(token)['sub'])
    expect((await app.me(token)).body.id).toBe(shop)
    expect((await app.me(other.access_token)).body.id).toBe(other.shop_id)
  })

  test('a number that changes hands does not take the shop along, until it is released', async () => {
    const { phone, token, shop } = await signedIn()
    const next = telegram.person('Next')
    await shareNumber(next, phone)
    expect(await app.signIn(next, phone)).toMatchObject({
      status: 403,
      body: { detail: expect.stringContaining('another Telegram account') },
    })
    expect((await app.me(token)).status).toBe(200)
    await run(['shop', 'release', String(shop)])
    expect((await app.me(token)).status).toBe(401)
    later(60)
    const released = (await app.signIn(next, phone)).body
    expect(released.shop_id).toBe(shop)
    expect((await app.me(released.access_token)).body.telegram_id).toBe(next.id)
    expect(claimsOf(released.access_token)['sub']).not.toBe(claimsOf(token)['sub'])
  })

  test('commands list, show and rename them; what would change says so with --dry-run', async () => {
    const { token, shop, phone } = await signedIn()
    expect((await run(['shop', 'list', '--json'])).json().shops).toContainEqual(
      expect.objectContaining({ id: shop, phone, currency: 'KZT' }),
    )
    expect((await run(['shop', 'show', String(shop)])).stdout).toContain(phone)
    await run(['shop', 'rename', String(shop), '--name', 'Flowers on Abay'])
    expect((await app.me(token)).body.name).toBe('Flowers on Abay')
    const would = (await run(['shop', 'disable', String(shop), '--dry-run', '--json'])).json()
    expect(would).toMatchObject({ dry_run: true, id: shop, disabled_at: null })
    expect((await app.me(token)).status).toBe(200)
    for (const word of ['0', '99999', '9999999999', 'one', '1e3']) {
      expect((await run(['shop', 'show', word])).exitCode).toBe(1)
    }
  })
})

describe('pages of other origins (CORS)', () => {
  const preflight = (from: string) =>
    app.call('OPTIONS', 'verify-otp', { headers: { origin: from, 'access-control-request-method': 'POST' } })

  test('those of the app may call and read, others may not', async () => {
    const allowed = await preflight(origin)
    expect(allowed.status).toBe(204)
    expect(allowed.headers.get('access-control-allow-origin')).toBe(origin)
    expect(allowed.headers.get('access-control-allow-headers')).toContain('Content-Type')
    const answer = await app.call('GET', 'me', { headers: { origin } })
    expect(answer).toMatchObject({ status: 401 })
    expect(answer.headers.get('access-control-allow-origin')).toBe(origin)
    expect(answer.headers.get('vary')).toContain('Origin')
    const refused = await preflight('https://evil.example')
    expect(refused.headers.get('access-control-allow-origin')).toBeNull()
    expect(refused.headers.get('access-control-allow-methods')).toBeNull()
  })
})

test.each([
  ['in production', 'production'],
  ['at a public address that nobody called production', 'development'],
])('%s no answer shows a code', async (_where, environment) => {
  // A Telegram of its own: a webhook ends the polling of the other server.
  await using there = await startTelegram()
  const settings = { ...webhookAt(there), NODE_ENV: environment, SECRETS: commandLineSecret }
  await using server = await startTestServer({ settings })
  await registerOtpApp(server, 'Flowers')
  const headers = {
    'x-forwarded-host': 'auth.example',
    'x-forwarded-proto': 'https',
    'content-type': 'application/json',
  }
  const response = await fetch(`${server.address}/api/auth/request-otp`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ phone: newNumber() }),
  })
  expect(response.status).toBe(200)
  expect(await response.json()).toEqual({ message: 'OTP sent to your Telegram', delivery_method: 'telegram' })
})

test('without a bot there is no such API', async () => {
  await using bare = await startTestServer()
  for (const name of ['request-otp', 'verify-otp', 'me', 'logout']) {
    expect((await otpApp(bare).call('POST', name, { body: {} })).status).toBe(404)
  }
})

postgresTest('two nodes count together, and a code that one sent the other takes', async () => {
  await using there = await startTelegram()
  const settings = { SECRETS: commandLineSecret, ...pollingAt(there) }
  await using nodesOf = await startNodes({ settings })
  const { first: one, second: two } = nodesOf
  await registerOtpApp(one, 'Flowers')
  const nodes = [otpApp(one), otpApp(two)] as const
  const phone = newNumber()
  const first = await nodes[0].request(phone)
  expect(first.status).toBe(200)
  expect((await nodes[1].verify(phone, first.body.otp_code)).status).toBe(403)
  const statuses = await Promise.all(
    Array.from({ length: 6 }, (_, index) => (nodes[index % 2] as OtpApp).request(phone)),
  )
  expect(statuses.filter(({ status }) => status === 200)).toHaveLength(2)
})
