/** Codes, PKCE, bearer tokens and refresh tokens (RFC 6749, RFC 7636, RFC 6750), by openid-client. */
import * as oauth from 'openid-client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTestServer, type TestClient, type TestServer } from '../support/server.ts'
import { toy } from '../support/toy-provider.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer({ providers: [toy()] })
})
afterAll(() => server.stop())

interface Party {
  readonly config: oauth.Configuration
  readonly client: TestClient
}

async function party(profile: string, redirectUri: string): Promise<Party> {
  const client = await server.client(profile, { redirect_uris: [redirectUri] })
  const method = client.secret === '' ? oauth.None() : oauth.ClientSecretBasic(client.secret)
  const execute = [oauth.allowInsecureRequests]
  return { client, config: await oauth.discovery(new URL(server.origin), client.id, {}, method, { execute }) }
}

/** A person signs in and allows; the address at which they are back at the app. */
async function allowed({ config, client }: Party, verifier: string, extra: Record<string, string> = {}): Promise<URL> {
  const { pathname, search } = oauth.buildAuthorizationUrl(config, {
    redirect_uri: client.redirectUri,
    scope: 'openid profile offline_access',
    state: 'a state',
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    ...extra,
  })
  const person = server.visitor()
  let page = await person.get(pathname + search)
  page = await person.submit(page, '/start/toy')
  page = await person.submit(page, '/answer', { email: 'alice' })
  return page.left ? page.url : (await person.submit(page, '/consent', { decision: 'allow' })).url
}

async function signedIn(who: Party) {
  const pkceCodeVerifier = oauth.randomPKCECodeVerifier()
  const back = await allowed(who, pkceCodeVerifier)
  return oauth.authorizationCodeGrant(who.config, back, {
    pkceCodeVerifier,
    expectedState: 'a state',
    idTokenExpected: true,
  })
}

describe.each([
  ['web', 'https://web.example/cb'],
  ['spa', 'https://spa.example/cb'],
  ['native', 'com.example.app:/cb'],
])('a client of profile %s', (profile, redirectUri) => {
  test('gets a bearer token for a code, with the scopes that were allowed (RFC 6749 §4.1, §5.1, RFC 6750 §4)', async () => {
    const who = await party(profile, redirectUri)
    const tokens = await signedIn(who)
    expect(tokens).toMatchObject({
      token_type: 'bearer',
      refresh_token: expect.any(String),
      scope: expect.stringContaining('openid'),
    })
    expect(tokens.expiresIn()).toBeGreaterThan(0)
    const userinfo = await oauth.fetchUserInfo(who.config, tokens.access_token, String(tokens.claims()?.sub))
    expect(userinfo['name']).toBe('alice')
  })

  test('renews it with another refresh token and fewer scopes, never with more (RFC 6749 §6)', async () => {
    const who = await party(profile, redirectUri)
    const { refresh_token = '' } = await signedIn(who)
    await expect(oauth.refreshTokenGrant(who.config, refresh_token, { scope: 'openid email' })).rejects.toMatchObject({
      error: 'invalid_scope',
    })
    const renewed = await oauth.refreshTokenGrant(who.config, refresh_token, { scope: 'openid' })
    expect(renewed.scope).toBe('openid')
    expect(renewed.refresh_token).not.toBe(refresh_token)
  })

  test('gets nothing for a code with another verifier, or none (RFC 7636 §4.6)', async () => {
    const who = await party(profile, redirectUri)
    for (const pkceCodeVerifier of [oauth.randomPKCECodeVerifier(), undefined]) {
      const back = await allowed(who, oauth.randomPKCECodeVerifier())
      const checks = { expectedState: 'a state', ...(pkceCodeVerifier === undefined ? {} : { pkceCodeVerifier }) }
      await expect(oauth.authorizationCodeGrant(who.config, back, checks)).rejects.toMatchObject({
        error: expect.stringMatching(/^invalid_(grant|request)$/),
      })
    }
  })

  test('is told what was wrong with its request at its redirect URI, with its state (RFC 6749 §4.1.2.1)', async () => {
    const { config, client } = await party(profile, redirectUri)
    const plain = { redirect_uri: client.redirectUri, scope: 'openid', state: 'a state' }
    const { pathname, search } = oauth.buildAuthorizationUrl(config, plain)
    const { url, left } = await server.visitor().get(pathname + search)
    expect(left).toBe(true)
    const checks = { expectedState: 'a state', pkceCodeVerifier: oauth.randomPKCECodeVerifier() }
    await expect(oauth.authorizationCodeGrant(config, url, checks)).rejects.toMatchObject({ error: 'invalid_request' })
  })
})

test('a code counts once; a second use ends what the first one gave (RFC 6749 §4.1.2)', async () => {
  const who = await party('web', 'https://web.example/cb')
  const pkceCodeVerifier = oauth.randomPKCECodeVerifier()
  const back = await allowed(who, pkceCodeVerifier)
  const checks = { pkceCodeVerifier, expectedState: 'a state' }
  const { refresh_token = '' } = await oauth.authorizationCodeGrant(who.config, back, checks)
  await expect(oauth.authorizationCodeGrant(who.config, back, checks)).rejects.toMatchObject({ error: 'invalid_grant' })
  await expect(oauth.refreshTokenGrant(who.config, refresh_token)).rejects.toMatchObject({ error: 'invalid_grant' })
})

test('without a token, or with a wrong one, the challenge says which (RFC 6750 §3)', async () => {
  const userinfo = `${server.origin}/userinfo`
  const wrong = await fetch(userinfo, { headers: { authorization: 'Bearer nonsense' } })
  expect([wrong.status, wrong.headers.get('www-authenticate')]).toEqual([
    401,
    expect.stringMatching(/^Bearer .*error="invalid_token"/),
  ])
})
