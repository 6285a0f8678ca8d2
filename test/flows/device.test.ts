/** The device authorization grant (RFC 8628): a device shows a code, a person confirms it in a browser. */
import { createRemoteJWKSet, jwtVerify } from 'jose'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { audit } from '../../adapters/postgres/audit.ts'
import { endpoint, isActive, refresh, tokensOf } from '../support/authorize.ts'
import { approve, askForCodes, enter, finish, poll } from '../support/device.ts'
import { type DpopKey, dpopKey } from '../support/dpop.ts'
import { elsewhere } from '../support/linking.ts'
import { startTestServer, type TestClient, type TestServer } from '../support/server.ts'
import { passSeconds, stopClock } from '../support/time-lapse.ts'
import { toy } from '../support/toy-provider.ts'

let server: TestServer
let client: TestClient
beforeAll(async () => {
  stopClock()
  server = await startTestServer({ providers: [toy(), { ...elsewhere('picky'), externalBrowser: true }] })
  client = await server.client('device', { client_name: 'Television' })
})
afterAll(async () => {
  vi.useRealTimers()
  await server.stop()
})

const events = () => audit(server.database.store.db, () => new Date()).list({ limit: 5 })

test('discovery names the endpoint and the grant (RFC 8628 §4)', async () => {
  const document = (await (await fetch(`${server.origin}/.well-known/openid-configuration`)).json()) as object
  expect(document).toMatchObject({
    device_authorization_endpoint: `${server.origin}/device_authorization`,
    grant_types_supported: expect.arrayContaining(['urn:ietf:params:oauth:grant-type:device_code']),
  })
})

test('the answer holds the interval, ten minutes, and a code of eight consonants (RFC 8628 §3.2, §6.1)', async () => {
  const codes = await askForCodes(server, client)
  expect(codes).toMatchObject({ interval: 5, expires_in: 600, verification_uri: `${server.origin}/device` })
  expect(codes.user_code).toMatch(/^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/)
  expect(codes.verification_uri_complete).toBe(`${server.origin}/device?user_code=${codes.user_code}`)
})

test('a code that a person typed in small letters without the hyphen gives tokens that are renewed', async () => {
  const codes = await askForCodes(server, client, { scope: 'openid profile offline_access' })
  const end = await approve(server.visitor(), { user_code: ` ${codes.user_code.toLowerCase().replace('-', ' ')}` })
  expect([end.status, end.text]).toEqual([200, expect.stringContaining('is connected')])
  const first = tokensOf(await poll(server, client, codes))
  expect(await isActive(server, client, first.access)).toBe(true)
  const second = tokensOf(await refresh(server, client, first.refresh))
  expect(second.refresh).not.toBe(first.refresh)
  expect((await events()).map(({ event }) => event)).toContain('device.connected')
})

test('the link with the code fills the field in, looks nothing up and still asks (RFC 8628 §3.3.1)', async () => {
  const codes = await askForCodes(server, client)
  const person = server.visitor()
  for (let times = 0; times < 3; times += 1) {
    const page = await person.get(codes.verification_uri_complete)
    expect(page.text).toContain(`value="${codes.user_code}"`)
    expect(page.text).toContain('Compare this code')
    expect(page.text).not.toContain('Television')
  }
  expect(person.cookies).toEqual([])
  expect((await enter(person, codes)).text).toContain('Television')
})

test('the page shows who asks, from where, with what and when, and what for, before anybody signs in (RFC 10027)', async () => {
  const asked = await fetch(`${server.origin}/device_authorization`, {
    method: 'POST',
    headers: { 'user-agent': 'oktron/1.2 (+https://okto.example)' },
    body: new URLSearchParams({ client_id: client.id, scope: 'openid email' }),
  })
  const at = new Date()
  passSeconds(120)
  const { user_code } = (await asked.json()) as { user_code: string }
  const page = await enter(server.visitor(), { user_code })
  expect(page.url.pathname).toBe('/device')
  for (const shown of [
    user_code,
    'Television',
    '127.0.0.1',
    'oktron',
    `datetime="${at.toISOString().slice(0, 19)}.000Z"`,
    'See your email address',
    'Keep access when you are away',
    'Did somebody send you this code',
  ]) {
    expect(page.text).toContain(shown)
  }
})

