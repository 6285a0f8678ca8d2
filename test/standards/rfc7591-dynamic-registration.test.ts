/** Dynamic client registration (RFC 7591), by openid-client: open to anybody, and to those who have a token for it. */
import * as oauth from 'openid-client'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { clients } from '../../adapters/postgres/clients.ts'
import { registrationTokens } from '../../adapters/postgres/registration-tokens.ts'
import { register, somebody } from '../support/people.ts'
import { goodMetadata, registerClient } from '../support/registration.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

const now = () => new Date()
// How many apps an address may register is counted by the hour.
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 60 * 60 * 1000 })
})
afterAll(() => {
  vi.useRealTimers()
})

describe('open to anybody', () => {
  let server: TestServer
  beforeAll(async () => {
    server = await startTestServer({ settings: { CLIENT_REGISTRATION: 'open' } })
  })
  afterAll(() => server.stop())

  function registered(
    metadata: Partial<oauth.ClientMetadata>,
    method?: oauth.ClientAuth,
  ): Promise<oauth.Configuration> {
    return oauth.dynamicClientRegistration(new URL(server.origin), metadata, method, {
      execute: [oauth.allowInsecureRequests],
    })
  }

  test.each([
    ['with a secret (§2: the default)', { redirect_uris: ['https://photos.example/cb'] }, undefined],
    ['without one', { ...goodMetadata, redirect_uris: ['https://photos.example/cb'] }, oauth.None()],
    [
      'installed on a computer',
      { token_endpoint_auth_method: 'none', redirect_uris: ['http://127.0.0.1/cb', 'com.example.photos:/cb'] },
      oauth.None(),
    ],
  ])('§3: an app %s registers itself and signs a person in', async (_kind, metadata, method) => {
    const config = await registered(metadata, method)
    const person = server.visitor()
    await register(person, '/account', somebody(`registers${Math.random()}`.replace('.', '')))
    const verifier = oauth.randomPKCECodeVerifier()
    const [redirectUri = ''] = metadata.redirect_uris
    const url = oauth.buildAuthorizationUrl(config, {
      redirect_uri: redirectUri,
      scope: 'openid',
      state: 'state',
      code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
    })
    const page = await person.get(url.pathname + url.search)
    const back = await person.submit(page, '/consent', { decision: 'allow' })
    const checks = { pkceCodeVerifier: verifier, expectedState: 'state', idTokenExpected: true }
    const tokens = await oauth.authorizationCodeGrant(config, back.url, checks)
    expect(tokens.claims()?.aud).toBe(config.clientMetadata().client_id)
  })

  test('§3.2.1: the answer says what was registered, and nothing of how it is kept', async () => {
    const { status, headers, body } = await registerClient(server, {
      ...goodMetadata,
      token_endpoint_auth_method: 'client_secret_post',
      scope: 'openid email admin',
      software_id: 'unknown members are left out',
    })
    expect([status, headers.get('cache-control')]).toEqual([201, 'no-store'])
    expect(body).toMatchObject({
      client_id: expect.stringMatching(/^[0-9a-f]{20}$/),
      client_secret: expect.stringMatching(/^[\w-]{43}$/),
      client_secret_expires_at: 0,
      client_name: 'Photos',
      redirect_uris: goodMetadata.redirect_uris,
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'client_secret_post',
      scope: 'openid email',
      registration_client_uri: `${server.origin}/register/${String(body['client_id'])}`,
    })
    for (const name of ['profile', 'first_party', 'origin', 'resource_scopes', 'software_id']) {
      expect(body).not.toHaveProperty(name)
    }
    const row = await clients(server.database.store.db, now).find(String(body['client_id']))
    expect(row).toMatchObject({ origin: 'self', profile: 'web', firstParty: false })
    const dump = await server.database.dump()
    expect(dump).not.toContain(body['client_secret'])
    expect(dump).not.toContain(body['registration_access_token'])
  })

  test('members of ours cannot be set from outside', async () => {
    const ours = {
      profile: 'ifttt',
      first_party: true,
      origin: 'registered',
      resource_scopes: 'ifttt',
      telegram_qr: true,
    }
    const { body } = await registerClient(server, { ...goodMetadata, ...ours, logo: 'data:image/png;base64,AAAA' })
    const row = await clients(server.database.store.db, now).find(String(body['client_id']))
    expect(row).toMatchObject({ origin: 'self', profile: 'spa', firstParty: false })
    expect(JSON.stringify(row?.metadata)).not.toMatch(/ifttt|telegram|logo|first_party/)
  })

  test.each([
    ['invalid_redirect_uri', { redirect_uris: ['javascript:alert(1)'] }],
    ['invalid_redirect_uri', { redirect_uris: ['data:text/html,x'] }],
    ['invalid_redirect_uri', { redirect_uris: ['http://photos.example/cb'] }],
    ['invalid_redirect_uri', { redirect_uris: ['https://photos.example/*'] }],
    ['invalid_redirect_uri', { redirect_uris: ['https://photos.example/cb#part'] }],
    ['invalid_redirect_uri', { redirect_uris: [] }],
    ['invalid_redirect_uri', { redirect_uris: ['photos:/cb'] }],
    ['invalid_client_metadata', { redirect_uris: 'https://photos.example/cb' }],
    ['invalid_client_metadata', { client_name: '' }],
    ['invalid_client_metadata', { client_name: 'Photos\u202egnp' }],
    ['invalid_client_metadata', { client_uri: 'javascript:alert(1)' }],
    ['invalid_client_metadata', { grant_types: ['password'] }],
    ['invalid_client_metadata', { grant_types: ['client_credentials'] }],
    ['invalid_client_metadata', { response_types: ['token'] }],
    ['invalid_client_metadata', { token_endpoint_auth_method: 'client_secret_jwt' }],
    ['invalid_client_metadata', { token_endpoint_auth_method: 'private_key_jwt' }],
    ['invalid_client_metadata', { software_statement: 'e30.e30.e30' }],
    ['invalid_client_metadata', { id_token_signed_response_alg: 'none' }],
  ])('§3.2.2: %s for %j', async (error, change) => {
    const { status, body } = await registerClient(server, { ...goodMetadata, ...change })
    expect([status, body['error']]).toEqual([400, error])
    expect(body['client_id']).toBeUndefined()
  })

  test.each(['', '[]', '"text"', '{', '{}', 'null'])('a body that is %j is refused', async (body) => {
    expect((await registerClient(server, body)).status).toBe(400)
  })

  test('a body of more than 56 KiB is refused', async () => {
    expect((await registerClient(server, { ...goodMetadata, contacts: ['x'.repeat(60_000)] })).status).toBe(400)
  })

  test('an address registers ten apps in an hour, and no more', async () => {
    for (let count = 0; count < 10; count += 1) expect((await registerClient(server, goodMetadata)).status).toBe(201)
    const { status, headers } = await registerClient(server, goodMetadata)
    expect([status, Number(headers.get('retry-after')) > 0]).toEqual([429, true])
  })
})

