import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { authorize, authorizeUrl, endpoint, pkce } from '../support/authorize.ts'
import { startTestServer, type TestClient, type TestServer } from '../support/server.ts'
import { toy } from '../support/toy-provider.ts'

let server: TestServer
let client: TestClient
beforeAll(async () => {
  server = await startTestServer({ providers: [toy()] })
  client = await server.client('web', { redirect_uris: [registered] })
})
afterAll(() => server.stop())

const registered = 'https://app.example/cb?from=auth'

/** What is close to the registered URI, or reads as if it were. */
const mutants = [
  ' ',
  'null',
  'undefined',
  '*',
  '/cb?from=auth',
  '//app.example/cb?from=auth',
  'app.example/cb?from=auth',
  'https://app.example/cb',
  'https://app.example',
  'https://app.example/',
  'https://app.example/cb?',
  'https://app.example/cb?from=',
  'https://app.example/cb?from=auth&',
  'https://app.example/cb?from=auth&x=1',
  'https://app.example/cb?x=1&from=auth',
  'https://app.example/cb?from=auth#',
  'https://app.example/cb?from=auth#f',
  'https://app.example/cb#?from=auth',
  'https://app.example/cb?from=auth%23f',
  'https://app.example/cb?FROM=auth',
  'https://app.example/cb?from=auth%20',
  'https://app.example/cb?from=auth ',
  ' https://app.example/cb?from=auth',
  'https://app.example/CB?from=auth',
  'HTTPS://app.example/cb?from=auth',
  'https://APP.example/cb?from=auth',
  'https://app.example/cb/?from=auth',
  'https://app.example//cb?from=auth',
  'https://app.example/./cb?from=auth',
  'https://app.example/x/../cb?from=auth',
  'https://app.example/cb/..?from=auth',
  'https://app.example/cb/../evil?from=auth',
  'https://app.example/cb/%2e%2e/evil?from=auth',
  'https://app.example/%63b?from=auth',
  'https://app.example/c%62?from=auth',
  'https://app.example/cb%2f?from=auth',
  'https://app.example/cb%00?from=auth',
  'https://app.example/cb;x?from=auth',
  'https://app.example/cb?from=auth%0d%0aSet-Cookie:%20a=b',
  'https://app.example/cb\t?from=auth',
  'https://app.example/cb?from=auth\n',
  'https://app.example/cb?from=auth\r\nLocation: https://evil.example',
  'https://app.example\\cb?from=auth',
  'https:\\\\app.example/cb?from=auth',
  'https:/app.example/cb?from=auth',
  'https:app.example/cb?from=auth',
  'http://app.example/cb?from=auth',
  'httpss://app.example/cb?from=auth',
  'javascript://app.example/cb?from=auth',
  'javascript:alert(1)//https://app.example/cb?from=auth',
  'data:text/html,https://app.example/cb?from=auth',
  'com.example.app:/cb?from=auth',
  'https://app.example:443/cb?from=auth',
  'https://app.example:8443/cb?from=auth',
  'https://app.example:/cb?from=auth',
  'https://app.example./cb?from=auth',
  'https://www.app.example/cb?from=auth',
  'https://app.example.evil.example/cb?from=auth',
  'https://evilapp.example/cb?from=auth',
  'https://app-example/cb?from=auth',
  'https://app.example@evil.example/cb?from=auth',
  'https://user@app.example/cb?from=auth',
  'https://user:secret@app.example/cb?from=auth',
  'https://@app.example/cb?from=auth',
  'https://evil.example\\@app.example/cb?from=auth',
  'https://evil.example#@app.example/cb?from=auth',
  'https://evil.example?@app.example/cb?from=auth',
  'https://evil.example/https://app.example/cb?from=auth',
  'https://evil.example/cb?from=auth',
  'https://аpp.example/cb?from=auth',
  'https://app。example/cb?from=auth',
  'https://xn--pp-6ib.example/cb?from=auth',
  'https://app.example/cb?from=auth,https://evil.example',
  'https://app.example/cb?from=auth https://evil.example',
  'https://127.0.0.1/cb?from=auth',
  'https://[::1]/cb?from=auth',
  'https://app.example/cb?from=auth\0',
  `https://app.example/cb?from=auth${'a'.repeat(400)}`,
]

test('the mutants are many and none is the registered URI', () => {
  expect(new Set(mutants).size).toBeGreaterThanOrEqual(60)
  expect(mutants).not.toContain(registered)
})

test('the registered redirect URI itself is taken, its query included', async () => {
  const callback = await authorize(server.visitor(), client, pkce())
  expect(callback.searchParams.get('from')).toBe('auth')
  expect(callback.searchParams.get('code')).toBeTruthy()
})