describe('waiting (RFC 8628 §3.5)', () => {
  const answer = async (codes: Awaited<ReturnType<typeof askForCodes>>) =>
    (await poll(server, client, codes)).body.error

  test('the first poll is free, one in time waits on, one too early adds five seconds', async () => {
    const codes = await askForCodes(server, client)
    expect(await answer(codes)).toBe('authorization_pending')
    passSeconds(5)
    expect(await answer(codes)).toBe('authorization_pending')
    passSeconds(3)
    expect(await answer(codes)).toBe('slow_down')
    // Ten seconds since the last poll that was in time: what came too early does not begin the wait anew.
    passSeconds(7)
    expect(await answer(codes)).toBe('authorization_pending')
    passSeconds(5)
    expect(await answer(codes)).toBe('slow_down')
    passSeconds(10)
    expect(await answer(codes)).toBe('authorization_pending')
  })

  test('a device that asks every second is told the decision at once', async () => {
    const codes = await askForCodes(server, client)
    const answers: unknown[] = []
    for (let second = 0; second < 70; second += 1) {
      answers.push(await answer(codes))
      passSeconds(1)
    }
    // Also for that one the wait ends: it grows to a minute and no further.
    expect(answers.lastIndexOf('authorization_pending')).toBeGreaterThan(50)
    expect(new Set(answers)).toEqual(new Set(['authorization_pending', 'slow_down']))
    await approve(server.visitor(), codes)
    expect((await poll(server, client, codes)).status).toBe(200)
  })

  test('after ten minutes the device learns that its code has expired, and the person that it does not work', async () => {
    const codes = await askForCodes(server, client)
    passSeconds(601)
    expect(await answer(codes)).toBe('expired_token')
    expect((await enter(server.visitor(), codes)).text).toContain('That code doesn’t work')
  })

  test('a code that expires while its person signs in ends on a page that says so', async () => {
    const codes = await askForCodes(server, client)
    const person = server.visitor()
    const login = await person.submit(await enter(person, codes), '/device', { decision: 'allow' })
    passSeconds(601)
    const end = await finish(person, login)
    expect([end.status, end.text]).toEqual([400, expect.stringContaining('can’t be used any more')])
    expect(await answer(codes)).toBe('expired_token')
  })
})

describe('saying no', () => {
  test('"This was not me" ends the request and is recorded', async () => {
    const codes = await askForCodes(server, client)
    const person = server.visitor()
    const end = await person.submit(await enter(person, codes), '/device', { decision: 'deny' })
    expect([end.status, end.text]).toEqual([200, expect.stringContaining('Nothing was connected')])
    for (let times = 0; times < 2; times += 1) {
      expect(await poll(server, client, codes)).toMatchObject({ status: 400, body: { error: 'access_denied' } })
    }
    expect((await enter(person, codes)).text).toContain('That code doesn’t work')
    expect((await events())[0]).toMatchObject({ event: 'device.denied', clientId: client.id, address: '127.0.0.1' })
  })

  test.each(['cancel', 'consent'] as const)('so does %s, further on', async (where) => {
    const codes = await askForCodes(server, client)
    const person = server.visitor()
    let page = await person.submit(await enter(person, codes), '/device', { decision: 'allow' })
    if (where === 'consent') {
      page = await person.submit(page, '/start/toy')
      page = await person.submit(page, '/answer', { email: 'new to television' })
      if (page.text.includes('/newcomer"')) page = await person.submit(page, '/newcomer', { decision: 'create' })
      page = await person.submit(page, '/consent', { decision: 'deny' })
    } else page = await person.submit(page, '/cancel')
    expect(page.text).toContain('Nothing was connected')
    expect((await poll(server, client, codes)).body.error).toBe('access_denied')
  })

  test('neither yes nor no is no decision', async () => {
    const codes = await askForCodes(server, client)
    const person = server.visitor()
    expect((await person.post('/device', { user_code: codes.user_code, decision: 'maybe' })).status).toBe(400)
    expect((await enter(person, codes)).text).toContain('value="allow"')
  })
})

