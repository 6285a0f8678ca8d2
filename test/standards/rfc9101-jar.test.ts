/** Authorization requests that the app has signed. */
import * as oauth from 'oauth4webapi'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ClientKey, clientKey, signed } from '../support/client-keys.ts'
import { agreeable, errorIn, metadataOf, type OutsideClient, outsideClient } from '../support/outside-client.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import type { Visit } from '../support/visitor.ts'

let server: TestServer
let metadata: oauth.AuthorizationServer
let visit: (address: string) => Promise<Visit>
let key: ClientKey
let app: OutsideClient
beforeAll(async () => {
  server = await startTestServer()
  metadata = await metadataOf(server)
  visit = await agreeable(server)
  key = await clientKey()
  const demands = { require_signed_request_object: true, request_object_signing_alg: 'ES256' }
  app = outsideClient(metadata, await server.client('web', { jwks: key.jwks, ...demands }))
})
afterAll(() => server.stop())

function issue(of: OutsideClient, params: URLSearchParams, by = key): Promise<string> {
  return oauth.issueRequestObject(metadata, of.own, params, { key: by.privateKey, kid: by.kid })
}

function ask(request: string, extra: Record<string, string> = {}): Promise<Visit> {
  return visit(`/authorize?${new URLSearchParams({ client_id: app.client.id, request, ...extra })}`)
}

/** A request object as the app would make it, with other claims or another header. */
async function made(claims: Record<string, unknown>, header: Record<string, unknown> = {}, by = key): Promise<string> {
  const epoch = Math.floor(Date.now() / 1000)
  const own = { iss: app.client.id, aud: metadata.issuer, iat: epoch, nbf: epoch, exp: epoch + 60 }
  return signed(by, { ...Object.fromEntries(await app.request()), ...own, ...claims }, header)
}

test('a signed request is answered as an unsigned one, offline access included (§5)', async () => {
  const back = await ask(await issue(app, await app.request({ scope: 'openid offline_access', state: 'signed' })))
  const tokens = await app.redeem(oauth.validateAuthResponse(metadata, app.own, back.url, 'signed'))
  expect(tokens.scope?.split(' ')).toContain('offline_access')
})

test('only what was signed counts (§6.3)', async () => {
  const extra = { state: 'changed', redirect_uri: 'https://evil.example/cb', scope: 'openid email', prompt: 'none' }
  const back = await ask(await issue(app, await app.request({ state: 'signed' })), extra)
  expect(`${back.url.origin}${back.url.pathname}`).toBe(app.client.redirectUri)
  const tokens = await app.redeem(oauth.validateAuthResponse(metadata, app.own, back.url, 'signed'))
  expect(tokens.scope).toBe('openid')
})

test('a signed request may be pushed, and an app that has to sign cannot push another (RFC 9126 §3)', async () => {
  const params = new URLSearchParams({ request: await issue(app, await app.request()) })
  const back = await visit(await app.push(params))
  expect((await app.redeem(oauth.validateAuthResponse(metadata, app.own, back.url, 'state'))).access_token).toBeTruthy()
  await expect(app.push(await app.request())).rejects.toMatchObject({ error: 'invalid_request' })
})

test('an app that has to sign cannot ask without, and the metadata does not demand it of all (§10.5)', async () => {
  expect(errorIn(await visit(`/authorize?${await app.request()}`))).toBe('invalid_request')
  expect(metadata).toMatchObject({ request_parameter_supported: true, request_uri_parameter_supported: false })
  expect(metadata.require_signed_request_object ?? false).toBe(false)
})

test('an address of a request is not asked (§5.2, §10.4)', async () => {
  const params = new URLSearchParams({ client_id: app.client.id, request_uri: 'https://app.example/request.jwt' })
  expect(errorIn(await visit(`/authorize?${params}`))).not.toBe('no error')
})

describe('a request object is refused', () => {
  const epoch = () => Math.floor(Date.now() / 1000)
  test.each<[string, () => Record<string, unknown>, Record<string, unknown>?]>([
    ['for another server', () => ({ aud: 'https://other.example' })],
    ['for nobody', () => ({ aud: undefined })],
    ['of another app', () => ({ iss: 'somebody' })],
    ['that names another app', () => ({ client_id: 'somebody' })],
    ['that has ended', () => ({ exp: epoch() - 300 })],
    ['that ends tomorrow', () => ({ exp: epoch() + 86_400 })],
    ['that does not end', () => ({ exp: undefined })],
    ['that begins in two minutes', () => ({ nbf: epoch() + 120 })],
    ['from the future', () => ({ iat: epoch() + 120 })],
    ['that could be an assertion', () => ({ sub: app.client.id })],
    ['that is an assertion by its type', () => ({}), { typ: 'client-authentication+jwt' }],
    ['that holds another one', () => ({ request: 'e30.e30.' })],
  ])('%s', async (_what, claims, header) => {
    expect(errorIn(await ask(await made(claims(), header)))).toBe('invalid_request_object')
  })

  test('by another key, by none, by a shared one, by another algorithm than is registered (§10.8)', async () => {
    expect(errorIn(await ask(await made({}, {}, await clientKey('ES256', key.kid))))).toBe('invalid_request_object')
    const [, payload] = (await made({})).split('.')
    for (const alg of ['none', 'HS256', 'RS256']) {
      const header = Buffer.from(JSON.stringify({ alg })).toString('base64url')
      expect(errorIn(await ask(`${header}.${payload}.`))).toBe('invalid_request_object')
    }
  })

  test('of an app that has no keys', async () => {
    const keyless = outsideClient(metadata, await server.client('spa'))
    const params = { client_id: keyless.client.id, request: await issue(keyless, await keyless.request()) }
    expect(errorIn(await visit(`/authorize?${new URLSearchParams(params)}`))).toMatch(/invalid_request_object|page 400/)
  })
})
