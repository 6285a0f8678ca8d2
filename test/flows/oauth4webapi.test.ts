/** The server as `oauth4webapi` sees it, step by step, and what it says of itself in its two metadata documents. */
import * as oauth from 'oauth4webapi'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { register, somebody } from '../support/people.ts'
import { startTestServer, type TestClient, type TestServer } from '../support/server.ts'

let server: TestServer
let metadata: oauth.AuthorizationServer
beforeAll(async () => {
  server = await startTestServer()
  metadata = await discover('oidc')
})
afterAll(() => server.stop())

const insecure = { [oauth.allowInsecureRequests]: true }

async function discover(algorithm: 'oidc' | 'oauth2'): Promise<oauth.AuthorizationServer> {
  const issuer = new URL(server.origin)
  const response = await oauth.discoveryRequest(issuer, { ...insecure, algorithm })
  return oauth.processDiscoveryResponse(issuer, response)
}

/** Signs somebody new in at `client`; the answer as the client library has checked it. */
async function authorize(client: TestClient, extra: Record<string, string> = {}) {
  const verifier = oauth.generateRandomCodeVerifier()
  const state = oauth.generateRandomState()
  const params = new URLSearchParams({
    client_id: client.id,
    redirect_uri: client.redirectUri,
    response_type: 'code',
    scope: 'openid offline_access',
    state,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    ...extra,
  })
  const person = server.visitor()
  const consent = await register(person, `/authorize?${params}`, somebody())
  const back = await person.submit(consent, '/consent', { decision: 'allow' })
  return { answer: oauth.validateAuthResponse(metadata, { client_id: client.id }, back.url, state), verifier }
}

async function redeem(client: TestClient, { answer, verifier }: Awaited<ReturnType<typeof authorize>>) {
  const response = await oauth.authorizationCodeGrantRequest(
    metadata,
    { client_id: client.id },
    client.secret === '' ? oauth.None() : oauth.ClientSecretBasic(client.secret),
    answer,
    client.redirectUri,
    verifier,
    insecure,
  )
  return oauth.processAuthorizationCodeResponse(metadata, { client_id: client.id }, response, {
    requireIdToken: true,
  })
}

test('both metadata documents are there and say the same (RFC 8414 §3, OIDC Discovery §4)', async () => {
  const answers = await Promise.all(
    ['openid-configuration', 'oauth-authorization-server'].map((name) =>
      fetch(`${server.origin}/.well-known/${name}`).then((response) => response.json()),
    ),
  )
  expect(answers[0]).toEqual(answers[1])
  expect((await discover('oauth2')).issuer).toBe(server.origin)
})

test('the metadata names every endpoint under the issuer, where something answers', async () => {
  const paths = Object.entries(metadata)
    .filter(([name]) => name.endsWith('_endpoint') || name === 'jwks_uri')
    .map(([, value]) => new URL(String(value)))
  expect(paths.map(({ pathname }) => pathname).sort()).toEqual(
    [
      '/authorize',
      '/device_authorization',
      '/global-token-revocation',
      '/introspect',
      '/jwks',
      '/logout',
      '/par',
      '/revoke',
      '/token',
      '/userinfo',
    ].sort(),
  )
  for (const { origin, href } of paths) {
    expect(origin).toBe(server.origin)
    expect((await fetch(href, { redirect: 'manual' })).status).not.toBe(500)
  }
})

test('the metadata promises what is enforced, and nothing else', async () => {
  expect(metadata).toMatchObject({
    response_types_supported: ['code'],
    code_challenge_methods_supported: ['S256'],
    authorization_response_iss_parameter_supported: true,
    request_uri_parameter_supported: false,
    claims_parameter_supported: true,
    subject_types_supported: ['public', 'pairwise'],
  })
  // Absent means no (OIDC Discovery §3, RFC 9126 §5).
  expect(metadata.require_pushed_authorization_requests ?? false).toBe(false)
  expect([...(metadata.grant_types_supported ?? [])].sort()).toEqual([
    'authorization_code',
    'client_credentials',
    'refresh_token',
    'urn:ietf:params:oauth:grant-type:device_code',
    'urn:ietf:params:oauth:grant-type:jwt-bearer',
    'urn:ietf:params:oauth:grant-type:token-exchange',
  ])
  expect([...(metadata.token_endpoint_auth_methods_supported ?? [])].sort()).toEqual([
    'client_secret_basic',
    'client_secret_post',
    'none',
    'private_key_jwt',
  ])
  for (const [name, value] of Object.entries(metadata)) {
    if (name.includes('signing_alg')) expect([name, value]).not.toEqual([name, expect.arrayContaining(['none'])])
    if (name.includes('signing_alg')) expect([name, value]).not.toEqual([name, expect.arrayContaining(['HS256'])])
  }
})

