/** Codes that an app of the house gets for IFTTT: for nobody else, for no other person, and worth no more than others. */
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { accounts as accountStore } from '../../adapters/postgres/accounts.ts'
import { audit as auditStore } from '../../adapters/postgres/audit.ts'
import { clients as clientStore } from '../../adapters/postgres/clients.ts'
import { grants as grantStore } from '../../adapters/postgres/grants.ts'
import { authorize, pkce, redeem, signedIn, tokensOf } from '../support/authorize.ts'
import { iftttClient } from '../support/ifttt-client.ts'
import { startTestServer, type TestClient, type TestServer } from '../support/server.ts'
import { toy } from '../support/toy-provider.ts'

const path = '/third-party/ifttt/v1/authorizations'
const redirectUri = 'https://ifttt.com/channels/habitat/authorize'
const forIfttt = { resource_scopes: 'ifttt' }
const now = () => new Date()

let server: TestServer
let ifttt: TestClient
let page: TestClient
beforeAll(async () => {
  server = await startTestServer({ providers: [toy()] })
  ifttt = await iftttClient(server, 'habitat')
  page = await server.client('spa', { ...forIfttt, first_party: true })
})
afterAll(() => server.stop())

/** An access token of a client for the Service API. */
async function tokenOf(client: TestClient, name = 'alice', scope = 'ifttt'): Promise<string> {
  const proof = pkce()
  const callback = await authorize(server.visitor(), client, proof, { name, extra: { scope } })
  return tokensOf(await redeem(server, client, callback.searchParams.get('code') ?? '', proof)).access
}

async function post(token: string | undefined, body: Record<string, string> | string, headers = {}) {
  const response = await fetch(server.origin + path, {
    method: 'POST',
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(typeof body === 'string' ? { 'content-type': 'application/json' } : {}),
      ...headers,
    },
    body: typeof body === 'string' ? body : new URLSearchParams(body),
  })
  expect(response.headers.get('access-control-allow-origin')).toBe('*')
  expect(response.headers.get('cache-control')).toBe('no-store')
  return { status: response.status, headers: response.headers, body: (await response.json()) as Answer }
}

interface Answer {
  code?: string
  redirect_to?: string
  error?: string
}

/** Redeems a code as IFTTT does: the secret in the body, no code verifier. */
async function redeemed(code: string | undefined, client = ifttt, redirect = client.redirectUri) {
  const form = new URLSearchParams({
    grant_type: 'authorization_code',
    code: String(code),
    client_id: client.id,
    client_secret: client.secret,
    redirect_uri: redirect,
  })
  const response = await fetch(`${server.origin}/token`, { method: 'POST', body: form })
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}

async function userInfo(token: unknown) {
  const response = await fetch(`${server.origin}/ifttt/v1/user/info`, { headers: { authorization: `Bearer ${token}` } })
  return { status: response.status, id: ((await response.json()) as { data?: { id: string } }).data?.id }
}

const invalid = { status: 400, body: { error: 'invalid_request' } }

test('an app of the house gets a code that IFTTT redeems for lasting access of the same person, form or JSON', async () => {
  const token = await tokenOf(page)
  const { id } = await userInfo(token)
  for (const body of [
    { client_id: ifttt.id, state: 'a b&c' },
    JSON.stringify({ client_id: ifttt.id, state: 'a b&c' }),
  ]) {
    const answer = await post(token, body)
    expect(answer.status).toBe(200)
    const target = new URL(answer.body.redirect_to ?? '')
    expect(target.origin + target.pathname).toBe(redirectUri)
    expect(Object.fromEntries(target.searchParams)).toEqual({
      code: answer.body.code,
      state: 'a b&c',
      iss: server.origin,
    })
    const tokens = await redeemed(answer.body.code)
    expect(tokens).toMatchObject({
      status: 200,
      body: { token_type: 'Bearer', scope: 'ifttt', expires_in: 3600, refresh_token: expect.any(String) },
    })
    expect(await userInfo(tokens.body['access_token'])).toEqual({ status: 200, id })
  }
  const [event] = await auditStore(server.database.store.db, now).list({ accountId: String(id), limit: 1 })
  expect(event).toMatchObject({
    event: 'ifttt.authorized',
    clientId: ifttt.id,
    address: '127.0.0.1',
    detail: { firstParty: page.id },
  })
})

test('a refusal goes back to IFTTT with state and without a code, and is audited', async () => {
  const token = await tokenOf(page, 'denying')
  const { id } = await userInfo(token)
  const { status, body } = await post(token, { client_id: ifttt.id, state: 's', decision: 'deny' })
  expect(status).toBe(200)
  expect(Object.keys(body)).toEqual(['redirect_to'])
  expect(Object.fromEntries(new URL(body.redirect_to ?? '').searchParams)).toEqual({
    error: 'access_denied',
    state: 's',
    iss: server.origin,
  })
  const { db } = server.database.store
  expect(await grantStore(db, now).list({ accountId: String(id), clientId: ifttt.id })).toEqual([])
  const [event] = await auditStore(db, now).list({ accountId: String(id), limit: 1 })
  expect(event).toMatchObject({ event: 'ifttt.denied', clientId: ifttt.id })
})

