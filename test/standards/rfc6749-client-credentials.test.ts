/** Client credentials (RFC 6749 §4.4) by openid-client: a program that acts for itself, without a person. */
import { createRemoteJWKSet, jwtVerify } from 'jose'
import * as oauth from 'openid-client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestServer, type TestClient, type TestServer } from '../support/server.ts'

const api = 'https://api.example'

let server: TestServer
let program: TestClient
let resource: TestClient
beforeAll(async () => {
  server = await startTestServer()
  resource = await server.resource(api, ['reports.write', 'reports.read'])
  await server.resource(`${api}/jwt`, ['reports.write'], 'jwt')
  program = await server.client('service', { resource_scopes: 'reports.write' })
})
afterAll(() => server.stop())

function configured(
  { id, secret }: TestClient,
  method = oauth.ClientSecretBasic(secret),
): Promise<oauth.Configuration> {
  return oauth.discovery(new URL(server.origin), id, {}, method, { execute: [oauth.allowInsecureRequests] })
}

const asked = { scope: 'reports.write', resource: api }

/** The code of the refusal. */
async function refused(answer: Promise<unknown>): Promise<string> {
  try {
    await answer
  } catch (error) {
    if (error instanceof oauth.ResponseBodyError) return error.error
    if (error instanceof oauth.WWWAuthenticateChallengeError) return error.cause[0]?.parameters['error'] ?? ''
    throw error
  }
  return 'granted'
}

test('a program gets a token for itself and no refresh token (§4.4.3)', async () => {
  const answer = await oauth.clientCredentialsGrant(await configured(program), asked)
  expect(answer).toMatchObject({ token_type: 'bearer', scope: 'reports.write', expires_in: 600 })
  expect(answer).not.toHaveProperty('refresh_token')
  expect(answer).not.toHaveProperty('id_token')
  const said = await oauth.tokenIntrospection(await configured(resource), answer.access_token)
  expect(said).toMatchObject({ active: true, client_id: program.id, aud: api, scope: 'reports.write' })
  expect(said).not.toHaveProperty('sub', expect.stringMatching(/^usr_/))
})

test('a JWT of a program names the program as its subject (RFC 9068 §2.2)', async () => {
  const named = { ...asked, resource: `${api}/jwt` }
  const { access_token } = await oauth.clientCredentialsGrant(await configured(program), named)
  const keys = createRemoteJWKSet(new URL(`${server.origin}/jwks`))
  const { payload } = await jwtVerify(access_token, keys, {
    issuer: server.origin,
    audience: `${api}/jwt`,
    typ: 'at+jwt',
  })
  expect(payload).toMatchObject({ sub: program.id, client_id: program.id, scope: 'reports.write' })
})

test('the token is bound to the key that the program proves (RFC 9449 §5)', async () => {
  const config = await configured(program)
  const handle = oauth.getDPoPHandle(config, await oauth.randomDPoPKeyPair('ES256'))
  expect((await oauth.clientCredentialsGrant(config, asked, { DPoP: handle })).token_type).toBe('dpop')
})

test('refused: scopes and APIs that the program was not registered for, scopes about a person (§3.3)', async () => {
  const config = await configured(program)
  const get = (further: Record<string, string>) =>
    refused(oauth.clientCredentialsGrant(config, { ...asked, ...further }))
  const more = await oauth.clientCredentialsGrant(config, { ...asked, scope: 'reports.write reports.read' })
  expect(more.scope).toBe('reports.write')
  expect(await get({ resource: 'https://elsewhere.example' })).toBe('invalid_target')
  // A token without scopes would open an API that looks at the audience alone.
  expect(await get({ scope: 'openid' })).toBe('invalid_scope')
  expect(await refused(oauth.clientCredentialsGrant(config, { resource: api }))).toBe('invalid_scope')
})

test('refused: a wrong secret, and clients that are for people (§2.3, §4.4.2)', async () => {
  const wrong = await configured(program, oauth.ClientSecretBasic('wrong'))
  expect(await refused(oauth.clientCredentialsGrant(wrong, asked))).toBe('invalid_client')
  const web = await server.client('web', { resource_scopes: 'reports.write' })
  expect(await refused(oauth.clientCredentialsGrant(await configured(web), asked))).not.toBe('granted')
  const spa = await server.client('spa', { resource_scopes: 'reports.write' })
  expect(await refused(oauth.clientCredentialsGrant(await configured(spa, oauth.None()), asked))).not.toBe('granted')
})
