/**
 * Client ID Metadata Documents (draft-ietf-oauth-client-id-metadata-document-02): a client id is the address of a document
 * that says what the client is. By openid-client, whose id nobody registered here.
 */
import * as oauth from 'openid-client'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { type DocumentHost, documentHost } from '../support/document-host.ts'
import { register, somebody } from '../support/people.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import type { Visit, Visitor } from '../support/visitor.ts'

let host: DocumentHost
let server: TestServer
let person: Visitor
beforeAll(async () => {
  host = await documentHost()
  server = await startTestServer({ settings: { CLIENT_METADATA_DOCUMENTS: 'yes' }, outside: host.outside })
  person = server.visitor()
  await register(person, '/account', somebody())
})
// How many new documents one address may name is counted in spans of ten minutes.
beforeEach(() => later(600))
afterAll(async () => {
  vi.useRealTimers()
  await server.stop()
  await host.close()
})

/** Documents count for a while: a test about what follows goes beyond it. */
function later(seconds: number): void {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + seconds * 1000 })
}

const verifier = oauth.randomPKCECodeVerifier()

async function requestOf(id: string, params: Record<string, string> = {}): Promise<URL> {
  const config = await oauth.discovery(new URL(server.origin), id, {}, oauth.None(), {
    execute: [oauth.allowInsecureRequests],
  })
  return oauth.buildAuthorizationUrl(config, {
    redirect_uri: new URL('/cb', id).href,
    scope: 'openid profile',
    state: 'state',
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    ...params,
  })
}

async function ask(id: string, params: Record<string, string> = {}): Promise<Visit> {
  const url = await requestOf(id, params)
  return person.get(url.pathname + url.search)
}

async function signIn(id: string): Promise<oauth.TokenEndpointResponse> {
  const config = await oauth.discovery(new URL(server.origin), id, {}, oauth.None(), {
    execute: [oauth.allowInsecureRequests],
  })
  const { url } = await person.submit(await ask(id), '/consent', { decision: 'allow' })
  return oauth.authorizationCodeGrant(config, url, {
    pkceCodeVerifier: verifier,
    expectedState: 'state',
    idTokenExpected: true,
  })
}

test('§6: both discovery documents say that client ids may be documents', async () => {
  for (const name of ['openid-configuration', 'oauth-authorization-server']) {
    const answer = await fetch(`${server.origin}/.well-known/${name}`)
    expect(await answer.json()).toMatchObject({ client_id_metadata_document_supported: true })
  }
})

test('§3, §4: a client that nobody registered signs people in by its document', async () => {
  const id = host.client('one')
  const tokens = await signIn(id)
  const claims = (tokens as oauth.TokenEndpointResponse & oauth.TokenEndpointResponseHelpers).claims()
  expect(claims?.aud).toBe(id)
})

test('§4.4: the document is read once, then kept for as long as it says, within a day', async () => {
  const id = host.client('cached', {}, { 'cache-control': 'max-age=3600' })
  const asked = () => host.asked.filter((address) => address === id).length
  await Promise.all([ask(id), ask(id), ask(id)])
  await ask(id)
  expect(asked()).toBe(1)
  later(3_500)
  await ask(id)
  expect(asked()).toBe(1)
  later(200)
  await ask(id)
  expect(asked()).toBe(2)
})

test('a document that changed is asked about again, also where consent would be remembered', async () => {
  const keys = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify'])
  const jwk = await crypto.subtle.exportKey('jwk', keys.publicKey)
  const described = { token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [jwk] } }
  const id = host.client('changing', described)
  const first = await ask(id)
  expect((await person.submit(first, '/consent', { decision: 'allow' })).left).toBe(true)
  expect((await ask(id)).left).toBe(true)
  later(600)
  host.client('changing', { ...described, tos_uri: `${host.origin('changing')}/terms` })
  expect((await ask(id)).left).toBe(true)
  later(600)
  host.client('changing', { ...described, client_name: 'Another name' })
  const again = await ask(id)
  expect(again.left).toBe(false)
  expect(again.text).toContain('Another name')
})

test('RFC 8252 §8.6: an app without a secret asks for consent each time, and gets none without a person', async () => {
  const id = host.client('public')
  await signIn(id)
  expect((await ask(id)).text).toContain('value="allow"')
})

test('RFC 8252 §7.3: a loopback redirect URI is taken at any port', async () => {
  const id = host.client('loopback', { redirect_uris: ['http://127.0.0.1/cb', `${host.origin('loopback')}/cb`] })
  const page = await ask(id, { redirect_uri: 'http://127.0.0.1:53124/cb' })
  expect(page.text).toContain('value="allow"')
  expect((await ask(id, { redirect_uri: 'http://127.0.0.1:53124/other' })).status).toBe(400)
})