describe('a person with several devices', () => {
  test('connects two in two tabs at once, and ends one without the other', async () => {
    const person = server.visitor()
    const codes = [await askForCodes(server, client), await askForCodes(server, client)] as const
    const pages = [await enter(person, codes[0]), await enter(person, codes[1])] as const
    const logins = [
      await person.submit(pages[0], '/device', { decision: 'allow' }),
      await person.submit(pages[1], '/device', { decision: 'allow' }),
    ] as const
    expect((await finish(person, logins[0])).text).toContain('is connected')
    expect((await finish(person, logins[1])).text).toContain('is connected')
    const [first, second] = [
      tokensOf(await poll(server, client, codes[0])),
      tokensOf(await poll(server, client, codes[1])),
    ]
    await endpoint(server, client, '/revoke', { token: first.refresh })
    expect(await isActive(server, client, first.access)).toBe(false)
    expect(await isActive(server, client, second.access)).toBe(true)
    expect((await refresh(server, client, second.refresh)).status).toBe(200)
  })

  test('is asked for consent anew once the app has revoked the last of them (RFC 7009), and no more reminded of it', async () => {
    const own = await server.client('device', { client_name: 'Talking lamp' })
    const person = server.visitor()
    const connect = async () => {
      const codes = await askForCodes(server, own)
      expect((await approve(person, codes, { name: 'rita' })).text).toContain('is connected')
      return tokensOf(await poll(server, own, codes))
    }
    const [first, second] = [await connect(), await connect()]
    // Another client's try, and half of what there is, take nothing away.
    await endpoint(server, client, '/revoke', { token: second.refresh })
    await endpoint(server, own, '/revoke', { token: first.refresh })
    expect((await person.get('/account')).text).toContain('Talking lamp')
    const asksAgain = async () => {
      const page = await enter(person, await askForCodes(server, own))
      return (await person.submit(page, '/device', { decision: 'allow' })).text.includes('/consent"')
    }
    expect(await asksAgain()).toBe(false)
    // What was allowed then was never fetched.
    passSeconds(601)
    await endpoint(server, own, '/revoke', { token: second.refresh })
    expect((await person.get('/account')).text).not.toContain('Talking lamp')
    expect(await asksAgain()).toBe(true)
  })

  test('is asked to confirm each, and for consent once', async () => {
    const person = server.visitor()
    await approve(person, await askForCodes(server, client), { name: 'carol' })
    const codes = await askForCodes(server, client)
    const page = await enter(person, codes)
    expect(page.text).toContain('Signed in as')
    expect(page.text).toContain('carol')
    const end = await person.submit(page, '/device', { decision: 'allow' })
    expect(end.text).toContain('is connected')
    expect((await poll(server, client, codes)).status).toBe(200)
  })

  test('keeps them when signing out of the browser', async () => {
    const person = server.visitor()
    const codes = await askForCodes(server, client)
    await approve(person, codes, { name: 'dora' })
    const tokens = tokensOf(await poll(server, client, codes))
    await person.post('/account/sign-out', {})
    expect(await isActive(server, client, tokens.access)).toBe(true)
    expect((await refresh(server, client, tokens.refresh)).status).toBe(200)
  })

  test('confirms even what is ours, which is never asked for consent', async () => {
    const own = await server.client('device', { first_party: true })
    const codes = await askForCodes(server, own)
    const person = server.visitor()
    const page = await enter(person, codes)
    expect(page.text).toContain('value="allow"')
    const signIn = await person.submit(page, '/device', { decision: 'allow' })
    const last = await person.submit(await person.submit(signIn, '/start/toy'), '/answer', { email: 'alice' })
    expect(last.text).toMatch(/is connected|\/newcomer"/)
    expect((await finish(person, last)).text).toContain('is connected')
    expect((await poll(server, own, codes)).status).toBe(200)
  })
})

describe('a browser inside another app, which a way to sign in refuses', () => {
  const telegram = { 'user-agent': 'Mozilla/5.0 (Linux; Android 15; wv) Telegram-Android/11' }
  const told = async (user_code: string) => {
    const inside = server.visitor(telegram)
    const login = await inside.submit(await enter(inside, { user_code }), '/device', { decision: 'allow' })
    const page = await inside.submit(login, '/start/picky')
    expect(page.url.pathname).toContain('/browser/picky')
    return { inside, login, page }
  }

  test('hands the code over to the browser in which its page is opened, which confirms it anew', async () => {
    const codes = await askForCodes(server, client)
    const { inside, page } = await told(codes.user_code)
    const own = server.visitor()
    const begun = await own.get(page.url.href)
    expect([begun.url.pathname, begun.text]).toEqual(['/device', expect.stringContaining(`value="${codes.user_code}"`)])
    expect((await approve(own, codes, { name: 'outside' })).text).toContain('is connected')
    expect((await inside.submit(page, '/cancel')).text).not.toContain('is connected')
    expect(await isActive(server, client, tokensOf(await poll(server, client, codes)).access)).toBe(true)
    expect((await server.visitor().get(page.url.href)).text).not.toContain(codes.user_code)
  })

  test('may go on all the same: of two that confirm, the first to decide counts', async () => {
    const codes = await askForCodes(server, client, { scope: 'openid profile' })
    const { inside, login, page } = await told(codes.user_code)
    const own = server.visitor()
    await own.get(page.url.href)
    const late = await own.submit(await enter(own, codes), '/device', { decision: 'allow' })
    expect((await finish(inside, login, { name: 'inside' })).text).toContain('is connected')
    const end = await finish(own, late, { name: 'late' })
    expect([end.status, end.text]).toEqual([400, expect.not.stringContaining('is connected')])
    const { access } = tokensOf(await poll(server, client, codes))
    const userinfo = await fetch(`${server.origin}/userinfo`, { headers: { authorization: `Bearer ${access}` } })
    expect(await userinfo.json()).toMatchObject({ name: 'inside' })
  })
})

test('another account than the one that is signed in can approve, and that one is left', async () => {
  const person = server.visitor()
  await approve(person, await askForCodes(server, client), { name: 'erin' })
  const other = await server.client('device')
  const codes = await askForCodes(server, other, { scope: 'openid profile' })
  const consent = await person.submit(await enter(person, codes), '/device', { decision: 'allow' })
  expect(consent.text).toContain('erin')
  const login = await person.submit(consent, '/switch')
  expect(login.text).toContain('name="email"')
  expect((await finish(person, login, { name: 'frank' })).text).toContain('is connected')
  const { access } = tokensOf(await poll(server, other, codes))
  const userinfo = await fetch(`${server.origin}/userinfo`, { headers: { authorization: `Bearer ${access}` } })
  expect(await userinfo.json()).toMatchObject({ name: 'frank' })
})

test('a device that wants a fresh sign-in gets one, whoever is signed in (OIDC Core §3.1.2.1)', async () => {
  const person = server.visitor()
  await approve(person, await askForCodes(server, client), { name: 'gina' })
  for (const [max_age, asked] of [
    ['0', true],
    ['600', false],
  ] as const) {
    const codes = await askForCodes(server, client, { max_age })
    const next = await person.submit(await enter(person, codes), '/device', { decision: 'allow' })
    expect([max_age, next.text.includes('name="email"')]).toEqual([max_age, asked])
    expect((await finish(person, next, { name: 'gina' })).text).toContain('is connected')
    expect((await poll(server, client, codes)).status).toBe(200)
  }
})

test('a registered API gets tokens of its own kind, and its scopes are shown in its words (RFC 8707)', async () => {
  const resource = 'https://api.example/device'
  await server.resource(resource, ['lamps'], 'jwt')
  const lamp = await server.client('device', { resource_scopes: 'lamps' })
  const codes = await askForCodes(server, lamp, { scope: 'openid lamps', resource })
  const person = server.visitor()
  expect((await enter(person, codes)).text).toContain('<bdi>lamps</bdi>')
  await approve(person, codes)
  const { access } = tokensOf(await poll(server, lamp, codes))
  const keys = createRemoteJWKSet(new URL(`${server.origin}/jwks`))
  const { payload } = await jwtVerify(access, keys, { issuer: server.origin, audience: resource })
  expect(payload).toMatchObject({ client_id: lamp.id, scope: 'lamps' })
})

describe('a code that was asked for in the name of a key', () => {
  const post = async (path: string, body: Record<string, string>, proof?: string) => {
    const response = await fetch(server.origin + path, {
      method: 'POST',
      headers: proof === undefined ? {} : { dpop: proof },
      body: new URLSearchParams({ client_id: client.id, ...body }),
    })
    return { status: response.status, body: (await response.json()) as Record<string, unknown> }
  }
  const redeem = (device_code: string, proof?: string) =>
    post('/token', { grant_type: 'urn:ietf:params:oauth:grant-type:device_code', device_code }, proof)
  const ask = (proof: string, more = {}) => post('/device_authorization', { scope: 'openid', ...more }, proof)
  const proofs = (key: DpopKey, path: string) => key.proof('POST', server.origin + path)

  test('is redeemed with that key alone (dpop_jkt)', async () => {
    const [own, stolen] = [await dpopKey(), await dpopKey()]
    const codes = await askForCodes(server, client, { dpop_jkt: await own.thumbprint() })
    await approve(server.visitor(), codes)
    const { device_code: code } = codes
    expect(await redeem(code)).toMatchObject({ status: 400, body: { error: 'invalid_grant' } })
    expect(await redeem(code, await proofs(stolen, '/token'))).toMatchObject({ body: { error: 'invalid_grant' } })
    expect(await redeem(code, await proofs(own, '/token'))).toMatchObject({
      status: 200,
      body: { token_type: 'DPoP' },
    })
  })

  test('by a proof instead of its thumbprint is bound to it in the same way (as RFC 9449 §10.1)', async () => {
    const [own, stolen] = [await dpopKey(), await dpopKey()]
    const { body } = await ask(await proofs(own, '/device_authorization'))
    const code = String(body['device_code'])
    expect(await redeem(code, await proofs(stolen, '/token'))).toMatchObject({ body: { error: 'invalid_grant' } })
    expect(await redeem(code, await proofs(own, '/token'))).toMatchObject({ body: { error: 'authorization_pending' } })
  })

  test('by a proof that is not valid, used before, or of another key than named gets none', async () => {
    const [own, other] = [await dpopKey(), await dpopKey()]
    const address = `${server.origin}/device_authorization`
    expect(await ask(await proofs(own, '/token'))).toMatchObject({ status: 400, body: { error: 'invalid_dpop_proof' } })
    const used = await proofs(own, '/device_authorization')
    expect(await ask(used)).toMatchObject({ status: 200 })
    expect(await ask(used)).toMatchObject({ status: 400, body: { error: 'invalid_dpop_proof' } })
    const named = { dpop_jkt: await other.thumbprint() }
    expect(await ask(await own.proof('POST', address), named)).toMatchObject({ body: { error: 'invalid_request' } })
    const old = await own.proof('POST', address, { claims: { iat: Math.floor(Date.now() / 1000) - 3600 } })
    expect(await ask(old)).toMatchObject({ status: 400, body: { error: 'use_dpop_nonce' } })
  })
})

test('the country is shown where our proxy names it, and nobody else can', async () => {
  const settings = { ISSUER: 'https://auth.example', TRUST_PROXY: '127.0.0.1', COUNTRY_HEADER: 'CF-IPCountry' }
  await using behindProxy = await startTestServer({ providers: [toy()], settings })
  const television = await behindProxy.client('device')
  const ask = async (country: string) => {
    const response = await fetch(`${behindProxy.address}/device_authorization`, {
      method: 'POST',
      headers: { 'x-forwarded-host': 'auth.example', 'x-forwarded-for': '192.0.2.44', 'cf-ipcountry': country },
      body: new URLSearchParams({ client_id: television.id, scope: 'openid' }),
    })
    return (await response.json()) as { user_code: string }
  }
  const page = await enter(behindProxy.visitor(), await ask('pt'))
  expect(page.text).toContain('Portugal (address <bdi>192.0.2.44</bdi>)')
  for (const odd of ['XX', 'T1', '<b>']) {
    expect((await enter(behindProxy.visitor(), await ask(odd))).text).toContain('address <bdi>192.0.2.44</bdi>')
  }
  // Here no proxy is believed.
  const unproxied = await fetch(`${server.origin}/device_authorization`, {
    method: 'POST',
    headers: { 'cf-ipcountry': 'PT' },
    body: new URLSearchParams({ client_id: client.id, scope: 'openid' }),
  })
  const codes = (await unproxied.json()) as { user_code: string }
  expect((await enter(server.visitor(), codes)).text).not.toContain('Portugal')
})
