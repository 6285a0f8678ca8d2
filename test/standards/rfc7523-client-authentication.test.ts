/** Clients that prove who they are by a key of their own, with the audience that RFC 10070 demands of the proof. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import * as oauth from 'oauth4webapi'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { assertionClaims, type ClientKey, clientKey, presented, signed } from '../support/client-keys.ts'
import { agreeable, insecure, metadataOf, outsideClient } from '../support/outside-client.ts'
import { startTestServer, type TestClient, type TestServer } from '../support/server.ts'

const resource = 'https://api.example/keys'

let server: TestServer
let metadata: oauth.AuthorizationServer
let key: ClientKey
let service: TestClient
beforeAll(async () => {
  server = await startTestServer()
  metadata = await metadataOf(server)
  await server.resource(resource, ['read'])
  key = await clientKey()
  service = await client('service', { jwks: key.jwks, resource_scopes: 'read' })
})
afterAll(async () => {
  vi.useRealTimers()
  await server.stop()
})

function client(profile: string, extra: Record<string, unknown>): Promise<TestClient> {
  return server.client(profile, { token_endpoint_auth_method: 'private_key_jwt', ...extra })
}

/** What the token endpoint says to a program that presents this assertion. */
async function answer(assertion: string, extra: Record<string, string> = {}, headers: Record<string, string> = {}) {
  const body = { grant_type: 'client_credentials', resource, scope: 'read', ...presented(assertion), ...extra }
  const response = await fetch(`${server.origin}/token`, { method: 'POST', headers, body: new URLSearchParams(body) })
  const { error, token_type } = (await response.json()) as Record<string, string>
  return { status: response.status, said: error ?? token_type, nonce: response.headers.get('dpop-nonce') }
}

async function proofOf(claims: Record<string, unknown> = {}, header: Record<string, unknown> = {}, by = key) {
  return signed(by, { ...assertionClaims(service.id, server.origin), ...claims }, header)
}

const refused = { status: 401, said: 'invalid_client' }

test('the whole code flow works without a secret, and so do introspection and revocation (§2.2)', async () => {
  const app = await client('web', { jwks: key.jwks })
  const authentication = oauth.PrivateKeyJwt({ key: key.privateKey, kid: key.kid })
  const outside = outsideClient(metadata, app, authentication)
  const { own } = outside
  const visit = await agreeable(server)
  const back = await visit(`/authorize?${await outside.request()}`)
  const tokens = await outside.redeem(oauth.validateAuthResponse(metadata, own, back.url, 'state'))
  expect(tokens).toHaveProperty('id_token')
  const active = async () => {
    const response = await oauth.introspectionRequest(metadata, own, authentication, tokens.access_token, insecure)
    return (await oauth.processIntrospectionResponse(metadata, own, response)).active
  }
  expect(await active()).toBe(true)
  await oauth.processRevocationResponse(
    await oauth.revocationRequest(metadata, own, authentication, tokens.access_token, insecure),
  )
  expect(await active()).toBe(false)
})

test.each(['ES256', 'EdDSA', 'PS256', 'RS256'])('a key for %s is good, and the metadata says so', async (alg) => {
  const its = await clientKey(alg)
  const app = await client('service', { jwks: its.jwks, resource_scopes: 'read' })
  const response = await oauth.clientCredentialsGrantRequest(
    metadata,
    { client_id: app.id },
    oauth.PrivateKeyJwt({ key: its.privateKey, kid: its.kid }),
    { resource, scope: 'read' },
    insecure,
  )
  await oauth.processClientCredentialsResponse(metadata, { client_id: app.id }, response)
  expect(metadata.token_endpoint_auth_signing_alg_values_supported).toContain(alg)
})

test('the type that is made for it is taken, in either form, and none at all (RFC 10070 §4)', async () => {
  for (const typ of ['client-authentication+jwt', 'application/client-authentication+jwt', 'JWT', undefined]) {
    expect(await answer(await proofOf({}, { typ })), typ).toMatchObject({ status: 200, said: 'Bearer' })
  }
})

