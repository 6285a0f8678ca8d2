import { request as httpRequest } from 'node:http'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { authorizeAtIfttt, iftttClient } from '../../support/ifttt-client.ts'
import { startTestServer, type TestClient, type TestServer } from '../../support/server.ts'
import { toy } from '../../support/toy-provider.ts'

type Body = NonNullable<RequestInit['body']>

const tokens = '/third-party/ifttt/v1/tokens'
let server: TestServer
let client: TestClient
beforeAll(async () => {
  server = await startTestServer({ providers: [toy()] })
  client = await iftttClient(server)
})
afterAll(() => server.stop())

interface Answer {
  status: number
  headers: Headers
  body: Record<string, unknown>
}

async function post(body: Body, headers: Record<string, string> = {}): Promise<Answer> {
  const response = await fetch(`${server.origin}${tokens}`, {
    method: 'POST',
    headers,
    body,
    duplex: 'half',
  } as RequestInit)
  return { status: response.status, headers: response.headers, body: (await response.json()) as Answer['body'] }
}

const asForm = (fields: Record<string, string>) => post(new URLSearchParams(fields))
const asJson = (value: unknown, type = 'application/json') =>
  post(typeof value === 'string' ? value : JSON.stringify(value), { 'content-type': type })

async function newCode(extra: Record<string, string | undefined> = {}): Promise<string> {
  const callback = await authorizeAtIfttt(server, client, { path: '/third-party/ifttt/authorize', ...extra })
  return callback.searchParams.get('code') ?? ''
}

const credentials = () => ({ client_id: client.id, client_secret: client.secret })
const redemption = (code: string) => ({
  ...credentials(),
  grant_type: 'authorization_code',
  code,
  redirect_uri: client.redirectUri,
})

describe('GET /third-party/ifttt/authorize', () => {
  test('needs client_id, redirect_uri and state alone, and answers to IFTTT with the state', async () => {
    const callback = await authorizeAtIfttt(server, client, { path: '/third-party/ifttt/authorize' })
    expect(callback.href).toMatch(/^https:\/\/ifttt\.com\/channels\/example\/authorize\?code=/)
    expect(callback.searchParams.get('state')).toBe('a state & its = signs')
    expect(callback.searchParams.get('iss')).toBe(server.origin)
  })

  test('says access_denied with the state where the person refuses (RFC 6749 §4.1.2.1)', async () => {
    const callback = await authorizeAtIfttt(server, client, {
      path: '/third-party/ifttt/authorize',
      decision: 'deny',
    })
    expect(callback.origin + callback.pathname).toBe('https://ifttt.com/channels/example/authorize')
    expect(callback.searchParams.get('error')).toBe('access_denied')
    expect(callback.searchParams.get('state')).toBe('a state & its = signs')
    expect(callback.searchParams.has('code')).toBe(false)
  })

  test.for([
    ['an empty scope counts as none (RFC 6749 §3.1)', 'scope=&response_type=', '', /value="allow"|start\/toy/],
    ['two scopes', 'scope=ifttt&scope=ifttt', 'invalid_request', undefined],
    ['another response type', 'response_type=token', 'unsupported_response_type', undefined],
  ] as const)('%s', async ([, extra, error, page]) => {
    const query = new URLSearchParams({ client_id: client.id, redirect_uri: client.redirectUri, state: 's' })
    const visit = await server.visitor().get(`/third-party/ifttt/authorize?${query}&${extra}`)
    if (page !== undefined) expect(visit.text).toMatch(page)
    else expect(visit.left ? visit.url.href : visit.text).toContain(error)
  })

  test('another method is none of it (RFC 9110 §15.5.6)', async () => {
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
      const answer = await fetch(`${server.origin}/third-party/ifttt/authorize`, { method })
      expect([method, answer.status, answer.headers.get('allow')]).toEqual([method, 405, 'GET, HEAD'])
      expect(await answer.json()).toMatchObject({ error: 'invalid_request', reference: expect.any(String) })
    }
  })
})

