/** Who else might use what IFTTT and the pages of the house hold, and what is left of it when it has ended. */
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { removeExpired } from '../../adapters/postgres/cleanup.ts'
import { clients as clientStore } from '../../adapters/postgres/clients.ts'
import { grants as grantStore } from '../../adapters/postgres/grants.ts'
import { resources as resourceStore } from '../../adapters/postgres/resources.ts'
import { authorize, endpoint, pkce, type Tokens, tokensOf } from '../support/authorize.ts'
import { type DpopKey, dpopKey } from '../support/dpop.ts'
import { authorizeAtIfttt, iftttClient, iftttRequestUrl } from '../support/ifttt-client.ts'
import { startTestServer, type TestClient, type TestServer } from '../support/server.ts'
import { toy } from '../support/toy-provider.ts'

const key = 'the-service-key-of-these-tests'
const now = () => new Date()
let server: TestServer
let client: TestClient
beforeAll(async () => {
  server = await startTestServer({ providers: [toy()], settings: { IFTTT_SERVICE_KEYS: key } })
  client = await iftttClient(server)
})
afterAll(async () => {
  await server.stop()
  vi.useRealTimers()
})

/** Server, library and test see a later time, from then on: an embedded database does not bear time that goes back. */
function later(seconds: number): void {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + seconds * 1000 })
}

async function post(path: string, fields: Record<string, string>, headers: Record<string, string> = {}) {
  const response = await fetch(server.origin + path, { method: 'POST', headers, body: new URLSearchParams(fields) })
  return {
    status: response.status,
    headers: response.headers,
    body: (await response.json()) as Record<string, unknown> & { error?: string },
  }
}

const by = ({ id, secret }: TestClient) => ({ client_id: id, client_secret: secret })

function redemption(code: string, as = client): Record<string, string> {
  return { ...by(as), grant_type: 'authorization_code', code, redirect_uri: as.redirectUri }
}

async function connected(as = client): Promise<Tokens> {
  const code = (await authorizeAtIfttt(server, as)).searchParams.get('code') ?? ''
  return tokensOf(await post('/token', redemption(code, as)))
}

const userInfo = (headers: Record<string, string>) => fetch(`${server.origin}/ifttt/v1/user/info`, { headers })
const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

/** A page of the house and its token of a person; bound to the key, if there is one. */
async function house(bound?: DpopKey): Promise<{ page: TestClient; token: string }> {
  const page = await server.client('spa', { resource_scopes: 'ifttt', first_party: true })
  const proof = pkce()
  const callback = await authorize(server.visitor(), page, proof, { name: 'alice', extra: { scope: 'ifttt' } })
  const fields = {
    grant_type: 'authorization_code',
    client_id: page.id,
    redirect_uri: page.redirectUri,
    code: callback.searchParams.get('code') ?? '',
    code_verifier: proof.verifier,
  }
  const ask = async (nonce?: string) =>
    post('/token', fields, bound === undefined ? {} : { dpop: await proofOf(bound, 'POST', '/token', { nonce }) })
  const first = await ask()
  const nonce = first.headers.get('dpop-nonce') ?? undefined
  const { body } = first.status === 200 ? first : await ask(nonce)
  return { page, token: String(body['access_token']) }
}

function proofOf(
  bound: DpopKey,
  method: string,
  path: string,
  { access, nonce }: { access?: string; nonce?: string | undefined } = {},
): Promise<string> {
  return bound.proof(method, server.origin + path, {
    ...(access === undefined ? {} : { access }),
    ...(nonce === undefined ? {} : { claims: { nonce } }),
  })
}

test('of many who redeem one code at both addresses at once, in form and JSON, one succeeds, and loses it again', async () => {
  const code = (await authorizeAtIfttt(server, client)).searchParams.get('code') ?? ''
  const json = () =>
    fetch(`${server.origin}/third-party/ifttt/v1/tokens`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(redemption(code)),
    }).then(async (response) => ({ status: response.status, body: (await response.json()) as { error?: string } }))
  const form = () => post('/token', redemption(code))
  const answers = await Promise.all([form(), json(), form(), json(), form(), json()])
  const [won, ...others] = answers.filter(({ status }) => status === 200)
  expect([won === undefined, others]).toEqual([false, []])
  for (const { status, body } of answers)
    if (status !== 200) expect([status, body.error]).toEqual([400, 'invalid_grant'])
  const { access, refresh } = tokensOf(won as never)
  expect((await userInfo(bearer(access))).status).toBe(401)
  const again = await post('/token', { ...by(client), grant_type: 'refresh_token', refresh_token: refresh })
  expect([again.status, again.body.error]).toEqual([400, 'invalid_grant'])
})

