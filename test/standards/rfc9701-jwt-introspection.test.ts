/** What an API is told of a token, signed: checked by `jose` and by `oauth4webapi` (RFC 9701). */
import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from 'jose'
import * as oauth from 'oauth4webapi'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { token } from '../support/authorize.ts'
import { commandLine } from '../support/command-line.ts'
import { startTestServer, type TestClient, type TestServer } from '../support/server.ts'

const insecure = { [oauth.allowInsecureRequests]: true }
const signed = 'application/token-introspection+jwt'
let server: TestServer
let as: oauth.AuthorizationServer
let service: TestClient
beforeAll(async () => {
  server = await startTestServer()
  const issuer = new URL(server.origin)
  as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, insecure))
  service = await server.client('service', { resource_scopes: 'read' })
})
afterAll(() => server.stop())

/** Registers an API by the command, as an administrator does. */
async function api(identifier: string, ...options: string[]): Promise<TestClient> {
  const run = commandLine(server.database.store)
  const argv = ['resource', 'add', identifier, '--name', 'API', '--scope', 'read', ...options, '--json']
  const { client_id, client_secret } = (await run(argv)).json()
  return { id: client_id, secret: client_secret, redirectUri: '' }
}

async function forApi(resource: string): Promise<string> {
  const { body } = await token(server, service, { grant_type: 'client_credentials', resource, scope: 'read' })
  return String(body.access_token)
}

function ask(owner: TestClient, value: string): Promise<Response> {
  const options = { ...insecure, requestJwtResponse: true }
  return oauth.introspectionRequest(as, { client_id: owner.id }, oauth.ClientSecretBasic(owner.secret), value, options)
}

async function told(owner: TestClient, value: string, algorithm: string) {
  const response = await ask(owner, value)
  expect(response.headers.get('content-type')).toContain(signed)
  const text = await response.clone().text()
  const client = { client_id: owner.id, introspection_signed_response_alg: algorithm }
  const read = await oauth.processIntrospectionResponse(as, client, response)
  const { payload, protectedHeader } = await jwtVerify(text, createRemoteJWKSet(new URL(String(as.jwks_uri))), {
    issuer: server.origin,
    audience: owner.id,
    typ: 'token-introspection+jwt',
  })
  return { read, payload, header: protectedHeader }
}

test.each(['RS256', 'ES256', 'EdDSA'])('an API is told in a JWT that %s signed, for it alone (§4, §5)', async (alg) => {
  const identifier = `https://${alg.toLowerCase()}.example`
  const owner = await api(identifier, ...(alg === 'RS256' ? [] : ['--introspection-alg', alg]))
  const { read, payload, header } = await told(owner, await forApi(identifier), alg)
  expect(header.alg).toBe(alg)
  expect(read).toMatchObject({ active: true, aud: identifier, client_id: service.id, scope: 'read' })
  // Nothing of the token stands where a token has it: the answer is no token itself (§8.1).
  expect(Object.keys(payload).sort()).toEqual(['aud', 'iat', 'iss', 'token_introspection'])
})

test('of a token that is none, or that is for another API, nothing is told but that (§5)', async () => {
  const [mine, theirs] = ['https://mine.example', 'https://theirs.example']
  const [owner] = [await api(mine), await api(theirs)]
  for (const value of [await forApi(theirs), 'nonsense']) {
    const { payload } = await told(owner, value, 'RS256')
    expect(payload['token_introspection']).toEqual({ active: false })
  }
})

test('who does not ask for a JWT gets JSON, and who does not say who they are gets neither (§4)', async () => {
  const identifier = 'https://plain.example'
  const owner = await api(identifier)
  const value = await forApi(identifier)
  const auth = oauth.ClientSecretBasic(owner.secret)
  const response = await oauth.introspectionRequest(as, { client_id: owner.id }, auth, value, insecure)
  expect(response.headers.get('content-type')).toContain('application/json')
  expect((await ask({ ...owner, secret: 'wrong' }, value)).status).toBe(401)
})

test('the signed answer opens nothing: it is neither an access token nor an ID token (§8.1)', async () => {
  const identifier = 'https://confused.example'
  const owner = await api(identifier)
  const answer = await (await ask(owner, await forApi(identifier))).text()
  expect(decodeProtectedHeader(answer).typ).toBe('token-introspection+jwt')
  const userinfo = await fetch(`${server.origin}/userinfo`, { headers: { authorization: `Bearer ${answer}` } })
  expect(userinfo.status).toBe(401)
  expect((await told(owner, answer, 'RS256')).payload['token_introspection']).toEqual({ active: false })
})

test('an algorithm that there is no key for is refused when the API is registered', async () => {
  const run = commandLine(server.database.store)
  for (const algorithm of ['none', 'HS256', 'PS512']) {
    const argv = ['resource', 'add', 'https://wrong.example', '--name', 'API', '--introspection-alg', algorithm]
    expect(await run(argv)).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('RS256, ES256, EdDSA') })
  }
})
