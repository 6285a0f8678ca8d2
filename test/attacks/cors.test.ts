/** What pages of other origins may read here: what programs need, never with a browser's cookies, and no page (RFC 9700 §2.6). */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { authorizeUrl, pkce, signedIn } from '../support/authorize.ts'
import { startTestServer, type TestClient, type TestServer } from '../support/server.ts'
import { toy } from '../support/toy-provider.ts'

const own = 'https://spa.example'
const strangers = ['https://evil.example', 'https://spa.example.evil.example', 'http://spa.example', 'null']

let server: TestServer
let client: TestClient
beforeAll(async () => {
  server = await startTestServer({ providers: [toy()] })
  client = await server.client('spa', { redirect_uris: [`${own}/cb`] })
})
afterAll(() => server.stop())

/** The origin whose pages may read the answer. */
async function readableBy(path: string, origin: string, init: RequestInit = {}): Promise<string | null> {
  const headers = { ...(init.headers as Record<string, string>), origin }
  const response = await fetch(`${server.origin}${path}`, { redirect: 'manual', ...init, headers })
  expect(response.headers.get('access-control-allow-credentials'), path).toBeNull()
  return response.headers.get('access-control-allow-origin')
}

function asked(origin: string, method: string): [string, RequestInit] {
  return [origin, { method: 'OPTIONS', headers: { 'access-control-request-method': method } }]
}

const pages = ['/authorize', '/logout', '/device', '/account', '/interaction/x', '/interaction/x/answer', '/']

test.each(pages)('%s is read by no page of another origin, nor may one send to it', async (path) => {
  const address = path === '/authorize' ? authorizeUrl(client, pkce()) : path
  for (const origin of [own, ...strangers]) {
    expect(await readableBy(address, origin)).toBeNull()
    for (const method of ['GET', 'POST']) expect(await readableBy(address, ...asked(origin, method))).toBeNull()
  }
})

test.each(['/.well-known/openid-configuration', '/.well-known/oauth-authorization-server', '/jwks'])(
  '%s is for everybody',
  async (path) => {
    for (const origin of [own, ...strangers.slice(0, 3)])
      expect(['*', origin]).toContain(await readableBy(path, origin))
  },
)

describe('an answer about a client', () => {
  const form = () =>
    new URLSearchParams({ client_id: client.id, grant_type: 'refresh_token', refresh_token: 'x', token: 'x' })

  test.each(['/token', '/revoke'])('of %s is read by pages of that client alone', async (path) => {
    expect(await readableBy(path, own, { method: 'POST', body: form() })).toBe(own)
    for (const origin of strangers) expect(await readableBy(path, origin, { method: 'POST', body: form() })).toBeNull()
  })

  test('of /userinfo is read by pages of the client that has the token', async () => {
    const { access } = await signedIn(server, client)
    const headers = { authorization: `Bearer ${access}` }
    expect(await readableBy('/userinfo', own, { headers })).toBe(own)
    for (const origin of strangers) expect(await readableBy('/userinfo', origin, { headers })).toBeNull()
  })
})
