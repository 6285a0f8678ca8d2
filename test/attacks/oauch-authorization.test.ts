/**
 * What the list of OAuch asks of authorization and pushed requests, where no other file here shows it
 * (docs/security.md has the whole list).
 */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { authorize, authorizeUrl, endpoint, pkce, redeem } from '../support/authorize.ts'
import { startTestServer, type TestClient, type TestServer } from '../support/server.ts'
import { toy } from '../support/toy-provider.ts'

let server: TestServer
let client: TestClient
beforeAll(async () => {
  server = await startTestServer({ providers: [toy()] })
  client = await server.client('web')
})
afterAll(() => server.stop())

/** The error that a request ends with at the app, without a person having been asked. */
async function errorOf(extra: Record<string, string | undefined>): Promise<string | null> {
  const { left, url } = await server.visitor().get(authorizeUrl(client, pkce(), extra))
  expect(left).toBe(true)
  expect(url.href.startsWith(client.redirectUri)).toBe(true)
  const answer = new URLSearchParams(url.search === '' ? url.hash.slice(1) : url.search)
  for (const name of ['code', 'access_token', 'id_token']) expect(answer.has(name)).toBe(false)
  return answer.get('error')
}

describe('response types and modes', () => {
  test.each([
    'token',
    'id_token',
    'id_token token',
    'code token',
    'code id_token',
    'code id_token token',
    'none',
    'CODE',
  ])('%s gives nothing: no token leaves by the browser (RFC 9700 §2.1.2)', async (response_type) => {
    expect(await errorOf({ response_type, nonce: 'n' })).toMatch(/^(unsupported_response_type|invalid_request)$/)
  })

  test('web_message is none: no answer is posted to a window (RFC 9700 §4.17)', async () => {
    expect(await errorOf({ response_mode: 'web_message' })).toBe('unsupported_response_mode')
  })
})

describe('what stands in the answer', () => {
  test('is what the server says: code, error, state and issuer of the request are not repeated (code pollution)', async () => {
    const extra = { code: 'planted', error: 'planted', iss: 'https://evil.example', session_state: 'planted' }
    const callback = await authorize(server.visitor(), client, pkce(), { extra })
    expect(callback.searchParams.getAll('code')).toHaveLength(1)
    expect(callback.searchParams.getAll('iss')).toEqual([server.origin])
    expect(callback.href).not.toContain('planted')
    expect(callback.hash).toBe('')
  })

  test('is the same for a request by POST, also from another site (OIDC Core §3.1.2.1)', async () => {
    const person = server.visitor()
    await authorize(person, client, pkce())
    const [path = '', body = ''] = authorizeUrl(client, pkce()).split('?')
    const { left, url } = await person.post(path, body, {
      'sec-fetch-site': 'cross-site',
      origin: 'https://app.example',
    })
    expect([left, url.searchParams.get('state')]).toEqual([true, 'state'])
    expect(url.searchParams.get('code')).toMatch(/^[\w-]{43,}$/)
  })

  test('is an error, not tokens, when the person says no', async () => {
    const person = server.visitor()
    let page = await person.get(authorizeUrl(client, pkce()))
    page = await person.submit(page, '/start/toy')
    page = await person.submit(page, '/answer', { email: 'denying' })
    const { url } = await person.submit(page, '/consent', { decision: 'deny' })
    expect(url.searchParams.get('error')).toBe('access_denied')
    expect(url.searchParams.has('code')).toBe(false)
  })
})

describe('a pushed request (RFC 9126)', () => {
  const push = (params: Record<string, string> = {}, who: TestClient = client) => {
    const { challenge } = pkce()
    const sound = {
      client_id: who.id,
      redirect_uri: who.redirectUri,
      response_type: 'code',
      scope: 'openid',
      code_challenge: challenge,
      code_challenge_method: 'S256',
    }
    return endpoint(server, who, '/par', { ...sound, ...params })
  }

  test('is taken of a client that says who it is, and of no other (§2.1)', async () => {
    expect((await push()).status).toBe(201)
    expect((await push({}, { ...client, secret: 'wrong' })).body.error).toBe('invalid_client')
    expect((await push({}, { ...client, secret: '' })).body.error).toBe('invalid_client')
  })

  test('is named so that nobody guesses it (§7.1), and never by the client', async () => {
    const names = await Promise.all(Array.from({ length: 5 }, async () => String((await push()).body['request_uri'])))
    expect(new Set(names).size).toBe(5)
    for (const name of names) expect(name.split(':').at(-1)).toMatch(/^[\w-]{27,}$/)
    expect((await push({ request_uri: String(names[0]) })).status).toBe(400)
  })

  test('brings no redirect URI that was not registered (§2.4)', async () => {
    expect((await push({ redirect_uri: 'https://new.example/cb' })).status).toBe(400)
  })

  test('is over after the time that its answer names (§4)', async () => {
    const { body } = await push()
    const lifetime = Number(body['expires_in'])
    expect(lifetime).toBeGreaterThan(0)
    expect(lifetime).toBeLessThanOrEqual(600)
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + (lifetime + 60) * 1000 })
    const address = `/authorize?${new URLSearchParams({ client_id: client.id, request_uri: String(body['request_uri']) })}`
    const { url } = await server.visitor().get(address)
    vi.useRealTimers()
    expect(url.searchParams.get('error') ?? 'no code').not.toBe('')
    expect(url.searchParams.has('code')).toBe(false)
    expect(url.pathname).not.toMatch(/^\/interaction/)
  })
})

test('a code is long, and one of the same request is another one (RFC 6749 §10.10)', async () => {
  const person = server.visitor()
  const proof = pkce()
  const codes = [await authorize(person, client, proof), await authorize(person, client, proof)].map(
    (url) => url.searchParams.get('code') ?? '',
  )
  expect(new Set(codes).size).toBe(2)
  for (const code of codes) expect(Buffer.from(code, 'base64url').length).toBeGreaterThanOrEqual(20)
  for (const code of codes) expect((await redeem(server, client, code, proof)).status).toBe(200)
})
