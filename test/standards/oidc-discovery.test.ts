/** What the server says of itself (RFC 8414, OpenID Connect Discovery 1.0), to openid-client and oauth4webapi. */
import * as oauth4webapi from 'oauth4webapi'
import * as openid from 'openid-client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { levels } from '../../server/oidc/acr.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

let server: TestServer
let issuer: URL
let metadata: Record<string, unknown>

beforeAll(async () => {
  server = await startTestServer()
  issuer = new URL(server.origin)
  metadata = await document('oauth-authorization-server')
})
afterAll(() => server.stop())

async function document(name: string): Promise<Record<string, unknown>> {
  const response = await fetch(`${server.origin}/.well-known/${name}`)
  expect(response.headers.get('content-type')).toMatch(/^application\/json/)
  return (await response.json()) as Record<string, unknown>
}

test('both documents are one (RFC 8414 §5)', async () => {
  expect(await document('openid-configuration')).toEqual(metadata)
})

test('any page may read them (Fetch, CORS)', async () => {
  const headers = { origin: 'https://page.example' }
  for (const name of ['openid-configuration', 'oauth-authorization-server']) {
    const response = await fetch(`${server.origin}/.well-known/${name}`, { headers })
    expect(['*', headers.origin]).toContain(response.headers.get('access-control-allow-origin'))
    expect(response.headers.get('access-control-allow-credentials')).toBeNull()
  }
})

test('the libraries find the server by its issuer, in either way', async () => {
  for (const algorithm of ['oidc', 'oauth2'] as const) {
    const options = { algorithm, [oauth4webapi.allowInsecureRequests]: true }
    const found = await oauth4webapi.processDiscoveryResponse(
      issuer,
      await oauth4webapi.discoveryRequest(issuer, options),
    )
    expect(found).toEqual(metadata)
    const config = await openid.discovery(issuer, 'app', undefined, undefined, {
      algorithm,
      execute: [openid.allowInsecureRequests],
    })
    expect(config.serverMetadata().issuer).toBe(server.origin)
    expect(config.serverMetadata().supportsPKCE()).toBe(true)
  }
})

test('and refuse it under another name (RFC 8414 §3.3)', async () => {
  const elsewhere = new URL('http://127.0.0.1:1')
  const answer = await oauth4webapi.discoveryRequest(issuer, { [oauth4webapi.allowInsecureRequests]: true })
  await expect(oauth4webapi.processDiscoveryResponse(elsewhere, answer)).rejects.toThrow(/issuer/)
})

test('every address is under the issuer, and something answers there', async () => {
  const addresses = Object.entries(metadata).filter(([name]) => /(_endpoint|_uri)$/.test(name))
  expect(addresses.length).toBeGreaterThan(8)
  for (const [name, value] of addresses) {
    const url = new URL(String(value))
    expect([name, url.origin]).toEqual([name, server.origin])
    const { status } = await fetch(url, { redirect: 'manual' })
    expect([name, status >= 500]).toEqual([name, false])
  }
})

test('what OpenID Connect demands is there, and RS256 is among the algorithms (Discovery §3)', () => {
  for (const name of [
    'issuer',
    'authorization_endpoint',
    'token_endpoint',
    'jwks_uri',
    'response_types_supported',
    'subject_types_supported',
    'id_token_signing_alg_values_supported',
  ])
    expect(metadata).toHaveProperty(name)
  expect(metadata).toMatchObject({
    response_types_supported: ['code'],
    subject_types_supported: ['public', 'pairwise'],
    acr_values_supported: levels,
    prompt_values_supported: ['none', 'login', 'consent', 'select_account', 'create'],
    claims_parameter_supported: true,
    request_uri_parameter_supported: false,
    ui_locales_supported: ['en'],
    display_values_supported: ['page'],
  })
  const algorithms = ['ES256', 'EdDSA', 'RS256']
  for (const name of ['id_token_signing_alg_values_supported', 'userinfo_signing_alg_values_supported'])
    expect((metadata[name] as string[]).toSorted()).toEqual(algorithms)
})

test('no algorithm is without a key, and none is open to everybody: no "none", no shared secrets', async () => {
  const { keys } = (await (await fetch(String(metadata['jwks_uri']))).json()) as { keys: Record<string, unknown>[] }
  expect(keys.map(({ alg }) => alg).sort()).toEqual(['ES256', 'EdDSA', 'RS256'])
  for (const key of keys) {
    expect(key).toMatchObject({ use: 'sig', kid: expect.any(String) })
    for (const secret of ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k']) expect(key).not.toHaveProperty(secret)
  }
  for (const [name, value] of Object.entries(metadata)) {
    if (!name.includes('signing_alg')) continue
    for (const alg of value as string[]) expect([name, alg]).not.toEqual([name, expect.stringMatching(/^(none|HS.*)$/)])
  }
})
