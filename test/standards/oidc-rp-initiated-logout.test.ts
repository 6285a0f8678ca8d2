/** Apps send people here to sign out (OpenID Connect RP-Initiated Logout 1.0), by openid-client. */
import { decodeJwt } from 'jose'
import * as oauth from 'openid-client'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { authorize, authorizeUrl, pkce } from '../support/authorize.ts'
import { startTestServer, type TestClient, type TestServer } from '../support/server.ts'
import { toy } from '../support/toy-provider.ts'
import type { Visit, Visitor } from '../support/visitor.ts'

const bye = 'https://app.example/bye'

let server: TestServer
let client: TestClient
let config: oauth.Configuration
beforeAll(async () => {
  server = await startTestServer({ providers: [toy()] })
  client = await server.client('web', { client_name: 'Bird watch', post_logout_redirect_uris: [bye] })
  config = await discovered(client)
})
afterAll(() => server.stop())

function discovered({ id, secret }: TestClient): Promise<oauth.Configuration> {
  const options = { execute: [oauth.allowInsecureRequests] }
  return oauth.discovery(new URL(server.origin), id, undefined, oauth.ClientSecretBasic(secret), options)
}

/** Somebody who has signed in to an app, and the ID token that the app has. */
async function signedIn(app = client, at = config): Promise<{ visitor: Visitor; idToken: string }> {
  const [visitor, proof] = [server.visitor(), pkce()]
  const callback = await authorize(visitor, app, proof)
  const checks = { pkceCodeVerifier: proof.verifier, expectedState: 'state' }
  const tokens = await oauth.authorizationCodeGrant(at, callback, checks)
  return { visitor, idToken: tokens.id_token ?? '' }
}

function endSession(visitor: Visitor, params: Record<string, string>): Promise<Visit> {
  const address = oauth.buildEndSessionUrl(config, params)
  return visitor.get(address.pathname + address.search)
}

async function isSignedIn(visitor: Visitor): Promise<boolean> {
  const { url } = await visitor.get(authorizeUrl(client, pkce(), { prompt: 'none' }))
  return url.searchParams.get('error') !== 'login_required'
}

test('discovery names the endpoint (§2.1)', () => {
  expect(config.serverMetadata().end_session_endpoint).toBe(`${server.origin}/logout`)
})

test('the person is asked, agrees, is signed out and back at the app with its state (§2, §3)', async () => {
  const { visitor, idToken } = await signedIn()
  const request = { id_token_hint: idToken, post_logout_redirect_uri: bye, state: 'so long & thanks' }
  const first = await endSession(visitor, request)
  expect(first.status).toBe(200)
  expect(first.text).toContain('Bird watch')
  expect(await isSignedIn(visitor)).toBe(true)
  const done = await visitor.submit(await endSession(visitor, request), '/logout/confirm', { logout: 'yes' })
  expect(done.left).toBe(true)
  expect(done.url.origin + done.url.pathname).toBe(bye)
  expect([...done.url.searchParams]).toEqual([['state', 'so long & thanks']])
  expect(await isSignedIn(visitor)).toBe(false)
})

test('a sign-out is in the audit trail, with the account and the address', async () => {
  const { visitor, idToken } = await signedIn()
  const { sub = '' } = decodeJwt(idToken)
  const { db } = server.database.store
  const ended = () =>
    db
      .selectFrom('audit_events')
      .selectAll()
      .where('event', '=', 'session.ended')
      .where('account_id', '=', sub)
      .execute()
  const before = (await ended()).length
  await visitor.submit(await endSession(visitor, { id_token_hint: idToken }), '/logout/confirm', { logout: 'yes' })
  await vi.waitFor(async () => expect(await ended()).toHaveLength(before + 1))
  expect((await ended()).at(-1)).toMatchObject({ address: '127.0.0.1' })
})

test('a request by POST is the same (§2)', async () => {
  const { visitor, idToken } = await signedIn()
  const form = { id_token_hint: idToken, post_logout_redirect_uri: bye }
  // As a form of the app is sent: from another site, without the cookie.
  const posted = await server.visitor().request('/logout', { method: 'POST', body: new URLSearchParams(form) })
  expect(posted.status).toBe(303)
  expect(posted.headers.getSetCookie()).toEqual([])
  const question = await visitor.get(posted.url.pathname + posted.url.search)
  const done = await visitor.submit(question, '/logout/confirm', { logout: 'yes' })
  expect(done.url.href).toBe(bye)
  expect(await isSignedIn(visitor)).toBe(false)
})

test('by client_id alone it works, too (§2)', async () => {
  const { visitor } = await signedIn()
  const question = await endSession(visitor, { client_id: client.id, post_logout_redirect_uri: bye })
  const done = await visitor.submit(question, '/logout/confirm', { logout: 'yes' })
  expect(done.url.href).toBe(bye)
})

describe('refused', () => {
  test.each([
    ['another address', 'https://evil.example/'],
    ['another path', `${bye}/more`],
    ['a query more', `${bye}?next=x`],
    ['a slash more', `${bye}/`],
  ])('a post_logout_redirect_uri that is not registered: %s (§3.1)', async (_, target) => {
    const { visitor, idToken } = await signedIn()
    const answer = await endSession(visitor, { id_token_hint: idToken, post_logout_redirect_uri: target })
    expect(answer.status).toBe(400)
    expect(answer.left).toBe(false)
    expect(await isSignedIn(visitor)).toBe(true)
  })

  test('an ID token that is made up, of another client, or named together with another client (§2)', async () => {
    const other = await server.client('web', { post_logout_redirect_uris: ['https://other.example/bye'] })
    const { visitor, idToken } = await signedIn()
    const [header = '', , signature = ''] = idToken.split('.')
    const claims = Buffer.from(JSON.stringify({ iss: server.origin, aud: client.id, sub: 'x' })).toString('base64url')
    for (const params of [
      { id_token_hint: `${header}.${claims}.${signature}`, post_logout_redirect_uri: bye },
      { id_token_hint: 'nonsense', post_logout_redirect_uri: bye },
      { id_token_hint: idToken, client_id: other.id, post_logout_redirect_uri: bye },
      { id_token_hint: idToken, post_logout_redirect_uri: 'https://other.example/bye' },
    ]) {
      expect((await endSession(visitor, params)).status).toBe(400)
    }
    expect(await isSignedIn(visitor)).toBe(true)
  })

  test('without a client nobody is sent anywhere', async () => {
    const { visitor } = await signedIn()
    const page = await visitor.get(`/logout?${new URLSearchParams({ post_logout_redirect_uri: bye })}`)
    const done = await visitor.submit(page, '/logout/confirm', { logout: 'yes' })
    expect(done.url.origin).toBe(server.origin)
    expect(await isSignedIn(visitor)).toBe(false)
  })
})

test('an address that somebody was lured to signs nobody out: the page asks, and its form is only good here (§6)', async () => {
  const { visitor, idToken } = await signedIn()
  const headers = { 'sec-fetch-site': 'cross-site' }
  await visitor.get(`/logout?${new URLSearchParams({ id_token_hint: idToken })}`, headers)
  expect(await isSignedIn(visitor)).toBe(true)
  for (const form of [{ logout: 'yes' }, { logout: 'yes', xsrf: 'guessed' }]) {
    const answer = await visitor.post('/logout/confirm', form as Record<string, string>, headers)
    expect(answer.status).toBeGreaterThanOrEqual(400)
  }
  expect(await isSignedIn(visitor)).toBe(true)
})