describe('by a token', () => {
  let server: TestServer
  beforeAll(async () => {
    server = await startTestServer({ settings: { CLIENT_REGISTRATION: 'token' } })
  })
  afterAll(() => server.stop())

  function newToken(usesLeft: number, profile?: string): Promise<{ id: string; token: string }> {
    const expiresAt = new Date(Date.now() + 24 * 60 * 60 * 1000)
    return registrationTokens(server.database.store.db, now).add({ name: 'A partner', profile, usesLeft, expiresAt })
  }

  test('§3: without a token, or with another one, nobody registers (RFC 6750 §3)', async () => {
    for (const token of [undefined, 'another']) {
      const { status, headers } = await registerClient(server, goodMetadata, token)
      expect(status).toBe(401)
      expect(headers.get('www-authenticate')).toContain('Bearer')
    }
  })

  test('§3: a token registers as many apps as it says, by openid-client', async () => {
    const { token } = await newToken(2)
    const metadata = { ...goodMetadata, redirect_uris: ['https://photos.example/cb'] }
    for (let count = 0; count < 2; count += 1) {
      const config = await oauth.dynamicClientRegistration(new URL(server.origin), metadata, oauth.None(), {
        initialAccessToken: token,
        execute: [oauth.allowInsecureRequests],
      })
      expect(config.clientMetadata().client_id).toMatch(/^[0-9a-f]{20}$/)
    }
    expect((await registerClient(server, goodMetadata, token)).status).toBe(401)
    expect(await server.database.dump()).not.toContain(token)
  })

  test('metadata that is refused spends nothing', async () => {
    const { token } = await newToken(1)
    expect((await registerClient(server, { ...goodMetadata, redirect_uris: [] }, token)).status).toBe(400)
    expect((await registerClient(server, goodMetadata, token)).status).toBe(201)
  })

  test('a token ends by time, and when it is revoked', async () => {
    const [first, second] = [await newToken(9), await newToken(9)]
    await registrationTokens(server.database.store.db, now).revoke(first.id)
    expect((await registerClient(server, goodMetadata, first.token)).status).toBe(401)
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 25 * 60 * 60 * 1000 })
    expect((await registerClient(server, goodMetadata, second.token)).status).toBe(401)
  })

  test('a token may say what is registered by it', async () => {
    const { token } = await newToken(2, 'mcp')
    const { body } = await registerClient(server, { ...goodMetadata, redirect_uris: ['http://127.0.0.1/cb'] }, token)
    const row = await clients(server.database.store.db, now).find(String(body['client_id']))
    expect(row).toMatchObject({ profile: 'mcp', origin: 'self' })
    const withSecret = { ...goodMetadata, token_endpoint_auth_method: 'client_secret_basic' }
    expect((await registerClient(server, withSecret, token)).body['error']).toBe('invalid_client_metadata')
  })
})

test('unless a setting opens it there is no such endpoint, and nothing says so', async () => {
  await using server = await startTestServer()
  const discovered = await fetch(`${server.origin}/.well-known/openid-configuration`)
  expect(await discovered.json()).not.toHaveProperty('registration_endpoint')
  expect((await fetch(`${server.origin}/register`, { method: 'POST' })).status).toBe(404)
})