test('without PKCE, a pushed request needs state too, and one beside it does not count (RFC 9126 §2.1)', async () => {
  const asked = { ...by(client), redirect_uri: client.redirectUri, response_type: 'code', scope: 'ifttt' }
  for (const state of [{}, { state: '' }]) {
    const { status, body } = await post('/par', { ...asked, ...state })
    expect([status, body.error]).toEqual([400, 'invalid_request'])
  }
  const { body } = await post('/par', { ...asked, state: 'pushed' })
  const pushed = { request_uri: String(body['request_uri']), state: 'beside' }
  const callback = await authorizeAtIfttt(server, client, { extra: pushed })
  expect(callback.searchParams.has('code')).toBe(true)
  expect(callback.searchParams.get('state')).toBe('pushed')
})

test('the service behind us may ask about tokens; other services and other clients learn nothing (RFC 7662 §4)', async () => {
  const owner = await server.client('resource')
  const other = await server.resource('https://notes.example/', ['notes'])
  const resources = resourceStore(server.database.store.db, now)
  await resources.add({
    identifier: `${server.origin}/ifttt/v1`,
    name: 'Service',
    scopes: ['ifttt'],
    tokenFormat: 'opaque',
    tokenTtl: 600,
    clientId: owner.id,
  })
  // What is known of a resource is known for a second.
  later(2)
  const { access, refresh } = await connected()
  const introspected = async (as: TestClient, token: string) =>
    (await endpoint(server, as, '/introspect', { token })).body
  expect(await introspected(owner, access)).toMatchObject({ active: true, scope: 'ifttt', client_id: client.id })
  expect(await introspected(owner, refresh)).toEqual({ active: false })
  for (const stranger of [other, await server.client('web'), await server.client('service')]) {
    for (const token of [access, refresh]) expect(await introspected(stranger, token)).toEqual({ active: false })
  }
})

test('the token of a page that is bound to its key opens nothing without it (RFC 9449 §7.1)', async () => {
  const [bound, stolen] = [await dpopKey(), await dpopKey()]
  const { token } = await house(bound)
  const info = '/ifttt/v1/user/info'
  const authorizations = '/third-party/ifttt/v1/authorizations'
  const withProof = (proof: string) => ({ authorization: `DPoP ${token}`, dpop: proof })
  const nonce = (await userInfo(withProof(await proofOf(bound, 'GET', info, { access: token })))).headers.get(
    'dpop-nonce',
  )
  const proven = (path: string, method = 'POST', by = bound) =>
    proofOf(by, method, path, { access: token, nonce: nonce ?? undefined })

  expect((await userInfo(bearer(token))).status).toBe(401)
  expect((await userInfo(withProof(await proven(info, 'GET', stolen)))).status).toBe(401)
  expect((await userInfo(withProof(await proven(authorizations, 'GET')))).status).toBe(401)
  const proof = await proven(info, 'GET')
  expect((await userInfo(withProof(proof))).status).toBe(200)
  expect((await userInfo(withProof(proof))).status).toBe(401)

  const asked = { client_id: client.id }
  const refusals = [bearer(token), withProof(await proven(authorizations, 'POST', stolen)), withProof(proof)]
  for (const headers of refusals) expect((await post(authorizations, asked, headers)).status).toBe(401)
  expect((await post(authorizations, asked, withProof(await proven(authorizations)))).status).toBe(200)
})