test('without a token nobody gets a code, wherever else one is put (RFC 9700 §4.3.2)', async () => {
  const token = await tokenOf(page)
  const none = await post(undefined, { client_id: ifttt.id, access_token: token })
  expect(none.status).toBe(401)
  expect(none.headers.get('www-authenticate')).toContain('Bearer realm=')
  const query = await fetch(`${server.origin}${path}?access_token=${token}`, {
    method: 'POST',
    body: new URLSearchParams({ client_id: ifttt.id }),
  })
  expect(query.status).toBe(400)
  expect(await post('INVALID', { client_id: ifttt.id })).toMatchObject({
    status: 401,
    body: { error: 'invalid_token' },
  })
})

test('the token of a third party gets no code, not even IFTTT’s own', async () => {
  const theirs = await server.client('web', forIfttt)
  const own = (await redeemed((await post(await tokenOf(page), { client_id: ifttt.id })).body.code)).body[
    'access_token'
  ]
  for (const token of [await tokenOf(theirs), String(own)]) {
    expect(await post(token, { client_id: ifttt.id })).toMatchObject({
      status: 403,
      body: { error: 'unauthorized_client' },
    })
  }
})

test('a token of the house that is not for this API gets no code', async () => {
  const { access } = await signedIn(server, page, { name: 'alice' })
  const answer = await post(access, { client_id: ifttt.id })
  expect(answer).toMatchObject({ status: 401, body: { error: 'invalid_token' } })
})

test('a token for this API that lacks the scope is not given, and would get no code, nor be known to user/info (RFC 6750 §3.1)', async () => {
  const proof = pkce()
  const page = await server.client('spa', { ...forIfttt, first_party: true, scope: 'openid' })
  const resource = `${server.origin}/ifttt/v1`
  const refused = await authorize(server.visitor(), page, proof, {
    name: 'alice',
    extra: { scope: 'openid', resource },
  })
  expect(refused.searchParams.get('error')).toBe('invalid_scope')
  const extra = { scope: 'openid ifttt', resource }
  const callback = await authorize(server.visitor(), page, proof, { name: 'alice', extra })
  const { access } = tokensOf(await redeem(server, page, callback.searchParams.get('code') ?? '', proof))
  const { db } = server.database.store
  const without = sql<never>`jsonb_set(payload, '{scope}', '""')`
  const own = db.updateTable('artifacts').set({ payload: without }).where('client_id', '=', page.id)
  await own.where('model', '=', 'AccessToken').execute()
  const answer = await post(access, { client_id: ifttt.id })
  expect(answer).toMatchObject({ status: 403, body: { error: 'insufficient_scope' } })
  expect(answer.headers.get('www-authenticate')).toContain('scope="ifttt"')
  expect((await userInfo(access)).status).toBe(401)
})

test('an app that is no longer of the house, or no longer registered for it, gets no code with the token it has', async () => {
  const clients = clientStore(server.database.store.db, now)
  for (const [firstParty, scopes] of [
    [false, 'ifttt'],
    [true, 'other'],
  ] as const) {
    const once = await server.client('spa', { ...forIfttt, first_party: true })
    const token = await tokenOf(once)
    const { metadata = {} } = (await clients.find(once.id)) ?? {}
    await clients.update(once.id, { ...metadata, resource_scopes: scopes }, { firstParty })
    expect((await post(token, { client_id: ifttt.id })).status).toBe(403)
  }
})

test('the token says who the person is; a browser’s cookies say nothing', async () => {
  const [alice, mallory] = [await tokenOf(page, 'alice'), server.visitor()]
  await authorize(mallory, page, pkce(), { name: 'mallory', extra: { scope: 'ifttt' } })
  const cookie = mallory.cookies.map(({ name, value }) => `${name}=${value}`).join('; ')
  expect(cookie).toContain('session=')
  expect((await post(undefined, { client_id: ifttt.id }, { cookie })).status).toBe(401)
  const { body } = await post(alice, { client_id: ifttt.id }, { cookie })
  const tokens = await redeemed(body.code)
  expect((await userInfo(tokens.body['access_token'])).id).toBe((await userInfo(alice)).id)
})

