/** The server as `openid-client` sees it: a library that was written against the specifications, not against us. */
import { createRemoteJWKSet, jwtVerify } from 'jose'
import * as oauth from 'openid-client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { register, somebody } from '../support/people.ts'
import { startTestServer, type TestClient, type TestServer } from '../support/server.ts'
import type { Visit, Visitor } from '../support/visitor.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

const postLogout = 'https://app.example/bye'

function discovered(client: TestClient, extra: Partial<oauth.ClientMetadata> = {}): Promise<oauth.Configuration> {
  const method = client.secret === '' ? oauth.None() : oauth.ClientSecretBasic(client.secret)
  return oauth.discovery(new URL(server.origin), client.id, extra, method, { execute: [oauth.allowInsecureRequests] })
}

interface Request {
  config: oauth.Configuration
  client: TestClient
  params?: Record<string, string>
  pushed?: boolean
  handle?: oauth.DPoPHandle
}

/** The person's way from the authorization address to the client's. */
async function visit(person: Visitor, address: URL): Promise<Visit> {
  let page = await person.get(address.pathname + address.search)
  if (page.text.includes('name="password"')) {
    page = await register(person, address.pathname + address.search, somebody())
  }
  return page.left ? page : person.submit(page, '/consent', { decision: 'allow' })
}

async function signIn(person: Visitor, { config, client, params, pushed, handle }: Request) {
  const verifier = oauth.randomPKCECodeVerifier()
  const [state, nonce] = [oauth.randomState(), oauth.randomNonce()]
  const request = {
    redirect_uri: client.redirectUri,
    scope: 'openid email offline_access',
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state,
    nonce,
    ...params,
  }
  const address = pushed
    ? await oauth.buildAuthorizationUrlWithPAR(config, request)
    : oauth.buildAuthorizationUrl(config, request)
  const back = await visit(person, address)
  expect(back.left).toBe(true)
  const checks = { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true }
  const options = handle === undefined ? {} : { DPoP: handle }
  const tokens = await oauth.authorizationCodeGrant(config, back.url, checks, undefined, options)
  return { tokens, back }
}

test('code + PKCE, userinfo, refresh, introspection, revocation (OIDC Core §3.1, RFC 7009, RFC 7662)', async () => {
  const client = await server.client('web')
  const config = await discovered(client)
  const { tokens, back } = await signIn(server.visitor(), { config, client })
  expect(back.url.searchParams.get('iss')).toBe(server.origin)
  const subject = tokens.claims()?.sub ?? ''
  const userinfo = await oauth.fetchUserInfo(config, tokens.access_token, subject)
  expect(userinfo).toMatchObject({
    sub: subject,
    email: expect.stringContaining('@example.com'),
    email_verified: false,
  })
  const refreshed = await oauth.refreshTokenGrant(config, tokens.refresh_token ?? '')
  expect(refreshed.refresh_token).not.toBe(tokens.refresh_token)
  expect(await oauth.tokenIntrospection(config, refreshed.access_token)).toMatchObject({ active: true, sub: subject })
  await oauth.tokenRevocation(config, refreshed.refresh_token ?? '')
  expect(await oauth.tokenIntrospection(config, refreshed.access_token)).toEqual({ active: false })
  await expect(oauth.refreshTokenGrant(config, refreshed.refresh_token ?? '')).rejects.toMatchObject({
    error: 'invalid_grant',
  })
})

test('a pushed request ends like one in the address (RFC 9126)', async () => {
  const client = await server.client('web')
  const config = await discovered(client)
  const { tokens } = await signIn(server.visitor(), { config, client, pushed: true })
  expect(tokens.claims()?.aud).toBe(client.id)
})

test('a client that was registered for pushed requests is refused without one (RFC 9126 §6)', async () => {
  const client = await server.client('web', { require_pushed_authorization_requests: true })
  const config = await discovered(client)
  await expect(signIn(server.visitor(), { config, client })).rejects.toMatchObject({ error: 'invalid_request' })
  const { tokens } = await signIn(server.visitor(), { config, client, pushed: true })
  expect(tokens.access_token).toBeTruthy()
})

