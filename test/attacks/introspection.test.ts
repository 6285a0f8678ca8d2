import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from 'jose'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { authorize, endpoint, isActive, pkce, redeem, signedIn, token, tokensOf } from '../support/authorize.ts'
import { startTestServer, type TestClient, type TestServer } from '../support/server.ts'
import { toy } from '../support/toy-provider.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer({ providers: [toy()] })
})
afterAll(() => server.stop())

const inactive = { status: 200, body: { active: false } }

async function introspect(client: TestClient, value: string, hint?: string) {
  const { status, body } = await endpoint(server, client, '/introspect', {
    token: value,
    ...(hint === undefined ? {} : { token_type_hint: hint }),
  })
  return { status, body }
}

/** A person's tokens for an API. */
async function forResource(client: TestClient, resource: string, scope: string) {
  const proof = pkce()
  const extra = { scope: `openid offline_access ${scope}`, resource }
  const callback = await authorize(server.visitor(), client, proof, { extra })
  return tokensOf(await redeem(server, client, callback.searchParams.get('code') ?? '', proof))
}

test('a token is shown to its own client and to its resource server, to nobody else (RFC 7662 §4)', async () => {
  const api = 'https://api.example/opaque'
  const [owner, elsewhere] = [
    await server.resource(api, ['read']),
    await server.resource('https://other.example', ['read']),
  ]
  const [client, stranger] = [await server.client('web', { resource_scopes: 'read' }), await server.client('web')]
  const { access, refresh } = await forResource(client, api, 'read')
  expect((await introspect(client, access)).body).toMatchObject({
    active: true,
    aud: api,
    client_id: client.id,
    scope: 'read',
  })
  expect((await introspect(owner, access)).body).toMatchObject({ active: true, aud: api })
  for (const other of [elsewhere, stranger]) expect(await introspect(other, access)).toEqual(inactive)
  expect((await introspect(client, refresh)).body['active']).toBe(true)
  for (const other of [owner, elsewhere, stranger]) expect(await introspect(other, refresh)).toEqual(inactive)
})

test('a token without an API is shown to no resource server', async () => {
  const owner = await server.resource('https://api.example/none', ['read'])
  const client = await server.client('web')
  const { access } = await signedIn(server, client)
  expect(await introspect(owner, access)).toEqual(inactive)
  expect((await introspect(client, access)).body['active']).toBe(true)
})

test('nobody introspects without saying who they are', async () => {
  const client = await server.client('web')
  const { access } = await signedIn(server, client)
  const answer = await fetch(`${server.origin}/introspect`, {
    method: 'POST',
    body: new URLSearchParams({ token: access }),
  })
  expect([400, 401]).toContain(answer.status)
  expect(await answer.json()).not.toHaveProperty('active')
  const wrong = await introspect({ ...client, secret: 'wrong' }, access)
  expect(wrong).toMatchObject({ status: 401, body: { error: 'invalid_client' } })
})

test('a public client’s id alone does not show what a token of another one is', async () => {
  const [client, spa] = [await server.client('web'), await server.client('spa')]
  const { access } = await signedIn(server, client)
  expect(await introspect(spa, access)).toEqual(inactive)
})

test('a wrong hint changes nothing, and neither does a token that is none', async () => {
  const client = await server.client('web')
  const { access, refresh } = await signedIn(server, client)
  for (const value of [access, refresh]) {
    for (const hint of ['access_token', 'refresh_token', 'id_token', 'nonsense']) {
      expect((await introspect(client, value, hint)).body['active'], hint).toBe(true)
    }
  }
  for (const none of ['x', ' ', '__proto__', '\0', '💥', 'a'.repeat(50_000)]) {
    expect(await introspect(client, none), none.slice(0, 20)).toEqual(inactive)
  }
})

test('tokens that were cut, lengthened or changed in one bit are none (CVE-2026-27840)', async () => {
  const client = await server.client('web')
  const { access, refresh } = await signedIn(server, client)
  for (const value of [access, refresh]) {
    const changed = [
      value.slice(0, -1),
      value.slice(1),
      `${value}A`,
      `A${value}`,
      `${value} `,
      `${value}\0`,
      `${value}=`,
    ]
    for (let at = 0; at < value.length; at += 7) {
      const flipped = String.fromCharCode(value.charCodeAt(at) ^ 1)
      changed.push(value.slice(0, at) + flipped + value.slice(at + 1))
    }
    for (const damaged of changed) expect(await isActive(server, client, damaged), damaged).toBe(false)
    expect(await isActive(server, client, value)).toBe(true)
  }
  for (const damaged of [access.slice(0, -1), `${access}A`, access.toLowerCase()]) {
    const answer = await fetch(`${server.origin}/userinfo`, { headers: { authorization: `Bearer ${damaged}` } })
    expect(answer.status).toBe(401)
    expect(answer.headers.get('www-authenticate')).toContain('invalid_token')
  }
})

test('tokens of every kind are long enough to be no guess (RFC 6749 §10.10)', async () => {
  const client = await server.client('web')
  const { access, refresh } = await signedIn(server, client)
  for (const value of [access, refresh]) expect(value).toMatch(/^[\w-]{43,}$/)
})