describe('POST /third-party/ifttt/v1/tokens', () => {
  test.for([
    ['form', asForm],
    ['JSON', asJson],
  ] as const)('takes a code and a refresh token as %s, and names the type of the token twice', async ([, send]) => {
    const first = await send(redemption(await newCode()))
    expect(first.body).toMatchObject({ token_type: 'Bearer', token: 'Bearer', expires_in: 3600, scope: 'ifttt' })
    expect(first.headers.get('content-type')).toBe('application/json; charset=utf-8')
    expect(first.headers.get('cache-control')).toBe('no-store')
    const refresh_token = String(first.body['refresh_token'])
    const second = await send({ ...credentials(), grant_type: 'refresh_token', refresh_token })
    expect(second).toMatchObject({ status: 200, body: { token: 'Bearer', refresh_token } })
    expect(second.body['access_token']).not.toBe(first.body['access_token'])
  })

  test('401 for a wrong secret or client, 400 invalid_grant for a wrong code (RFC 6749 §5.2)', async () => {
    for (const send of [asForm, asJson]) {
      const code = await newCode()
      for (const wrong of [{ client_secret: 'wrong' }, { client_id: 'nobody' }]) {
        const { status, body } = await send({ ...redemption(code), ...wrong })
        expect([status, body['error']]).toEqual([401, 'invalid_client'])
      }
      const { status, body, headers } = await send(redemption('no-such-code'))
      expect([status, body['error']]).toEqual([400, 'invalid_grant'])
      expect(headers.get('content-type')).toBe('application/json; charset=utf-8')
      expect(body['token']).toBeUndefined()
      expect((await send(redemption(code))).status).toBe(200)
    }
  })

  test('the code of the standard address works here, and the other way round', async () => {
    const standard = await authorizeAtIfttt(server, client)
    expect((await asJson(redemption(standard.searchParams.get('code') ?? ''))).status).toBe(200)
    const answer = await fetch(`${server.origin}/token`, {
      method: 'POST',
      body: new URLSearchParams(redemption(await newCode())),
    })
    expect(answer.status).toBe(200)
    expect(await answer.json()).not.toHaveProperty('token')
  })

  test.for<[string, string | (() => string | Buffer)]>([
    ['no object', '[]'],
    ['nothing', ''],
    ['a nested value', () => JSON.stringify({ ...redemption('x'), code: { $ne: '' } })],
    ['a list for a value', () => JSON.stringify({ ...redemption('x'), code: ['x'] })],
    ['a number', () => JSON.stringify({ ...redemption('x'), extra: 1 })],
    ['a member twice', () => JSON.stringify(redemption('x')).replace('}', ',"code":"y"}')],
    ['__proto__', () => JSON.stringify(redemption('x')).replace('}', ',"__proto__":"y"}')],
    ['bytes that are no UTF-8', () => Buffer.from('{"a":"\xff"}', 'latin1')],
    ['more than 16 KiB', () => JSON.stringify({ ...redemption('x'), extra: 'a'.repeat(17_000) })],
  ])('JSON with %s is refused and logged under its number', async ([, body]) => {
    const { status, body: answer, headers } = await asJson((typeof body === 'function' ? body() : body) as string)
    expect([status, answer['error']]).toEqual([400, 'invalid_request'])
    expect(headers.get('cache-control')).toBe('no-store')
    expect(server.logged.join('\n')).toContain(`"reference":"${answer['reference']}"`)
  })

  test('text in another encoding is not guessed at; JSON in the body of /token stays refused', async () => {
    expect((await asJson(redemption('x'), 'application/json; charset=utf-16')).status).toBe(400)
    expect((await asJson(redemption('x'), 'Application/JSON; charset="UTF-8"')).body['error']).toBe('invalid_grant')
    const answer = await fetch(`${server.origin}/token`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(redemption('x')),
    })
    expect(await answer.json()).toMatchObject({ error: 'invalid_request' })
  })

  test('JSON that says nothing of its length, and one that ends before it said', async () => {
    const body = JSON.stringify(redemption(await newCode()))
    const stream = ReadableStream.from([Buffer.from(body.slice(0, 20)), Buffer.from(body.slice(20))])
    expect((await post(stream as Body, { 'content-type': 'application/json' })).status).toBe(200)
    const printed = vi.spyOn(console, 'error')
    const lines = server.logged.length
    const headers = { 'content-type': 'application/json', 'content-length': '100' }
    const half = httpRequest(`${server.origin}${tokens}`, { method: 'POST', headers })
    half.on('error', () => undefined).write('{"a":', () => half.destroy())
    await vi.waitFor(() => expect(server.logged.length).toBeGreaterThan(lines))
    expect(printed).not.toHaveBeenCalled()
    expect((await fetch(`${server.origin}/health/live`)).status).toBe(200)
  })

  test('the secret counts in the Authorization header too, never in the address (RFC 6749 §2.3.1)', async () => {
    const { client_id, client_secret, ...rest } = redemption(await newCode())
    const query = new URLSearchParams({ client_id, client_secret })
    const answer = await fetch(`${server.origin}${tokens}?${query}`, {
      method: 'POST',
      body: JSON.stringify(rest),
      headers: { 'content-type': 'application/json' },
    })
    expect(answer.status).toBe(400)
    const basic = `Basic ${Buffer.from(`${client_id}:${client_secret}`).toString('base64')}`
    expect(
      (await post(JSON.stringify(rest), { 'content-type': 'application/json', authorization: basic })).status,
    ).toBe(200)
  })

  test('another method is none of it, and a preflight is answered as at /token', async () => {
    for (const method of ['GET', 'PUT', 'DELETE', 'PATCH']) {
      const answer = await fetch(`${server.origin}${tokens}`, { method })
      expect([method, answer.status, answer.headers.get('allow')]).toEqual([method, 405, 'POST, OPTIONS'])
      expect(await answer.json()).toMatchObject({ error: 'invalid_request', reference: expect.any(String) })
    }
    const preflight = async (path: string) => {
      const headers = { origin: 'https://app.example', 'access-control-request-method': 'POST' }
      const answer = await fetch(`${server.origin}${path}`, { method: 'OPTIONS', headers })
      return [answer.status, ...[...answer.headers].filter(([name]) => name.startsWith('access-control-'))]
    }
    expect(await preflight(tokens)).toEqual(await preflight('/token'))
  })

  test('a page of a stranger does not read an answer (Fetch §3.2)', async () => {
    const origin = 'https://stranger.example'
    const answer = await post(JSON.stringify(redemption(await newCode())), {
      'content-type': 'application/json',
      origin,
    })
    expect([answer.status, answer.headers.get('access-control-allow-origin')]).toEqual([400, null])
  })
})