test('a public client binds its tokens to a key, and nobody else can use them (RFC 9449)', async () => {
  const client = await server.client('spa', { redirect_uris: ['https://spa.example/cb'] })
  const config = await discovered(client)
  const handle = oauth.getDPoPHandle(config, await oauth.randomDPoPKeyPair())
  const { tokens } = await signIn(server.visitor(), { config, client, handle })
  expect(tokens.token_type).toBe('dpop')
  const subject = tokens.claims()?.sub ?? ''
  expect(await oauth.fetchUserInfo(config, tokens.access_token, subject, { DPoP: handle })).toMatchObject({
    sub: subject,
  })
  const other = oauth.getDPoPHandle(config, await oauth.randomDPoPKeyPair())
  await expect(oauth.fetchUserInfo(config, tokens.access_token, subject, { DPoP: other })).rejects.toThrow()
  await expect(oauth.fetchUserInfo(config, tokens.access_token, subject)).rejects.toThrow()
  await expect(
    oauth.refreshTokenGrant(config, tokens.refresh_token ?? '', undefined, { DPoP: other }),
  ).rejects.toThrow()
  const refreshed = await oauth.refreshTokenGrant(config, tokens.refresh_token ?? '', undefined, { DPoP: handle })
  expect(refreshed.token_type).toBe('dpop')
})

test('a service gets a JWT for a registered resource, which the resource can verify (RFC 8707, RFC 9068)', async () => {
  const resource = 'https://api.example/openid-client'
  await server.resource(resource, ['read', 'write'], 'jwt')
  const client = await server.client('service', { resource_scopes: 'read' })
  const config = await discovered(client)
  const tokens = await oauth.clientCredentialsGrant(config, { resource, scope: 'read' })
  const keys = createRemoteJWKSet(new URL(config.serverMetadata().jwks_uri ?? ''))
  const { payload, protectedHeader } = await jwtVerify(tokens.access_token, keys, {
    issuer: server.origin,
    audience: resource,
    typ: 'at+jwt',
  })
  expect(protectedHeader.alg).toBe('ES256')
  expect(payload).toMatchObject({ client_id: client.id, sub: client.id, scope: 'read' })
})

test('the resource server introspects tokens for it, another client learns nothing (RFC 7662 §4)', async () => {
  const resource = 'https://api.example/opaque'
  const owner = await server.resource(resource, ['read'])
  const client = await server.client('service', { resource_scopes: 'read' })
  const tokens = await oauth.clientCredentialsGrant(await discovered(client), { resource, scope: 'read' })
  const seen = await oauth.tokenIntrospection(await discovered(owner), tokens.access_token)
  expect(seen).toMatchObject({ active: true, client_id: client.id, scope: 'read', aud: resource })
  const stranger = await discovered(await server.client('web'))
  expect(await oauth.tokenIntrospection(stranger, tokens.access_token)).toEqual({ active: false })
})

test('sign-out that an app starts comes back to the app and ends the session (RP-Initiated Logout §2, §3)', async () => {
  const client = await server.client('web', { post_logout_redirect_uris: [postLogout] })
  const config = await discovered(client)
  const person = server.visitor()
  const { tokens } = await signIn(person, { config, client })
  const address = oauth.buildEndSessionUrl(config, {
    id_token_hint: tokens.id_token ?? '',
    post_logout_redirect_uri: postLogout,
    state: 'bye',
  })
  const question = await person.get(address.pathname + address.search)
  const done = await person.submit(question, '/logout/confirm', { logout: 'yes' })
  expect(done.left).toBe(true)
  expect(done.url.href).toBe(`${postLogout}?state=bye`)
  const again = await person.get(
    `/authorize?${new URLSearchParams({ client_id: client.id, redirect_uri: client.redirectUri, response_type: 'code', scope: 'openid', prompt: 'none', code_challenge: 'x'.repeat(43), code_challenge_method: 'S256' })}`,
  )
  expect(again.url.searchParams.get('error')).toBe('login_required')
})

test('an answer that names another issuer is refused by the client, so ours must name itself (RFC 9207)', async () => {
  const client = await server.client('web')
  const config = await discovered(client)
  expect(config.serverMetadata().authorization_response_iss_parameter_supported).toBe(true)
  const person = server.visitor()
  const { back } = await signIn(person, { config, client })
  const forged = new URL(back.url)
  forged.searchParams.set('iss', 'https://evil.example')
  const checks = { expectedState: back.url.searchParams.get('state') ?? '' }
  await expect(oauth.authorizationCodeGrant(config, forged, checks)).rejects.toMatchObject({
    cause: { message: expect.stringContaining('"iss"') },
  })
  const denied = await person.get(
    `/authorize?${new URLSearchParams({ client_id: client.id, redirect_uri: client.redirectUri, response_type: 'code', scope: 'openid' })}`,
  )
  expect(denied.url.searchParams.get('error')).toBe('invalid_request')
  expect(denied.url.searchParams.get('iss')).toBe(server.origin)
})
