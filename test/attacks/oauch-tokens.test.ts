/**
 * What the list of OAuch asks of tokens, ID tokens and the addresses that take them, where no other file here shows it
 * (docs/security.md has the whole list).
 */
import { createHash } from 'node:crypto'
import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { authorize, pkce, redeem, type TokenAnswer, token } from '../support/authorize.ts'
import { startTestServer, type TestClient, type TestServer } from '../support/server.ts'
import { toy } from '../support/toy-provider.ts'

let server: TestServer
let client: TestClient
let answer: TokenAnswer['body']
beforeAll(async () => {
  server = await startTestServer({ providers: [toy()] })
  client = await server.client('web')
  const proof = pkce()
  const extra = { scope: 'openid offline_access', nonce: 'a nonce' }
  const callback = await authorize(server.visitor(), client, proof, { extra })
  answer = (await redeem(server, client, callback.searchParams.get('code') ?? '', proof)).body
})
afterAll(() => server.stop())

describe('an ID token (OIDC Core §3.1.3.7)', () => {
  test('is signed with a published key of ours, for this client alone, with issuer, nonce and a near end', async () => {
    const keys = createRemoteJWKSet(new URL('/jwks', server.origin))
    const options = { issuer: server.origin, audience: client.id, requiredClaims: ['sub', 'iat', 'exp', 'nonce'] }
    const { payload } = await jwtVerify(String(answer.id_token), keys, options)
    expect(payload['nonce']).toBe('a nonce')
    expect(payload.aud).toBe(client.id)
    expect(payload['azp'] ?? client.id).toBe(client.id)
    expect(Number(payload.exp) - Number(payload.iat)).toBeLessThanOrEqual(3600)
  })

  test('names the hash of an access token only where it is the one beside it (at_hash, §3.1.3.8)', async () => {
    const [, payload = ''] = String(answer.id_token).split('.')
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as { at_hash?: string }
    expect(['RS256', 'ES256']).toContain(decodeProtectedHeader(String(answer.id_token)).alg)
    const half = createHash('sha256').update(String(answer.access_token)).digest().subarray(0, 16)
    expect(claims.at_hash ?? half.toString('base64url')).toBe(half.toString('base64url'))
  })

  test('is signed with a strong key: RSA of 2048 bits or more, or a curve (ASVS 5 §11.2.3)', async () => {
    const { keys } = (await (await fetch(`${server.origin}/jwks`)).json()) as { keys: { kty: string; n?: string }[] }
    for (const { kty, n = '' } of keys) {
      if (kty === 'RSA') expect(Buffer.from(n, 'base64url').length * 8).toBeGreaterThanOrEqual(2048)
      else expect(['EC', 'OKP']).toContain(kty)
    }
  })
})

describe('an access token', () => {
  test('lasts an hour at most, is a bearer token by name, and never comes twice (RFC 6749 §5.1)', async () => {
    expect(Number(answer['expires_in'])).toBeGreaterThan(0)
    expect(Number(answer['expires_in'])).toBeLessThanOrEqual(3600)
    expect(answer['token_type']).toBe('Bearer')
    const renewed = await token(server, client, {
      grant_type: 'refresh_token',
      refresh_token: String(answer.refresh_token),
    })
    expect(renewed.body.access_token).not.toBe(answer.access_token)
    answer = { ...answer, refresh_token: String(renewed.body.refresh_token) }
  })

  test('is taken in the header alone: not in the address, a form or a cookie (RFC 9700 §4.3.2)', async () => {
    const access = String(answer.access_token)
    const ask = async (path: string, init: RequestInit = {}) => (await fetch(`${server.origin}${path}`, init)).status
    expect(await ask('/userinfo', { headers: { authorization: `Bearer ${access}` } })).toBe(200)
    expect(await ask(`/userinfo?access_token=${access}`)).toBeGreaterThanOrEqual(400)
    expect(await ask('/userinfo', { headers: { cookie: `access_token=${access}` } })).toBeGreaterThanOrEqual(400)
    const both = { headers: { authorization: `Bearer ${access}` } }
    expect(await ask(`/userinfo?access_token=${access}`, both)).toBeGreaterThanOrEqual(400)
  })

  test('brings answers that nobody may keep, and errors that say why (RFC 6750 §3)', async () => {
    const ask = (authorization?: string) =>
      fetch(`${server.origin}/userinfo`, { headers: authorization === undefined ? {} : { authorization } })
    const right = await ask(`Bearer ${answer.access_token}`)
    expect(right.headers.get('cache-control')).toContain('no-store')
    const wrong = await ask('Bearer nonsense')
    expect([wrong.status, wrong.headers.get('www-authenticate')]).toEqual([
      401,
      expect.stringContaining('error="invalid_token"'),
    ])
    const none = await ask()
    expect(none.status).toBeGreaterThanOrEqual(400)
  })
})

test('a program by itself gets no refresh token and no ID token (RFC 6749 §4.4.3)', async () => {
  const resource = 'https://api.example/oauch'
  await server.resource(resource, ['read'])
  const service = await server.client('service', { resource_scopes: 'read' })
  const { status, body } = await token(server, service, { grant_type: 'client_credentials', resource, scope: 'read' })
  expect(status).toBe(200)
  expect(Object.keys(body)).not.toEqual(expect.arrayContaining(['refresh_token']))
  expect(body.id_token).toBeUndefined()
})