test('the scopes are those that anybody may have, whatever the document says', async () => {
  await server.resource('https://api.example/notes', ['notes:read'])
  const id = host.client('greedy', { scope: 'openid notes:read' })
  const config = await oauth.discovery(new URL(server.origin), id, {}, oauth.None(), {
    execute: [oauth.allowInsecureRequests],
  })
  const page = await ask(id, { scope: 'openid notes:read' })
  const { url } = await person.submit(page, '/consent', { decision: 'allow' })
  const checks = { pkceCodeVerifier: verifier, expectedState: 'state' }
  expect((await oauth.authorizationCodeGrant(config, url, checks)).scope).toBe('openid')
  expect((await ask(id, { scope: 'openid', resource: 'https://api.example/notes' })).text).toContain('invalid_target')
})

describe('what is no client', () => {
  const refused: [string, (id: string) => [unknown, Record<string, string>?, number?]][] = [
    ['§4: of another address', (id) => [{ client_id: `${id}#` }]],
    ['§4: without an address', () => [{ client_id: undefined }]],
    ['§4.1: with a shared secret', () => [{ token_endpoint_auth_method: 'client_secret_basic' }]],
    ['§4.1: with a secret in it', () => [{ client_secret: 'known to everybody' }]],
    ['with a redirect URI that runs something', () => [{ redirect_uris: ['javascript:alert(1)'] }]],
    ['with a redirect URI in clear', () => [{ redirect_uris: ['http://app.example/cb'] }]],
    ['with a redirect URI that holds a wildcard', () => [{ redirect_uris: ['https://*.example/cb'] }]],
    ['without redirect URIs', () => [{ redirect_uris: [] }]],
    ['that asks nobody', () => [{ grant_types: ['client_credentials'] }]],
    [
      'with a private key',
      () => [
        {
          token_endpoint_auth_method: 'private_key_jwt',
          jwks: { keys: [{ kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA', d: 'AA' }] },
        },
      ],
    ],
    ['§4.3: of more than 5 KB', () => [{ contacts: ['x'.repeat(6_000)] }]],
    ['§4: that is no JSON', () => ['<html></html>']],
    ['§4: that is a list', () => ['[]']],
    ['§4: of another type', () => [{}, { 'content-type': 'text/html' }]],
    ['§4: behind a redirect', (id) => [{}, { location: `${id}?other` }, 302]],
    ['§4: that is not found', () => [{}, { 'content-type': 'application/json' }, 404]],
    ['that is another status than 200', () => [{}, { 'content-type': 'application/json' }, 201]],
    ['whose name hides something', () => [{ client_name: 'Photos\u202e' }]],
  ]
  test.each(refused.map(([name, make], index) => [name, make, `refused${index}`] as const))(
    'a document %s is refused and not kept',
    async (_name, make, name) => {
      const good = host.client(name, {})
      const [change, headers, status] = make(good)
      const document = typeof change === 'string' ? change : { ...goodDocument(good), ...(change as object) }
      host.put(good, document, headers, status)
      const page = await ask(good)
      expect([page.status, page.left]).toEqual([400, false])
      host.client(name)
      expect((await ask(good)).text).toContain('value="allow"')
    },
  )

  test.each([
    (origin: string) => origin,
    (origin: string) => `${origin.toUpperCase()}/client.json`,
    (origin: string) => `${origin}/a/../client.json`,
    (origin: string) => `${origin}/%2e%2e/client.json`,
    (origin: string) => `${origin}/client.json#part`,
    (origin: string) => `${origin.replace('https://', 'https://user@')}/client.json`,
    (origin: string) => `${origin.replace('https:', 'http:')}/client.json`,
    (origin: string) => `${origin}/client .json`,
    (origin: string) => `${origin}\\client.json`,
  ])('§3: an id that is no such address is not asked for (%#)', async (make) => {
    const before = host.asked.length
    const page = await ask(make(host.origin('shape')), { redirect_uri: 'https://app.example/cb' })
    expect(page.status).toBe(400)
    expect(host.asked.length).toBe(before)
  })
})

test('a host that fails for a while signs nobody out, and one that took its document away is gone', async () => {
  const id = host.client('outage')
  expect((await ask(id)).text).toContain('value="allow"')
  later(600)
  host.put(id, '', {}, 503)
  expect((await ask(id)).text).toContain('value="allow"')
  later(2 * 24 * 60 * 60)
  expect((await ask(id)).text).not.toContain('value="allow"')
  later(3_600)
  host.put(id, '', {}, 404)
  expect((await ask(id)).status).toBe(400)
})

test('a document that was taken away does not count again because it is asked for often', async () => {
  const id = host.client('spoilt')
  expect((await ask(id)).text).toContain('value="allow"')
  later(600)
  host.put(id, '', {}, 404)
  const pages: string[] = []
  for (const _ of [1, 2, 3, 4, 5]) {
    later(2)
    pages.push((await ask(id)).text)
  }
  expect(pages.filter((text) => text.includes('value="allow"'))).toEqual([])
})

function goodDocument(id: string): Record<string, unknown> {
  return {
    client_id: id,
    client_name: 'Photos',
    redirect_uris: [new URL('/cb', id).href],
    token_endpoint_auth_method: 'none',
  }
}
