/** Tokens that are bound to a key, which the client proves to have at each use. */
import * as oauth from 'oauth4webapi'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type ClientKey, clientKey, signed } from '../support/client-keys.ts'
import { agreeable, insecure, metadataOf, type OutsideClient, outsideClient } from '../support/outside-client.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import type { Visit } from '../support/visitor.ts'

const SECRETS = 'one key ring for both nodes of these tests'

let server: TestServer
let second: TestServer
let metadata: oauth.AuthorizationServer
let visit: (address: string) => Promise<Visit>
let app: OutsideClient
beforeAll(async () => {
  server = await startTestServer({ settings: { SECRETS } })
  second = await startTestServer({
    settings: { SECRETS, ISSUER: server.origin, TRUST_PROXY: '127.0.0.1' },
    database: server.database,
  })
  metadata = await metadataOf(server)
  visit = await agreeable(server)
  app = outsideClient(metadata, await server.client('native', { redirect_uris: ['com.example.app:/cb'] }))
})
afterAll(async () => {
  vi.useRealTimers()
  await second.stop()
  await server.stop()
})

async function possession(): Promise<{ DPoP: oauth.DPoPHandle }> {
  return { DPoP: oauth.DPoP(app.own, await oauth.generateKeyPair('ES256')) }
}

async function codeOf(client = app, extra: Record<string, string> = {}): Promise<URLSearchParams> {
  const back = await visit(`/authorize?${await client.request({ scope: 'openid offline_access', ...extra })}`)
  return oauth.validateAuthResponse(metadata, client.own, back.url, 'state')
}

test('tokens are bound to the key that the client proves, refresh tokens of public clients as well (§5)', async () => {
  const mine = await possession()
  const tokens = await app.redeem(await codeOf(), mine)
  expect(tokens.token_type).toBe('dpop')
  const ask = async (options: object) =>
    (await oauth.userInfoRequest(metadata, app.own, tokens.access_token, { ...insecure, ...options })).status
  expect(await ask(mine)).toBe(200)
  expect(await ask(await possession())).toBe(401)
  expect(await ask({})).toBe(401)
  const theirs = await possession()
  await expect(app.refresh(tokens.refresh_token ?? '', theirs)).rejects.toMatchObject({ error: 'invalid_grant' })
  await expect(app.refresh(tokens.refresh_token ?? '')).rejects.toMatchObject({ error: 'invalid_grant' })
  expect((await app.refresh(tokens.refresh_token ?? '', mine)).token_type).toBe('dpop')
})

test('a code is bound to the key that the request named (§10)', async () => {
  const mine = await possession()
  const dpop_jkt = await mine.DPoP.calculateThumbprint()
  await expect(app.redeem(await codeOf(app, { dpop_jkt }), await possession())).rejects.toMatchObject({
    error: 'invalid_grant',
  })
  expect((await app.redeem(await codeOf(app, { dpop_jkt }), mine)).token_type).toBe('dpop')
})

test('a client that is held to it gets nothing without a proof (§5.2)', async () => {
  const held = outsideClient(metadata, await server.client('web', { dpop_bound_access_tokens: true }))
  await expect(held.redeem(await codeOf(held))).rejects.toMatchObject({ status: 400 })
  expect((await held.redeem(await codeOf(held), await possession())).token_type).toBe('dpop')
})

test('introspection names the key (§6.2)', async () => {
  const held = outsideClient(metadata, await server.client('web', { dpop_bound_access_tokens: true }))
  const mine = await possession()
  const { access_token } = await held.redeem(await codeOf(held), mine)
  const response = await oauth.introspectionRequest(metadata, held.own, held.authentication, access_token, insecure)
  const { cnf } = await oauth.processIntrospectionResponse(metadata, held.own, response)
  expect(cnf?.jkt).toBe(await mine.DPoP.calculateThumbprint())
})

/** What the token endpoint says of a made proof that goes with a code which nobody knows. */
async function judged(
  claims: Record<string, unknown>,
  header: Record<string, unknown> = {},
  by?: ClientKey,
  at = server,
) {
  const key = by ?? (await clientKey())
  const { kid: _kid, use: _use, ...jwk } = key.jwks.keys[0] ?? {}
  const iat = Math.floor(Date.now() / 1000)
  const good = { htm: 'POST', htu: `${server.origin}/token`, jti: crypto.randomUUID(), iat }
  const proof = await signed(key, { ...good, ...claims }, { typ: 'dpop+jwt', jwk, kid: undefined, ...header })
  const response = await fetch(`${at.address}/token`, {
    method: 'POST',
    headers: { dpop: proof, ...(at === second ? forwarded() : {}) },
    body: new URLSearchParams({ grant_type: 'refresh_token', client_id: app.client.id, refresh_token: 'unknown' }),
  })
  const { error } = (await response.json()) as { error: string }
  return { error, nonce: response.headers.get('dpop-nonce') ?? undefined }
}

function forwarded(): Record<string, string> {
  const { host, protocol } = new URL(server.origin)
  return { 'x-forwarded-host': host, 'x-forwarded-proto': protocol.slice(0, -1) }
}

describe('a proof is refused (§4.3)', () => {
  const epoch = () => Math.floor(Date.now() / 1000)
  test.each<[string, () => Record<string, unknown>, Record<string, unknown>?]>([
    ['for another method', () => ({ htm: 'GET' })],
    ['for another address', () => ({ htu: `${server.origin}/par` })],
    ['for another server', () => ({ htu: 'https://other.example/token' })],
    ['without an id', () => ({ jti: undefined })],
    ['without a time', () => ({ iat: undefined })],
    ['of another type', () => ({}), { typ: 'JWT' }],
    ['without a key', () => ({}), { jwk: undefined }],
    ['with a made-up nonce', () => ({ nonce: 7 })],
  ])('%s', async (_what, claims, header) => {
    expect(await judged(claims(), header)).toMatchObject({ error: 'invalid_dpop_proof' })
  })

  test('by another key than it names, and by a kind of signature that is not listed', async () => {
    const { jwks } = await clientKey()
    const { kid: _kid, use: _use, ...jwk } = jwks.keys[0] ?? {}
    expect(await judged({}, { jwk })).toMatchObject({ error: 'invalid_dpop_proof' })
    expect(await judged({}, {}, await clientKey('RS256'))).toMatchObject({ error: 'invalid_dpop_proof' })
    expect(metadata.dpop_signing_alg_values_supported).toEqual(['ES256', 'Ed25519', 'EdDSA'])
  })

  test('that is old or from the future, with a nonce to try again (§8)', async () => {
    for (const iat of [epoch() - 3_600, epoch() + 3_600])
      expect(await judged({ iat })).toMatchObject({ error: 'use_dpop_nonce', nonce: expect.any(String) })
    expect(await judged({ iat: epoch() - 10 })).toMatchObject({ error: 'invalid_grant' })
    expect(await judged({ iat: epoch() + 10 })).toMatchObject({ error: 'invalid_grant' })
  })
})

test('a nonce of one node is good at every other, for some minutes (§8)', async () => {
  const { nonce } = await judged({ iat: 1 })
  expect(await judged({ iat: 1, nonce }, {}, undefined, second)).toMatchObject({ error: 'invalid_grant' })
  expect(await judged({ iat: 1, nonce: 'x'.repeat(43) })).toMatchObject({ error: 'use_dpop_nonce' })
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 10 * 60_000 })
  expect(await judged({ iat: 1, nonce })).toMatchObject({ error: 'use_dpop_nonce' })
})
