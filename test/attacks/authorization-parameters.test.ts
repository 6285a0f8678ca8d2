import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { authorize, authorizeUrl, endpoint, pkce, redeem } from '../support/authorize.ts'
import { postgresTest } from '../support/database.ts'
import { startNodes } from '../support/nodes.ts'
import { startTestServer, type TestClient, type TestServer } from '../support/server.ts'
import { toy } from '../support/toy-provider.ts'
import type { Visit } from '../support/visitor.ts'

let server: TestServer
let client: TestClient
beforeAll(async () => {
  server = await startTestServer({ providers: [toy()] })
  client = await server.client('web')
})
afterAll(() => server.stop())

/** Neither a bug nor a way elsewhere: a page here, a step of ours, or an error at the client. */
function expectSafe(visit: Visit, name: string): void {
  expect(visit.status, `${name}: ${visit.text.slice(0, 300)}`).toBeLessThan(500)
  expect(visit.text, name).not.toMatch(/node_modules|\bat .*\.[jt]s:\d/)
  if (!visit.left) return
  expect(visit.url.href.startsWith(client.redirectUri), name).toBe(true)
  expect(visit.url.searchParams.get('error') ?? '', name).toMatch(/^[a-z_]+$/)
  expect(visit.url.searchParams.get('iss'), name).toBe(server.origin)
  expect(visit.url.hash, name).toBe('')
}

async function errorOf(extra: Record<string, string | undefined>): Promise<string | null> {
  const visit = await server.visitor().get(authorizeUrl(client, pkce(), extra))
  expectSafe(visit, JSON.stringify(extra))
  expect(visit.left, visit.text.slice(0, 300)).toBe(true)
  expect(visit.url.searchParams.get('state')).toBe('state')
  return visit.url.searchParams.get('error')
}

test.for(['token', 'id_token', 'code token', 'code id_token', 'id_token token', 'none', 'CODE', 'x'])(
  'response type %s is refused: no token ever comes from here (RFC 9700 §2.1.2)',
  async (response_type) => {
    const visit = await server.visitor().request(authorizeUrl(client, pkce(), { response_type }))
    expect(visit.url.href.startsWith(client.redirectUri)).toBe(true)
    // The error stands where the tokens would have stood (OAuth 2.0 Multiple Response Types §5).
    const answer = new URLSearchParams(visit.url.search.slice(1) || visit.url.hash.slice(1))
    expect(['unsupported_response_type', 'invalid_request', 'unauthorized_client']).toContain(answer.get('error'))
    for (const name of ['access_token', 'id_token', 'code']) expect(visit.url.href).not.toContain(`${name}=`)
  },
)

test.for<[Record<string, string | undefined>, string]>([
  [{ response_type: undefined }, 'invalid_request'],
  [{ response_mode: 'nonsense' }, 'unsupported_response_mode'],
  [{ response_mode: 'web_message' }, 'unsupported_response_mode'],
  [{ prompt: 'none' }, 'login_required'],
  [{ prompt: 'none login' }, 'invalid_request'],
  [{ prompt: 'nonsense' }, 'invalid_request'],
  [{ max_age: '-1' }, 'invalid_request'],
  [{ max_age: 'soon' }, 'invalid_request'],
  [{ resource: 'https://unknown.example' }, 'invalid_target'],
  [{ resource: 'no uri' }, 'invalid_target'],
  [{ id_token_hint: 'a.b.c' }, 'invalid_request'],
])('%j is answered with %s', async ([extra, error]) => {
  expect(await errorOf(extra)).toBe(error)
})

test('request objects are not taken, by value or by reference (no server fetches for a stranger)', async () => {
  for (const extra of [
    { request: 'eyJhbGciOiJub25lIn0.e30.' },
    { request_uri: 'https://evil.example/object' },
    { request_uri: 'http://127.0.0.1:1/object' },
    { request_uri: 'urn:ietf:params:oauth:request_uri:made-up' },
    { registration: '{}' },
  ]) {
    const visit = await server.visitor().get(authorizeUrl(client, pkce(), extra))
    expectSafe(visit, JSON.stringify(extra))
    expect(visit.status === 400 || visit.url.searchParams.has('error'), JSON.stringify(extra)).toBe(true)
  }
})

const parameters = ['scope', 'state', 'nonce', 'claims', 'login_hint', 'ui_locales', 'acr_values', 'display', 'max_age']
const values: [string, string][] = [
  ['NUL', 'a%00b'],
  ['no UTF-8', '%ff%fe'],
  ['half of a surrogate pair', '%ed%a0%80'],
  ['a broken percent sign', '%zz'],
  ['a line break', 'a%0d%0aLocation:%20https://evil.example'],
  ['markup', '%22%3E%3Cscript%3Ealert(1)%3C/script%3E'],
  ['SQL', "'%3B%20drop%20table%20grants%3B--"],
  ['__proto__', '__proto__'],
  ['eight thousand letters', 'a'.repeat(8000)],
  ['text that turns around', '%e2%80%aeevil'],
]

describe.each(values)('%s', (name, value) => {
  test('in any parameter of a whole sign-in is no server error and no markup', async () => {
    for (const parameter of parameters) {
      const person = server.visitor()
      const url = `${authorizeUrl(client, pkce(), { [parameter]: undefined })}&${parameter}=${value}`
      let visit = await person.get(url)
      expectSafe(visit, `${name} in ${parameter}`)
      expect(visit.text).not.toContain('<script>alert(1)')
      if (visit.left || !visit.text.includes('/start/toy"')) continue
      visit = await person.submit(visit, '/start/toy')
      visit = await person.submit(visit, '/answer', { email: 'alice' })
      if (!visit.left && visit.text.includes('value="allow"')) {
        visit = await person.submit(visit, '/consent', { decision: 'allow' })
      }
      expect(visit.status, `${name} in ${parameter}: ${visit.text.slice(0, 300)}`).toBeLessThan(500)
    }
  })
})

