/** Every answer of the authorization endpoint says from whom it is (RFC 9207), and oauth4webapi refuses those that do not. */
import * as oauth from 'oauth4webapi'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { authorizeUrl, pkce } from '../support/authorize.ts'
import { register, somebody } from '../support/people.ts'
import { startTestServer, type TestClient, type TestServer } from '../support/server.ts'
import type { Visit, Visitor } from '../support/visitor.ts'

let server: TestServer
let metadata: oauth.AuthorizationServer
let client: TestClient
let browser: Visitor

beforeAll(async () => {
  server = await startTestServer()
  const issuer = new URL(server.origin)
  const answer = await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', [oauth.allowInsecureRequests]: true })
  metadata = await oauth.processDiscoveryResponse(issuer, answer)
  client = await server.client('web', { first_party: true })
  browser = server.visitor()
  await register(browser, authorizeUrl(client, pkce()), somebody())
})
afterAll(() => server.stop())

const modes = ['query', 'fragment', 'form_post'] as const

/** What an app gets by the way of this mode. */
function received({ url, text }: Visit, mode: (typeof modes)[number]): URLSearchParams {
  if (mode === 'query') return url.searchParams
  if (mode === 'fragment') return new URLSearchParams(url.hash.slice(1))
  const fields = [...text.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)"/g)]
  return new URLSearchParams(Object.fromEntries(fields.map(([, name, value]) => [name, value])))
}

async function answered(mode: (typeof modes)[number], extra: Record<string, string | undefined> = {}) {
  return received(await browser.get(authorizeUrl(client, pkce(), { response_mode: mode, ...extra })), mode)
}

test('is announced (§3)', () => {
  expect(metadata.authorization_response_iss_parameter_supported).toBe(true)
})

test.each(modes)('on success, and the library takes the answer: %s (§2)', async (mode) => {
  const params = await answered(mode)
  expect(params.getAll('iss')).toEqual([server.origin])
  expect(oauth.validateAuthResponse(metadata, { client_id: client.id }, params, 'state').get('code')).toBeTruthy()
})

test.each(modes)('on errors, and the library says which: %s (§2)', async (mode) => {
  for (const [extra, error] of [
    [{ prompt: 'sudo' }, 'invalid_request'],
    [{ code_challenge: undefined, code_challenge_method: undefined }, 'invalid_request'],
    [{ code_challenge_method: 'plain' }, 'invalid_request'],
    [{ resource: 'https://nobody.example' }, 'invalid_target'],
    [{ request_uri: 'https://app.example/r' }, 'request_uri_not_supported'],
  ] as const) {
    const params = await answered(mode, extra)
    expect([error, params.get('error'), params.getAll('iss')]).toEqual([error, error, [server.origin]])
    const read = () => oauth.validateAuthResponse(metadata, { client_id: client.id }, params, 'state')
    expect(read).toThrow(oauth.AuthorizationResponseError)
  }
})

test('on the errors of a person who turns back, and of one who is nobody where nothing may be asked', async () => {
  const quiet = await server.visitor().get(authorizeUrl(client, pkce(), { prompt: 'none' }))
  expect(quiet.url.searchParams.get('iss')).toBe(server.origin)
  expect(quiet.url.searchParams.get('error')).toBe('login_required')
  const page = await browser.get(authorizeUrl(client, pkce(), { prompt: 'login' }))
  const back = await browser.submit(page, '/cancel')
  expect(back.url.searchParams.get('iss')).toBe(server.origin)
  expect(back.url.searchParams.get('error')).toBe('access_denied')
})

test('an answer of another server, or of none, is refused by the library (§2.4)', async () => {
  for (const iss of ['https://evil.example', `${server.origin}/`, undefined]) {
    const params = await answered('query')
    if (iss === undefined) params.delete('iss')
    else params.set('iss', iss)
    expect(() => oauth.validateAuthResponse(metadata, { client_id: client.id }, params, 'state')).toThrow(/iss/)
  }
})
