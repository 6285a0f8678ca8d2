/** Whoever has neither the phone nor its chat gets into nobody's account and nobody's shop. */
import { generateKeyPairSync } from 'node:crypto'
import { SignJWT } from 'jose'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { commandLineSecret } from '../support/command-line.ts'
import { type Somebody, startTelegram, type Telegram } from '../support/fakes/telegram.ts'
import {
  codesIn,
  codeTold,
  newNumber,
  type OtpApp,
  otpApp,
  personWithPhone,
  registerOtpApp,
} from '../support/otp-api.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { pollingAt, stopBoth } from '../support/telegram-bot.ts'

let telegram: Telegram
let server: TestServer
let clientId: string
let app: OtpApp
/** Another app of the same house. */
let other: OtpApp
beforeAll(async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: new Date('2026-03-01T12:00:00Z') })
  telegram = await startTelegram()
  server = await startTestServer({
    settings: { SECRETS: commandLineSecret, TRUST_PROXY: '127.0.0.1,::1', ...pollingAt(telegram) },
  })
  clientId = (await registerOtpApp(server, 'Flowers')).client_id
  app = otpApp(server, { client_id: clientId })
  other = otpApp(server, await registerOtpApp(server, 'Bread'))
})
afterAll(async () => {
  await stopBoth(server, telegram)
  vi.useRealTimers()
})
beforeEach(() => later(601))

function later(seconds: number): void {
  vi.setSystemTime(Date.now() + seconds * 1000)
}

async function signedIn() {
  const { person, phone } = await personWithPhone(telegram)
  const { body } = await app.signIn(person, phone)
  return { person, phone, token: String(body.access_token), shop: Number(body.shop_id) }
}

describe('a contact that is not one’s own', () => {
  test.each([
    ['somebody else’s', (mallory: Somebody, phone: string) => mallory.share(phone, { id: 4_242_424_242 })],
    ['one without an id', (mallory: Somebody, phone: string) => mallory.share(phone, { id: undefined })],
    ['a forwarded one', (mallory: Somebody, phone: string) => mallory.share(phone, { forwarded: true })],
  ])('%s brings no code and takes no number over', async (_, attack) => {
    const { person, phone } = await personWithPhone(telegram)
    const mallory = telegram.person('Mallory')
    mallory.write('/start')
    await mallory.told('bot of Habitat')
    attack(mallory, phone)
    await mallory.told('That is not your own number')
    await app.request(phone)
    await codeTold(person)
    mallory.write(phone)
    await telegram.allTaken()
    expect(codesIn(mallory)).toEqual([])
    expect(codesIn(person)).toHaveLength(1)
  })

  test('the link of somebody’s page tells the code to nobody who has not shared that number', async () => {
    const { person } = await personWithPhone(telegram)
    const visitor = server.visitor()
    await visitor.get('/account')
    const mallory = telegram.person('Mallory')
    mallory.open(`https://t.me/oktron_test_bot?start=p${'A'.repeat(43)}`)
    await mallory.told('share your phone number')
    expect(codesIn(mallory)).toEqual([])
    expect(codesIn(person)).toEqual([])
  })
})

describe('guessing', () => {
  test('across codes and addresses stays at a handful, however many addresses there are', async () => {
    const { person, phone } = await personWithPhone(telegram)
    let compared = 0
    let slowed = 0
    for (let round = 0; round < 6; round += 1) {
      const from = (index: number) => ({ 'x-forwarded-for': `203.0.113.${round * 4 + index}` })
      const before = codesIn(person).length
      await app.call('POST', 'request-otp', { body: { phone, client_id: clientId }, headers: from(0) })
      const code = await codeTold(person, before)
      const wrong = code === '000000' ? '000001' : '000000'
      for (let index = 1; index < 4; index += 1) {
        const body = { phone, otp_code: wrong, client_id: clientId }
        const { status } = await app.call('POST', 'verify-otp', { body, headers: from(index) })
        if (status === 400) compared += 1
        if (status === 429) slowed += 1
      }
      later(21)
    }
    expect(compared).toBeLessThanOrEqual(13)
    expect(slowed).toBeGreaterThan(0)
    expect(server.logged.some((line) => line.includes('wrong codes of phones'))).toBe(true)
  })
})

describe('the code of one app or phone', () => {
  test('is worth nothing for another', async () => {
    const { person, phone } = await personWithPhone(telegram)
    const second = await personWithPhone(telegram)
    await app.request(phone)
    const code = await codeTold(person)
    expect((await other.verify(phone, code)).status).toBe(400)
    expect((await app.verify(second.phone, code)).status).toBe(400)
    expect((await app.verify(phone, code)).status).toBe(200)
    expect((await app.verify(phone, code)).status).toBe(400)
  })
})