test('a client that was disabled gets nothing anywhere, and what it holds opens nothing', async () => {
  const gone = await iftttClient(server, 'gone')
  const tokens = await connected(gone)
  const code = (await authorizeAtIfttt(server, gone)).searchParams.get('code') ?? ''
  const { page, token } = await house()
  const clients = clientStore(server.database.store.db, now)
  for (const { id } of [gone, page]) await clients.disable(id)
  // What is known of a client is known for a second.
  later(2)
  const refresh = { ...by(gone), grant_type: 'refresh_token', refresh_token: tokens.refresh }
  for (const path of ['/token', '/third-party/ifttt/v1/tokens'])
    for (const fields of [redemption(code, gone), refresh]) expect((await post(path, fields)).status).toBe(401)
  for (const path of ['/introspect', '/revoke', '/par'])
    expect((await post(path, { ...by(gone), token: tokens.access })).status).toBe(401)
  for (const path of ['/authorize', '/third-party/ifttt/authorize']) {
    const visit = await server.visitor().get(iftttRequestUrl(gone, { path }))
    expect([visit.left, visit.status]).toEqual([false, 400])
  }
  expect((await userInfo(bearer(tokens.access))).status).toBe(401)
  expect((await userInfo(bearer(token))).status).toBe(401)
  expect((await post('/third-party/ifttt/v1/authorizations', { client_id: client.id }, bearer(token))).status).toBe(401)
})

test('what was tried, tested or taken back leaves no rows; a connection stays for years', async () => {
  const { db } = server.database.store
  const lasting = await connected()
  const revoked = await connected()
  await authorizeAtIfttt(server, client)
  const { token } = await house()
  await post('/third-party/ifttt/v1/authorizations', { client_id: client.id }, bearer(token))
  await post('/ifttt/v1/test/setup', {}, { 'ifttt-service-key': key })
  const { body } = await post('/introspect', { ...by(client), token: revoked.access })
  await grantStore(db, now).revoke({ accountId: String(body['sub']), clientId: client.id })
  const rows = async () => ({
    grants: (await grantStore(db, now).list({ clientId: client.id })).length,
    tokens: (await db.selectFrom('artifacts').select('model').where('client_id', '=', client.id).execute()).length,
  })
  expect((await rows()).grants).toBeGreaterThanOrEqual(5)
  // Other tests of this file connected somebody, too.
  const living = await db
    .selectFrom('artifacts')
    .innerJoin('grants', 'grants.id', 'artifacts.grant_id')
    .select('artifacts.id_hash')
    .where('artifacts.client_id', '=', client.id)
    .where('artifacts.model', '=', 'RefreshToken')
    .where('grants.revoked_at', 'is', null)
    .execute()
  later(2 * 24 * 60 * 60)
  await removeExpired(db, now)
  expect(await rows()).toEqual({ grants: living.length, tokens: living.length })
  later(5 * 365 * 24 * 60 * 60)
  await removeExpired(db, now)
  const renewed = await post('/token', { ...by(client), grant_type: 'refresh_token', refresh_token: lasting.refresh })
  expect(renewed.status).toBe(200)
})

test('a use is written down once a minute at most, however often somebody asks', async () => {
  const { access } = await connected()
  const { db } = server.database.store
  const { body } = await post('/introspect', { ...by(client), token: access })
  const of = { accountId: String(body['sub']), clientId: client.id }
  const recorded = () =>
    db.selectFrom('grants').select('last_used_at').where('account_id', '=', of.accountId).executeTakeFirstOrThrow()
  expect((await recorded()).last_used_at).not.toBeNull()
  await db.updateTable('grants').set({ last_used_at: null }).where('account_id', '=', of.accountId).execute()
  await post('/introspect', { ...by(client), token: access })
  expect((await recorded()).last_used_at).toBeNull()
  later(61)
  await post('/introspect', { ...by(client), token: access })
  expect((await recorded()).last_used_at).not.toBeNull()
})

test('a use that cannot be written down is in the log, and costs nobody an answer', async () => {
  const { access, refresh } = await connected()
  const { db } = server.database.store
  const column = (from: string, to: string) => db.schema.alterTable('grants').renameColumn(from, to).execute()
  later(61)
  await column('last_used_at', 'away')
  try {
    const renewed = await post('/token', { ...by(client), grant_type: 'refresh_token', refresh_token: refresh })
    expect(renewed.status).toBe(200)
    expect((await post('/introspect', { ...by(client), token: access })).body['active']).toBe(true)
    expect((await userInfo(bearer(access))).status).toBe(200)
  } finally {
    await column('away', 'last_used_at')
  }
  expect(server.logged.join('\n')).toContain('the last use of a grant was not recorded')
})