async function expectNoRedirect(visit: { status: number; headers: Headers; text: string }, mutant: string) {
  expect(visit.status, mutant).toBe(400)
  expect(visit.headers.get('location'), mutant).toBeNull()
  expect(visit.headers.get('refresh'), mutant).toBeNull()
  expect(visit.text, mutant).not.toMatch(/http-equiv="?refresh|<script|<form/i)
}

describe('a redirect URI that was not registered is never gone to (RFC 9700 §4.1.3, §4.11.2)', () => {
  test.for(mutants)('%j', async (mutant) => {
    for (const extra of [{}, { response_type: 'none of these' }, { prompt: 'none' }, { scope: 'nonsense' }]) {
      const url = authorizeUrl(client, pkce(), { redirect_uri: mutant, ...extra })
      await expectNoRedirect(await server.visitor().request(url), mutant)
    }
    // Answered by a redirect to the same request by GET.
    const form = authorizeUrl(client, pkce(), { redirect_uri: mutant }).slice('/authorize?'.length)
    await expectNoRedirect(await server.visitor().post('/authorize', form), mutant)
    const { redirectUri: _, ...rest } = client
    const pushed = await endpoint(server, { ...rest, redirectUri: mutant }, '/par', {
      client_id: client.id,
      redirect_uri: mutant,
      response_type: 'code',
      scope: 'openid',
      code_challenge: pkce().challenge,
      code_challenge_method: 'S256',
    })
    expect(pushed.status, mutant).toBe(400)
  })
})

test('a request that names none goes to the one that was registered, or nowhere', async () => {
  for (const redirect_uri of [undefined, '']) {
    const visit = await server.visitor().get(authorizeUrl(client, pkce(), { redirect_uri, prompt: 'none' }))
    if (visit.left) expect(visit.url.href.startsWith(registered)).toBe(true)
    const several = await server.client('web', { redirect_uris: [registered, 'https://app.example/other'] })
    await expectNoRedirect(
      await server.visitor().request(authorizeUrl(several, pkce(), { redirect_uri })),
      String(redirect_uri),
    )
  }
})

test('a second redirect URI brings nobody elsewhere (parameter pollution, CVE-2026-9689)', async () => {
  for (const second of ['https://evil.example/cb', registered]) {
    for (const name of ['redirect_uri', 'redirect_uri[]', 'redirect_uri[0]']) {
      const pollution = new URLSearchParams([[name, second]])
      const visit = await server.visitor().request(`${authorizeUrl(client, pkce(), { prompt: 'none' })}&${pollution}`)
      expect(visit.url.href.startsWith(registered), visit.url.href).toBe(visit.left)
      expect(visit.url.searchParams.has('code')).toBe(false)
      if (name === 'redirect_uri') expect(visit.text + visit.url.href).toContain('invalid_request')
    }
  }
})

test('an unknown or missing client is told so on a page, not by a redirect', async () => {
  for (const client_id of [undefined, '', 'nobody', `${client.id} `, `${client.id}\0`, '__proto__', 'constructor']) {
    await expectNoRedirect(
      await server.visitor().request(authorizeUrl(client, pkce(), { client_id })),
      String(client_id),
    )
  }
})

test('a redirect URI of another client is not taken', async () => {
  const other = await server.client('web', { redirect_uris: ['https://other.example/cb'] })
  await expectNoRedirect(
    await server.visitor().request(authorizeUrl(client, pkce(), { redirect_uri: other.redirectUri })),
    'other',
  )
})

describe('loopback (RFC 8252 §7.3)', () => {
  test.for(['http://127.0.0.1/cb', 'http://[::1]/cb', 'http://localhost/cb'])(
    '%s: any port for a native app',
    async (uri) => {
      const native = await server.client('native', { redirect_uris: [uri] })
      for (const port of ['1', '80', '51004', '65535']) {
        const withPort = uri.replace('/cb', `:${port}/cb`)
        const callback = await authorize(server.visitor(), { ...native, redirectUri: withPort }, pkce())
        expect(callback.href.startsWith(port === '80' ? uri : withPort)).toBe(true)
        expect(callback.searchParams.get('code')).toBeTruthy()
      }
      const others = ['/cb/', '/CB', '/cb?x=1', '/cb#f', '/', '/other']
      const hosts = [
        'http://127.0.0.2',
        'http://10.0.0.1',
        'http://app.example',
        'https://127.0.0.1',
        'http://localhost.evil.example',
      ]
      for (const other of [
        ...others.map((path) => uri.replace('/cb', `:51004${path}`)),
        ...hosts.map((host) => `${host}:51004/cb`),
      ]) {
        await expectNoRedirect(
          await server.visitor().request(authorizeUrl(native, pkce(), { redirect_uri: other })),
          other,
        )
      }
    },
  )

  test('one host of this machine is not another one', async () => {
    const native = await server.client('native', { redirect_uris: ['http://127.0.0.1/cb'] })
    for (const other of [
      'http://localhost:5000/cb',
      'http://[::1]:5000/cb',
      'http://127.1:5000/cb',
      'http://2130706433:5000/cb',
    ]) {
      await expectNoRedirect(
        await server.visitor().request(authorizeUrl(native, pkce(), { redirect_uri: other })),
        other,
      )
    }
  })

  test.for(['web', 'spa'])('%s: only the port that was registered', async (profile) => {
    const local = await server.client(profile, { redirect_uris: ['http://localhost:4000/cb'] })
    expect((await authorize(server.visitor(), local, pkce())).port).toBe('4000')
    for (const other of ['http://localhost:4001/cb', 'http://localhost/cb', 'http://127.0.0.1:4000/cb']) {
      await expectNoRedirect(
        await server.visitor().request(authorizeUrl(local, pkce(), { redirect_uri: other })),
        other,
      )
    }
  })
})