test('no other address is one of them, however nearly it is written like one', async () => {
  const near = (path: string) => [
    `${path}/`,
    `/${path}`,
    path.replace('ifttt', 'IFTTT'),
    path.replace('third', '%74hird'),
    path.replace('/ifttt', '//ifttt'),
    `${path};x=1`,
    `${path}%00`,
    `${path}/x`,
  ]
  const others = [
    '/third-party/ifttt',
    '/third-party/ifttt/v1',
    ...near(tokens),
    ...near('/third-party/ifttt/authorize'),
  ]
  for (const path of others) {
    for (const method of ['GET', 'POST']) {
      const body = method === 'GET' ? {} : { body: JSON.stringify(redemption('x')) }
      const headers = { 'content-type': 'application/json' }
      const { status } = await fetch(server.origin + path, { method, headers, ...body })
      expect([method, path, status]).toEqual([method, path, 404])
    }
  }
})

test('no code, secret or token stands in the log, and nothing is said beside it', async () => {
  const printed = [vi.spyOn(console, 'error'), vi.spyOn(console, 'info'), vi.spyOn(console, 'warn')]
  for (const send of [asForm, asJson]) {
    const code = await newCode()
    const { body } = await send(redemption(code))
    const secrets = [client.secret, code, String(body['access_token']), String(body['refresh_token'])]
    for (const secret of secrets) {
      expect(secret.length).toBeGreaterThan(20)
      await send({ ...redemption(secret), client_secret: secret, state: secret })
      await send({ ...credentials(), grant_type: 'refresh_token', refresh_token: secret, scope: secret })
      await send({ grant_type: secret, client_id: secret, client_secret: secret })
      await asJson(`{"code":"${secret}","code":"${secret}"}`)
      await fetch(`${server.origin}${tokens}?code=${secret}`)
    }
    const log = server.logged.join('\n')
    expect(log.length).toBeGreaterThan(1000)
    for (const secret of secrets) expect(log.includes(secret)).toBe(false)
  }
  for (const spy of printed) expect(spy).not.toHaveBeenCalled()
})
