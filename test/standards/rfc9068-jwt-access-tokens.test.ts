/** Access tokens that are JWTs, checked by an API with `jose` as RFC 9068 §4 says; asked for with `openid-client`. */
import { createRemoteJWKSet, decodeProtectedHeader, type JWTVerifyOptions, jwtVerify } from 'jose'
import * as oauth from 'openid-client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { authorize, pkce, redeem, refresh, tokensOf } from '../support/authorize.ts'
import { startTestServer, type TestClient, type TestServer } from '../support/server.ts'
import { toy } from '../support/toy-provider.ts'

const api = 'https://notes.example'
let server: TestServer
let web: TestClient
let service: TestClient
beforeAll(async () => {
  server = await startTestServer({ providers: [toy()] })
  await server.resource(api, ['read', 'write'], 'jwt')
  web = await server.client('web', { resource_scopes: 'read write' })
  service = await server.client('service', { resource_scopes: 'read' })
})
afterAll(() => server.stop())

/** What an API does with a token (RFC 9068 §4). */
async function read(token: string, options: JWTVerifyOptions = {}) {
  const keys = createRemoteJWKSet(new URL(`${server.origin}/jwks`))
  return (await jwtVerify(token, keys, { issuer: server.origin, audience: api, typ: 'at+jwt', ...options })).payload
}

async function forPerson(scope = 'openid offline_access read') {
  const proof = pkce()
  const callback = await authorize(server.visitor(), web, proof, { extra: { scope, resource: api } })
  return tokensOf(await redeem(server, web, callback.searchParams.get('code') ?? '', proof))
}

test('the token names itself, its issuer, audience, client, person, scope and end (§2.2, §2.2.3)', async () => {
  const { access } = await forPerson()
  expect(decodeProtectedHeader(access)).toEqual({ alg: 'ES256', typ: 'at+jwt', kid: expect.any(String) })
  const claims = await read(access)
  expect(claims).toMatchObject({
    iss: server.origin,
    aud: api,
    client_id: web.id,
    sub: expect.stringMatching(/^usr_/),
    scope: 'read',
    jti: expect.any(String),
    exp: Number(claims.iat) + 600,
  })
})

test('it says how and when the person signed in, and a refresh does not make that younger (§2.2.1)', async () => {
  const given = await forPerson()
  const first = await read(given.access)
  expect(first).toMatchObject({ acr: expect.any(String), amr: expect.any(Array), auth_time: expect.any(Number) })
  const renewed = tokensOf(await refresh(server, web, given.refresh))
  const second = await read(renewed.access)
  for (const claim of ['acr', 'amr', 'auth_time']) expect(second[claim]).toEqual(first[claim])
})

test('a service’s token has the client as its subject, and says of no sign-in (§2.2, §2.2.1)', async () => {
  const insecure = { execute: [oauth.allowInsecureRequests] }
  const auth = oauth.ClientSecretBasic(service.secret)
  const config = await oauth.discovery(new URL(server.origin), service.id, {}, auth, insecure)
  const { access_token } = await oauth.clientCredentialsGrant(config, { resource: api, scope: 'read' })
  const claims = await read(access_token)
  expect(claims).toMatchObject({ sub: service.id, client_id: service.id, scope: 'read' })
  for (const claim of ['acr', 'amr', 'auth_time']) expect(claims).not.toHaveProperty(claim)
})

test('two tokens share no id, and the id says nothing of what they have in common', async () => {
  const { access, refresh: renewal } = await forPerson()
  const again = tokensOf(await refresh(server, web, renewal))
  const [one, two] = [await read(access), await read(again.access)].map(({ jti = '' }) => jti.split('.').at(-1) ?? '')
  expect(one).not.toBe(two)
  // Six of 64 characters in a row are alike by chance once in millions of runs.
  const parts = [...(one ?? '').slice(5)].map((_, at) => one?.slice(at, at + 6) ?? '')
  expect(parts.filter((part) => two?.includes(part))).toEqual([])
})

test('an ID token, another API’s token and a token of another issuer are none of this API’s (§4)', async () => {
  const proof = pkce()
  const callback = await authorize(server.visitor(), web, proof)
  const { body } = await redeem(server, web, callback.searchParams.get('code') ?? '', proof)
  await expect(read(String(body.id_token), { audience: web.id })).rejects.toThrow('typ')
  const { access } = await forPerson()
  await expect(read(access, { audience: 'https://other.example' })).rejects.toThrow('aud')
  await expect(read(access, { issuer: 'https://other.example' })).rejects.toThrow('iss')
})