test('a token for an API is no ticket to the person’s profile (RFC 9700 §2.3)', async () => {
  const api = 'https://api.example/aud'
  await server.resource(api, ['read'])
  const client = await server.client('web', { resource_scopes: 'read' })
  const { access } = await forResource(client, api, 'read')
  const answer = await fetch(`${server.origin}/userinfo`, { headers: { authorization: `Bearer ${access}` } })
  expect([401, 403]).toContain(answer.status)
})

test('an access token in the address or as a refresh token is refused (RFC 9700 §4.3.2)', async () => {
  const client = await server.client('web')
  const { access, refresh } = await signedIn(server, client)
  const inQuery = await fetch(`${server.origin}/userinfo?access_token=${access}`)
  expect([400, 401]).toContain(inQuery.status)
  const asRefresh = await token(server, client, { grant_type: 'refresh_token', refresh_token: access })
  expect(asRefresh).toMatchObject({ status: 400, body: { error: 'invalid_grant' } })
  const asAccess = await fetch(`${server.origin}/userinfo`, { headers: { authorization: `Bearer ${refresh}` } })
  expect(asAccess.status).toBe(401)
})

test('a JWT access token is signed with ES256 for its API alone, as RFC 9068 says', async () => {
  const api = 'https://api.example/jwt'
  await server.resource(api, ['read', 'write'], 'jwt')
  const client = await server.client('web', { resource_scopes: 'read write' })
  const { access } = await forResource(client, api, 'read')
  const keys = createRemoteJWKSet(new URL(`${server.origin}/jwks`))
  const expected = { issuer: server.origin, audience: api, typ: 'at+jwt', algorithms: ['ES256'] }
  const { payload } = await jwtVerify(access, keys, expected)
  expect(payload).toMatchObject({
    sub: expect.stringMatching(/^usr_/),
    client_id: client.id,
    scope: 'read',
    jti: expect.any(String),
    iat: expect.any(Number),
  })
  expect(Number(payload.exp) - Number(payload.iat)).toBe(600)
  expect(decodeProtectedHeader(access)['kid']).toEqual(expect.any(String))
  const [head, body, signature] = access.split('.')
  const none = Buffer.from(JSON.stringify({ alg: 'none', typ: 'at+jwt' })).toString('base64url')
  for (const forged of [`${none}.${body}.`, `${head}.${body}.${signature?.slice(0, -4)}AAAA`]) {
    await expect(jwtVerify(forged, keys, expected)).rejects.toThrow()
    const answer = await fetch(`${server.origin}/userinfo`, { headers: { authorization: `Bearer ${forged}` } })
    expect([400, 401]).toContain(answer.status)
  }
})

test('a service gets a token for an API that it was registered for, and for no other', async () => {
  const api = 'https://api.example/service'
  const owner = await server.resource(api, ['read'], 'jwt')
  await server.resource('https://api.example/hidden', ['secret'])
  const service = await server.client('service', { resource_scopes: 'read' })
  const given = await token(server, service, { grant_type: 'client_credentials', resource: api, scope: 'read' })
  expect(given).toMatchObject({ status: 200, body: { scope: 'read', expires_in: 600 } })
  expect(given.body.refresh_token).toBeUndefined()
  // What it is called can never be mistaken for a person (RFC 9700 §2.6).
  const keys = createRemoteJWKSet(new URL(`${server.origin}/jwks`))
  const { payload } = await jwtVerify(String(given.body.access_token), keys)
  expect(payload.sub).toBe(service.id)
  expect(payload.sub).not.toMatch(/^usr_/)
  const other = await token(server, service, {
    grant_type: 'client_credentials',
    resource: 'https://api.example/hidden',
    scope: 'secret',
  })
  expect(other.body['scope'] ?? '').toBe('')
  for (const resource of [
    'https://unknown.example',
    'not a uri',
    'https://api.example/service#f',
    `${api}/`,
    `${api}\0`,
  ]) {
    const refused = await token(server, service, { grant_type: 'client_credentials', resource, scope: 'read' })
    expect(refused.status, resource).toBe(400)
    expect(['invalid_target', 'invalid_request'], resource).toContain(refused.body.error)
  }
  const structured = await introspect(owner, String(given.body.access_token))
  expect(structured.status).toBeLessThan(500)
})

test('a token is revoked by its own client alone (RFC 7009 §2.1)', async () => {
  const [client, stranger] = [await server.client('web'), await server.client('web')]
  const { access, refresh } = await signedIn(server, client)
  for (const value of [access, refresh]) {
    await endpoint(server, stranger, '/revoke', { token: value })
    expect(await isActive(server, client, value)).toBe(true)
  }
  expect((await endpoint(server, client, '/revoke', { token: access })).status).toBe(200)
  expect(await isActive(server, client, access)).toBe(false)
  // Whether it was known is nobody's business.
  expect((await endpoint(server, client, '/revoke', { token: 'never given' })).status).toBe(200)
})
