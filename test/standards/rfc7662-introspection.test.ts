/** What an API learns of tokens by asking, with `openid-client` (RFC 7662). */
import * as oauth from 'openid-client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { authorize, pkce, redeem, tokensOf } from '../support/authorize.ts'
import { startTestServer, type TestClient, type TestServer } from '../support/server.ts'
import { toy } from '../support/toy-provider.ts'

let server: TestServer
let web: TestClient
let stranger: TestClient
beforeAll(async () => {
  server = await startTestServer({ providers: [toy()] })
  web = await server.client('web', { resource_scopes: 'read write' })
  stranger = await server.resource('https://elsewhere.example', ['read'])
})
afterAll(() => server.stop())

function discovered(client: TestClient): Promise<oauth.Configuration> {
  const insecure = { execute: [oauth.allowInsecureRequests] }
  return oauth.discovery(new URL(server.origin), client.id, {}, oauth.ClientSecretBasic(client.secret), insecure)
}

async function tokens(resource: string) {
  const proof = pkce()
  const extra = { scope: 'openid offline_access read', resource }
  const callback = await authorize(server.visitor(), web, proof, { extra })
  return tokensOf(await redeem(server, web, callback.searchParams.get('code') ?? '', proof))
}

describe.each(['opaque', 'jwt'] as const)('a token that is %s', (format) => {
  const api = `https://${format}.example`
  let owner: TestClient
  let given: { access: string; refresh: string }
  beforeAll(async () => {
    owner = await server.resource(api, ['read', 'write'], format)
    given = await tokens(api)
  })

  test('is described to its API: for whom, by whom, for what, until when, and how the person signed in (§2.2)', async () => {
    const seen = await oauth.tokenIntrospection(await discovered(owner), given.access, {
      token_type_hint: 'access_token',
    })
    expect(seen).toMatchObject({
      active: true,
      aud: api,
      client_id: web.id,
      exp: Number(seen.iat) + 600,
      iss: server.origin,
      scope: 'read',
      sub: expect.stringMatching(/^usr_/),
      token_type: 'Bearer',
      // RFC 9470 §6.2
      acr: expect.any(String),
      amr: expect.any(Array),
      auth_time: expect.any(Number),
    })
  })

  test('is described alike with a wrong hint, to its own client too, and to no other (§2.1, §4)', async () => {
    const seen = async (client: TestClient, hint: string) =>
      (await oauth.tokenIntrospection(await discovered(client), given.access, { token_type_hint: hint })).active
    for (const hint of ['access_token', 'refresh_token', 'nonsense']) {
      expect([await seen(owner, hint), await seen(web, hint), await seen(stranger, hint)]).toEqual([true, true, false])
    }
  })

  test('does not let its API ask about the refresh token beside it', async () => {
    expect(await oauth.tokenIntrospection(await discovered(owner), given.refresh)).toEqual({ active: false })
  })

  test('is told in answers that nobody may store (§2.2)', async () => {
    const response = await fetch(`${server.origin}/introspect`, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from(`${owner.id}:${owner.secret}`).toString('base64')}` },
      body: new URLSearchParams({ token: given.access }),
    })
    expect(response.headers.get('cache-control')).toBe('no-store')
  })
})

test('who has no secret, or a wrong one, learns nothing (§2.1)', async () => {
  const config = await discovered({ ...stranger, secret: 'wrong' })
  await expect(oauth.tokenIntrospection(config, 'anything')).rejects.toMatchObject({ status: 401 })
  const answer = await fetch(`${server.origin}/introspect`, {
    method: 'POST',
    body: new URLSearchParams({ token: 'x' }),
  })
  expect(answer.status).toBeGreaterThanOrEqual(400)
})