test('every signing algorithm for ID tokens has a key in the published set (OIDC Core §10.1)', async () => {
  const { keys } = (await (await fetch(String(metadata.jwks_uri))).json()) as { keys: Record<string, string>[] }
  expect(new Set(metadata.id_token_signing_alg_values_supported)).toEqual(new Set(keys.map(({ alg }) => alg)))
  for (const key of keys)
    for (const secret of ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k']) expect(key).not.toHaveProperty(secret)
})

test('what is not offered is refused: implicit answers, plain PKCE, other grants', async () => {
  const client = await server.client('web')
  const base = {
    client_id: client.id,
    redirect_uri: client.redirectUri,
    response_type: 'code',
    scope: 'openid',
    code_challenge: 'x'.repeat(43),
    code_challenge_method: 'S256',
  }
  const answer = async (extra: Record<string, string>) => {
    const { url } = await server.visitor().get(`/authorize?${new URLSearchParams({ ...base, ...extra })}`)
    return new URLSearchParams(url.search || url.hash.slice(1)).get('error')
  }
  expect(await answer({ response_type: 'id_token', nonce: 'n' })).toBe('unsupported_response_type')
  expect(await answer({ response_type: 'token' })).toBe('unsupported_response_type')
  expect(await answer({ code_challenge_method: 'plain' })).toBe('invalid_request')
  const granted = async (grant_type: string, parameters: Record<string, string>) => {
    const response = await fetch(`${server.origin}/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from(`${client.id}:${client.secret}`).toString('base64')}` },
      body: new URLSearchParams({ grant_type, ...parameters }),
    })
    return response.json()
  }
  for (const grant_type of ['password', 'implicit', 'urn:ietf:params:oauth:grant-type:saml2-bearer']) {
    expect(await granted(grant_type, { username: 'a', password: 'b' })).toMatchObject({
      error: 'unsupported_grant_type',
    })
  }
  expect(await granted('urn:ietf:params:oauth:grant-type:device_code', { device_code: 'x' })).toMatchObject({
    error: 'invalid_request',
    error_description: expect.stringContaining('not allowed for this client'),
  })
})

test('code, ID token, userinfo, refresh, introspection and revocation pass the library’s checks', async () => {
  const client = await server.client('web')
  const authentication = oauth.ClientSecretBasic(client.secret)
  const own = { client_id: client.id }
  const tokens = await redeem(client, await authorize(client))
  const claims = oauth.getValidatedIdTokenClaims(tokens)
  const userinfo = await oauth.userInfoRequest(metadata, own, tokens.access_token, insecure)
  expect((await oauth.processUserInfoResponse(metadata, own, claims?.sub ?? '', userinfo)).sub).toBe(claims?.sub)
  const refresh = await oauth.refreshTokenGrantRequest(
    metadata,
    own,
    authentication,
    tokens.refresh_token ?? '',
    insecure,
  )
  const refreshed = await oauth.processRefreshTokenResponse(metadata, own, refresh)
  const introspect = async () => {
    const response = await oauth.introspectionRequest(metadata, own, authentication, refreshed.access_token, insecure)
    return oauth.processIntrospectionResponse(metadata, own, response)
  }
  expect((await introspect()).active).toBe(true)
  await oauth.processRevocationResponse(
    await oauth.revocationRequest(metadata, own, authentication, refreshed.access_token, insecure),
  )
  expect((await introspect()).active).toBe(false)
})

test('a native app on a loopback port of the moment signs in without a secret (RFC 8252 §7.3)', async () => {
  const registered = await server.client('native', { redirect_uris: ['http://127.0.0.1/cb'] })
  const client = { ...registered, redirectUri: 'http://127.0.0.1:49152/cb' }
  const tokens = await redeem(client, await authorize(client))
  expect(tokens.refresh_token).toBeTruthy()
})

test('a pushed request is used once and only by whom it belongs to (RFC 9126 §4)', async () => {
  const client = await server.client('web')
  const verifier = oauth.generateRandomCodeVerifier()
  const response = await oauth.pushedAuthorizationRequest(
    metadata,
    { client_id: client.id },
    oauth.ClientSecretBasic(client.secret),
    {
      redirect_uri: client.redirectUri,
      response_type: 'code',
      scope: 'openid',
      code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
    },
    insecure,
  )
  const pushed = await oauth.processPushedAuthorizationResponse(metadata, { client_id: client.id }, response)
  const address = (id: string) =>
    `/authorize?${new URLSearchParams({ client_id: id, request_uri: pushed.request_uri })}`
  const stranger = await server.client('web', { redirect_uris: ['https://stranger.example/cb'] })
  const refused = await server.visitor().get(address(stranger.id))
  expect(`${refused.url.origin} ${refused.url.searchParams.get('error')}`).toBe(
    'https://stranger.example invalid_request_object',
  )
  const person = server.visitor()
  const consent = await register(person, address(client.id), somebody())
  const back = await person.submit(consent, '/consent', { decision: 'allow' })
  expect(back.url.searchParams.get('code')).toBeTruthy()
  expect((await person.get(address(client.id))).url.searchParams.get('code')).toBeNull()
})

test('a key that was seen before cannot be replayed with the same proof (RFC 9449 §11.1)', async () => {
  const resource = 'https://api.example/dpop'
  await server.resource(resource, ['read'])
  const client = await server.client('service', { resource_scopes: 'read' })
  const own = { client_id: client.id }
  const handle = oauth.DPoP({}, await oauth.generateKeyPair('ES256'))
  let proof = ''
  const request = (capture: boolean) =>
    oauth.clientCredentialsGrantRequest(
      metadata,
      own,
      oauth.ClientSecretBasic(client.secret),
      { resource, scope: 'read' },
      {
        ...insecure,
        ...(capture ? { DPoP: handle } : { headers: { dpop: proof } }),
        [oauth.customFetch]: (input: string, init: RequestInit) => {
          proof = new Headers(init.headers).get('dpop') ?? proof
          return fetch(input, init)
        },
      } as never,
    )
  const tokens = await oauth
    .processClientCredentialsResponse(metadata, own, await request(true))
    .catch(async (error: unknown) => {
      if (!oauth.isDPoPNonceError(error)) throw error
      return oauth.processClientCredentialsResponse(metadata, own, await request(true))
    })
  expect(tokens.token_type).toBe('dpop')
  const replayed = await request(false)
  expect(replayed.status).toBe(400)
})