test('claims that no database can hold, and claims without end', async () => {
  for (const claims of [
    '{"userinfo":{"a\\u0000b":null}}',
    '{"userinfo":{"\\ud800":null}}',
    '{"id_token":{"sub":{"value":"\\u0000"}}}',
    '{"userinfo":null,"__proto__":{"admin":true}}',
    '[]',
    'null',
    '{',
    `{"userinfo":${'['.repeat(2000)}${']'.repeat(2000)}}`,
  ]) {
    const visit = await server.visitor().get(authorizeUrl(client, pkce(), { claims }))
    expectSafe(visit, claims.slice(0, 60))
  }
  expect(({} as Record<string, unknown>)['admin']).toBeUndefined()
})

test('the state comes back as it was sent, whatever it holds', async () => {
  for (const state of ['a b+c', '%', '&x=1', '#f', 'ü💥', '"><b>', "a'b", 'a=b&code=stolen', ' '.repeat(3)]) {
    const callback = await authorize(server.visitor(), client, pkce(), { extra: { state } })
    expect(callback.searchParams.get('state')).toBe(state)
    expect(callback.searchParams.getAll('code')).toHaveLength(1)
    expect(callback.searchParams.get('code')).not.toBe('stolen')
  }
})

test('parameters sent twice are refused (RFC 6749 §3.1)', async () => {
  for (const name of ['scope', 'state', 'response_type', 'code_challenge', 'nonce', 'prompt']) {
    const visit = await server.visitor().get(`${authorizeUrl(client, pkce(), { [name]: 'code' })}&${name}=other`)
    expectSafe(visit, name)
    const refused = visit.status === 400 || visit.url.searchParams.get('error') === 'invalid_request'
    expect(refused, name).toBe(true)
  }
})

test('unknown parameters are ignored, also those that a program might trip over (RFC 6749 §3.1)', async () => {
  const odd = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'a[b]', 'a.b', 'code', 'error', 'iss']
  const query = odd.map((name) => `&${encodeURIComponent(name)}=x`).join('')
  const visit = await server.visitor().get(`${authorizeUrl(client, pkce())}${query}`)
  expect(visit.status, visit.text.slice(0, 300)).toBe(200)
  expect(visit.text).toContain('/start/toy"')
})

test('scopes that are unknown or not the client’s are not given', async () => {
  const proof = pkce()
  await server.resource('https://api.example/private', ['admin'])
  const extra = { scope: 'openid admin nonsense __proto__' }
  const visit = await server.visitor().get(authorizeUrl(client, proof, extra))
  expectSafe(visit, 'scopes')
  if (visit.left) return expect(visit.url.searchParams.get('error')).toBe('invalid_scope')
  const callback = await authorize(server.visitor(), client, proof, { extra })
  const { body } = await redeem(server, client, callback.searchParams.get('code') ?? '', proof)
  expect(body['scope']).toBe('openid')
})

test('an address longer than any browser writes is refused, not served', async () => {
  const answer = await fetch(`${server.origin}/authorize?state=${'a'.repeat(70_000)}`)
  expect([400, 414, 431]).toContain(answer.status)
})

async function pushed(at: TestServer, by: TestClient): Promise<string> {
  const params = Object.fromEntries(new URLSearchParams(authorizeUrl(by, pkce()).split('?')[1]))
  const { status, body } = await endpoint(at, by, '/par', params)
  expect([status, body['expires_in']]).toEqual([201, expect.any(Number)])
  return String(body['request_uri'])
}

test('a pushed request is its own client’s, and cannot be changed in the address (RFC 9126 §4)', async () => {
  const other = await server.client('web', { redirect_uris: ['https://other.example/cb'] })
  const request_uri = await pushed(server, client)
  const stolen = await server
    .visitor()
    .request(`/authorize?${new URLSearchParams({ client_id: other.id, request_uri })}`)
  expect(stolen.url.href.startsWith(other.redirectUri)).toBe(true)
  expect(stolen.url.searchParams.get('error')).toMatch(/^invalid_request/)
  expect(stolen.url.searchParams.has('code')).toBe(false)
  const changed = new URLSearchParams({ client_id: client.id, request_uri, redirect_uri: 'https://evil.example/cb' })
  const visit = await server.visitor().request(`/authorize?${changed}`)
  expect(visit.url.host).not.toBe('evil.example')
})

postgresTest(
  'a pushed request opens one authorization, however many come with it at once (RFC 9126 §7.3)',
  async () => {
    await using nodes = await startNodes({ providers: [toy()] })
    const { first, second } = nodes
    const own = await first.client('web', { first_party: true })
    for (let round = 0; round < 3; round += 1) {
      const people = await Promise.all(
        Array.from({ length: 6 }, async (_, number) => {
          const person = (number % 2 === 0 ? first : second).visitor()
          await authorize(person, own, pkce(), { name: `pushed-${round}-${number}` })
          return person
        }),
      )
      const request_uri = await pushed(first, own)
      const address = `/authorize?${new URLSearchParams({ client_id: own.id, request_uri })}`
      const visits = await Promise.all(people.map((person) => person.get(address)))
      expect(visits.filter(({ url }) => url.searchParams.has('code'))).toHaveLength(1)
      for (const { status } of visits) expect(status).toBeLessThan(500)
    }
  },
)