describe('crossing shops', () => {
  test('a token opens its own shop alone, whatever is asked beside it', async () => {
    const [mine, theirs] = [await signedIn(), await signedIn()]
    for (const path of [`me?shop_id=${theirs.shop}`, 'me', `me?id=${theirs.shop}&access=1`]) {
      const headers = { authorization: `Bearer ${mine.token}`, 'x-shop-id': String(theirs.shop) }
      expect((await app.call('GET', path, { headers })).body).toMatchObject({ id: mine.shop, phone: mine.phone })
    }
    await app.logout(mine.token)
    expect((await app.me(theirs.token)).body.id).toBe(theirs.shop)
  })

  test('a token whose shop was changed is none: its signature is not even asked about', async () => {
    const [mine, theirs] = [await signedIn(), await signedIn()]
    const [header = '', payload = '', signature = ''] = mine.token.split('.')
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as object
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const changed = { ...claims, shop_id: theirs.shop }
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const forged = [
      `${header}.${part(changed)}.${signature}`,
      `${part({ alg: 'none', typ: 'at+jwt' })}.${part(changed)}.`,
      `${part({ alg: 'none' })}.${payload}.`,
      `${part({ alg: 'HS256', typ: 'at+jwt' })}.${part(changed)}.${signature}`,
      await new SignJWT(changed as never).setProtectedHeader({ alg: 'ES256', typ: 'at+jwt' }).sign(privateKey),
      await new SignJWT(claims as never).setProtectedHeader({ alg: 'ES256', typ: 'at+jwt' }).sign(privateKey),
      `${header}.${payload}.`,
      `${mine.token}=`,
      `${header}.${payload}`,
    ]
    for (const token of forged) {
      expect((await app.me(token)).status, token).toBeGreaterThanOrEqual(400)
      expect((await app.logout(token)).status, token).toBeGreaterThanOrEqual(400)
      const body = new URLSearchParams({ token, client_id: clientId })
      const answer = await fetch(`${server.address}/introspect`, { method: 'POST', body })
      expect(await answer.text()).not.toContain('"active":true')
    }
    expect((await app.me(mine.token)).status).toBe(200)
  })

  test('what is in the token, or in the database, is no token: neither its id nor the id of its row', async () => {
    const { token } = await signedIn()
    const { jti } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { jti: string }
    const { rows } = await server.database.store.db
      .selectFrom('artifacts')
      .select('id_hash')
      .execute()
      .then((all) => ({ rows: all.map(({ id_hash }) => id_hash) }))
    for (const value of [jti, ...rows]) expect((await app.me(value)).status).toBe(401)
  })

  test('an access token for another resource opens no shop, and one of a shop opens nothing else', async () => {
    const { token } = await signedIn()
    const userinfo = await fetch(`${server.address}/userinfo`, { headers: { authorization: `Bearer ${token}` } })
    expect(userinfo.status).toBe(401)
    const xrpc = await fetch(`${server.address}/xrpc/com.atproto.server.getSession`, {
      headers: { authorization: `Bearer ${token}` },
    })
    expect(xrpc.status).toBe(401)
  })

  test('no other app learns of a token by introspection, and none revokes it (RFC 7662 §4, RFC 7009 §2.1)', async () => {
    const { token } = await signedIn()
    const stranger = await server.client('web')
    const authorization = `Basic ${Buffer.from(`${stranger.id}:${stranger.secret}`).toString('base64')}`
    const send = (path: string) =>
      fetch(server.address + path, { method: 'POST', headers: { authorization }, body: new URLSearchParams({ token }) })
    expect(await (await send('/introspect')).json()).toEqual({ active: false })
    await send('/revoke')
    expect((await app.me(token)).status).toBe(200)
  })
})

test('in the database and the log stand neither tokens nor codes nor numbers', async () => {
  const { person, phone, token } = await signedIn()
  await app.request(newNumber())
  const dump = await server.database.dump()
  const code = codesIn(person).at(-1) ?? ''
  for (const secret of [token, token.split('.')[2] ?? '', phone, phone.slice(1)]) {
    expect(dump).not.toContain(secret)
    expect(server.logged.join('\n')).not.toContain(secret)
  }
  const words = dump.split(/[^\w+-]+/)
  expect(words).not.toContain(code)
  expect(server.logged.join('\n')).not.toContain(`"${code}"`)
  expect(dump).not.toContain(String(person.chatId))
})