test('nobody redeems the code but its client, at its redirect URI, once (RFC 6749 §4.1.3)', async () => {
  const token = await tokenOf(page, 'replayed')
  const other = await iftttClient(server, 'other')
  const refused = { status: 400, body: { error: 'invalid_grant' } }
  const code = async () => (await post(token, { client_id: ifttt.id })).body.code
  expect(await redeemed(await code(), other)).toMatchObject(refused)
  expect(await redeemed(await code(), other, redirectUri)).toMatchObject(refused)
  expect(await redeemed(await code(), ifttt, other.redirectUri)).toMatchObject(refused)
  const replayed = await code()
  const tokens = await redeemed(replayed)
  expect(tokens.status).toBe(200)
  expect(await redeemed(replayed)).toMatchObject(refused)
  expect((await userInfo(tokens.body['access_token'])).status).toBe(401)
})

test('a code dies with the account that it was made for, and so does the token that asks for one', async () => {
  const token = await tokenOf(page, 'leaving')
  const { id } = await userInfo(token)
  const { body } = await post(token, { client_id: ifttt.id })
  await accountStore(server.database.store.db, now).disable(String(id))
  expect((await redeemed(body.code)).status).toBe(400)
  expect((await post(token, { client_id: ifttt.id })).status).toBe(401)
})

test('codes are for clients of IFTTT that are registered and enabled, and for their own redirect URI', async () => {
  const token = await tokenOf(page, 'wrong-client')
  const disabled = await iftttClient(server, 'habitat')
  await clientStore(server.database.store.db, now).disable(disabled.id)
  for (const id of ['', 'nobody', '\u0000', page.id, disabled.id]) {
    expect(await post(token, { client_id: id })).toMatchObject(invalid)
  }
  expect(await post(token, {})).toMatchObject(invalid)
  for (const redirect_uri of [
    'https://ifttt.com/channels/other/authorize',
    `${redirectUri}/`,
    `${redirectUri}?next=1`,
    'https://attacker.example/',
  ]) {
    expect(await post(token, { client_id: ifttt.id, redirect_uri })).toMatchObject(invalid)
    expect(await post(token, { client_id: ifttt.id, redirect_uri, decision: 'deny' })).toMatchObject(invalid)
  }
  expect((await post(token, { client_id: ifttt.id, redirect_uri: redirectUri })).status).toBe(200)
})

test('a request that can be read in two ways is refused', async () => {
  const token = await tokenOf(page, 'ambiguous')
  const id = JSON.stringify(ifttt.id)
  for (const body of [
    `{"client_id":${id},"client_id":"other"}`,
    `{"client_id":[${id}]}`,
    `{"client_id":{"a":${id}}}`,
    `{"client_id":${id},"state":1}`,
    `[${id}]`,
    '',
  ]) {
    expect(await post(token, body)).toMatchObject(invalid)
  }
  const twice = `client_id=${ifttt.id}&client_id=${ifttt.id}`
  expect(await post(token, twice, { 'content-type': 'application/x-www-form-urlencoded' })).toMatchObject(invalid)
  expect(await post(token, 'client_id=a', { 'content-type': 'text/plain' })).toMatchObject({
    status: 415,
    body: { error: 'invalid_request', error_description: expect.stringContaining('Send application/json or') },
  })
  expect(await post(token, { client_id: ifttt.id, state: 'x'.repeat(1_001) })).toMatchObject(invalid)
  expect(await post(token, { client_id: ifttt.id, decision: 'perhaps' })).toMatchObject(invalid)
  expect((await post(token, { client_id: ifttt.id, state: 'x'.repeat(60_000) })).status).toBe(413)
  expect((await post(token, JSON.stringify({ client_id: ifttt.id, state: 'x'.repeat(60_000) }))).status).toBe(413)
})

test('an account that asks again and again has to wait; others do not', async () => {
  const [busy, calm] = [await tokenOf(page, 'busy'), await tokenOf(page, 'calm')]
  const ask = (token: string) => post(token, { client_id: ifttt.id, decision: 'deny' })
  for (let count = 0; count < 31; count += 1) expect((await ask(busy)).status).toBe(200)
  const refused = await ask(busy)
  expect(refused.status).toBe(429)
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
  expect((await ask(calm)).status).toBe(200)
})

test('a page of any origin may ask, but never with the cookies of a browser (CORS)', async () => {
  const preflight = await fetch(server.origin + path, {
    method: 'OPTIONS',
    headers: { origin: 'https://app.example', 'access-control-request-method': 'POST' },
  })
  expect(preflight.status).toBe(204)
  expect(preflight.headers.get('access-control-allow-origin')).toBe('*')
  expect(preflight.headers.get('access-control-allow-headers')).toBe('Authorization, Content-Type, DPoP')
  expect(preflight.headers.get('access-control-allow-credentials')).toBeNull()
  const wrong = await fetch(server.origin + path)
  expect([wrong.status, wrong.headers.get('allow')]).toEqual([405, 'POST, OPTIONS'])
})