describe('an assertion is refused', () => {
  const issuer = () => server.origin
  test.each<[string, () => Record<string, unknown>, Record<string, unknown>?]>([
    ['for the token endpoint', () => ({ aud: `${issuer()}/token` })],
    ['for the issuer with a slash', () => ({ aud: `${issuer()}/` })],
    ['for the issuer in a list', () => ({ aud: [issuer()] })],
    ['for the issuer and somebody else', () => ({ aud: [issuer(), 'https://other.example'] })],
    ['for another issuer', () => ({ aud: 'https://other.example' })],
    ['for nobody', () => ({ aud: undefined })],
    ['of another issuer than the client', () => ({ iss: 'somebody' })],
    ['without an issuer', () => ({ iss: undefined })],
    ['without an id', () => ({ jti: undefined })],
    ['without an end', () => ({ exp: undefined })],
    ['whose end is no number', () => ({ exp: `${Math.floor(Date.now() / 1000) + 60}` })],
    ['that ended five minutes ago', () => ({ exp: Math.floor(Date.now() / 1000) - 300 })],
    ['that ends tomorrow', () => ({ exp: Math.floor(Date.now() / 1000) + 86_400 })],
    ['issued in two minutes', () => ({ iat: Math.floor(Date.now() / 1000) + 120 })],
    ['good from in two minutes on', () => ({ nbf: Math.floor(Date.now() / 1000) + 120 })],
    ['that is an ID token by its type', () => ({}), { typ: 'id_token+jwt' }],
    ['that is a request object by its type', () => ({}), { typ: 'oauth-authz-req+jwt' }],
    ['that is a proof of possession by its type', () => ({}), { typ: 'dpop+jwt' }],
    ['that is an access token by its type', () => ({}), { typ: 'at+jwt' }],
  ])('%s', async (_what, claims, header) => {
    // One of its own: failures that name the same client are slowed down together.
    const { id } = await client('service', { jwks: key.jwks, resource_scopes: 'read' })
    const good = assertionClaims(id, server.origin)
    expect(await answer(await signed(key, good), { client_id: id })).toMatchObject({ status: 200 })
    const proof = await signed(key, { ...assertionClaims(id, server.origin), ...claims() }, header)
    expect(await answer(proof, { client_id: id })).toMatchObject(refused)
  })

  test('by another key, by none, or by a shared one', async () => {
    expect(await answer(await proofOf({}, {}, await clientKey('ES256', key.kid)))).toMatchObject(refused)
    const [, payload] = (await proofOf()).split('.')
    for (const alg of ['none', 'HS256']) {
      const header = Buffer.from(JSON.stringify({ alg })).toString('base64url')
      expect(await answer(`${header}.${payload}.`)).toMatchObject(refused)
    }
  })

  test('with a key that it brings along (RFC 8725 §3.10)', async () => {
    const stranger = await clientKey()
    const [jwk] = stranger.jwks.keys
    expect(await answer(await proofOf({}, { jwk }, stranger))).toMatchObject(refused)
  })

  test('of a client that has a secret, beside a secret, and for another client than is named', async () => {
    const keeper = await server.client('service', { jwks: key.jwks, resource_scopes: 'read' })
    const foreign = await signed(key, assertionClaims(keeper.id, server.origin))
    expect(await answer(foreign)).toMatchObject(refused)
    const basic = { authorization: `Basic ${Buffer.from(`${keeper.id}:${keeper.secret}`).toString('base64')}` }
    expect(await answer(await proofOf(), {}, basic)).toMatchObject({ status: 400, said: 'invalid_request' })
    expect(await answer(await proofOf(), { client_id: keeper.id })).toMatchObject({ status: 400 })
  })
})

test('a clock that runs ten seconds ahead does not lock a client out', async () => {
  const ahead = Math.floor(Date.now() / 1000) + 10
  expect(await answer(await proofOf({ iat: ahead, nbf: ahead }))).toMatchObject({ status: 200 })
})

test('an assertion is good once, at whichever endpoint (§3)', async () => {
  const proof = await proofOf()
  expect(await answer(proof)).toMatchObject({ status: 200 })
  expect(await answer(proof)).toMatchObject(refused)
  const elsewhere = await fetch(`${server.origin}/revoke`, {
    method: 'POST',
    body: new URLSearchParams({ token: 'x', ...presented(proof) }),
  })
  expect(elsewhere.status).toBe(401)
})

test('of ten that present one assertion at once, one gets in (§3)', async () => {
  const proof = await proofOf()
  const answers = await Promise.all(Array.from({ length: 10 }, () => answer(proof)))
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
})

test('a request that only lacked a nonce is repeated with the same assertion, once (RFC 9449 §8)', async () => {
  const own = await clientKey()
  const { kid: _kid, use: _use, alg: _alg, ...jwk } = own.jwks.keys[0] ?? {}
  const possession = (claims: Record<string, unknown>) =>
    signed(
      own,
      { htm: 'POST', htu: `${server.origin}/token`, jti: crypto.randomUUID(), iat: 1, ...claims },
      { typ: 'dpop+jwt', jwk, kid: undefined },
    )
  const proof = await proofOf()
  const asked = await answer(proof, {}, { dpop: await possession({}) })
  expect(asked).toMatchObject({ status: 400, said: 'use_dpop_nonce', nonce: expect.any(String) })
  const dpop = await possession({ nonce: asked.nonce })
  expect(await answer(proof, {}, { dpop })).toMatchObject({ status: 200, said: 'DPoP' })
  expect(await answer(proof, {}, { dpop: await possession({ nonce: asked.nonce }) })).toMatchObject(refused)
})

test('keys that stand at an address are fetched, and a new one is seen without a change here (RFC 7591 §2)', async () => {
  let published = key.jwks
  await using site = await keySite(() => published)
  const app = await client('service', { jwks_uri: site.address, resource_scopes: 'read' })
  const proof = (by: ClientKey) => signed(by, assertionClaims(app.id, server.origin))
  expect(await answer(await proof(key))).toMatchObject({ status: 200 })
  const next = await clientKey()
  published = next.jwks
  expect(await answer(await proof(next))).toMatchObject(refused)
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 2 * 60_000 })
  expect(await answer(await proof(next))).toMatchObject({ status: 200 })
  expect(await answer(await proof(key))).toMatchObject(refused)
})

/** A client's own web server, with its keys. */
async function keySite(keys: () => object): Promise<AsyncDisposable & { address: string }> {
  const site: Server = createServer((_request, response) => {
    response.setHeader('content-type', 'application/json').end(JSON.stringify(keys()))
  })
  await new Promise<void>((done) => site.listen(0, '127.0.0.1', done))
  return {
    address: `http://127.0.0.1:${(site.address() as AddressInfo).port}/jwks.json`,
    [Symbol.asyncDispose]: () => new Promise<void>((done) => site.close(() => done())),
  }
}
