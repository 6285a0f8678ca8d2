import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { authorize, endpoint, pkce, redeem, refresh, type Tokens, tokensOf } from '../support/authorize.ts'
import { startTestServer, type TestClient, type TestServer } from '../support/server.ts'
import { toy } from '../support/toy-provider.ts'

let server: TestServer
let client: TestClient
let tokens: Tokens
const secrets: string[] = []
beforeAll(async () => {
  server = await startTestServer({ providers: [toy()] })
  client = await server.client('web')
  const proof = pkce()
  const callback = await authorize(server.visitor(), client, proof, { extra: { scope: 'openid offline_access' } })
  const code = callback.searchParams.get('code') ?? ''
  const answer = await redeem(server, client, code, proof)
  tokens = tokensOf(answer)
  secrets.push(code, proof.verifier, client.secret, ...Object.values(tokens), String(answer.body.id_token))
})
afterAll(() => server.stop())

const basic = () => `Basic ${Buffer.from(`${client.id}:${client.secret}`).toString('base64')}`
const form = 'application/x-www-form-urlencoded'

/** Addresses that take forms from clients, each with a request that would succeed. */
const endpoints = ['/token', '/introspect', '/revoke', '/par'] as const
type Endpoint = (typeof endpoints)[number]

function sound(path: Endpoint): Record<string, string> {
  if (path === '/token') return { grant_type: 'refresh_token', refresh_token: 'x' }
  if (path !== '/par') return { token: 'x' }
  const { challenge } = pkce()
  return {
    redirect_uri: client.redirectUri,
    response_type: 'code',
    scope: 'openid',
    code_challenge: challenge,
    code_challenge_method: 'S256',
  }
}

async function send(path: string, init: RequestInit): Promise<{ status: number; headers: Headers; text: string }> {
  const headers = { authorization: basic(), 'content-type': form, ...(init.headers as Record<string, string>) }
  const response = await fetch(`${server.origin}${path}`, { method: 'POST', ...init, headers })
  return { status: response.status, headers: response.headers, text: await response.text() }
}

/** A standard refusal (RFC 6749 §5.2) with a number that stands in the log, and nothing of our insides. */
function expectRefused(answer: { status: number; headers: Headers; text: string }, name: string): void {
  expect(answer.status, `${name}: ${answer.text}`).toBeGreaterThanOrEqual(400)
  expect(answer.status, `${name}: ${answer.text}`).toBeLessThan(500)
  expect(answer.headers.get('content-type'), name).toContain('application/json')
  const body = JSON.parse(answer.text) as Record<string, unknown>
  expect(body['error'], name).toMatch(/^[a-z_]+$/)
  expect(body['reference'], name).toMatch(/^[0-9A-F]{10}$/)
  expect(answer.text, name).not.toMatch(/\bat .*\.[jt]s\b|node_modules|postgres|select |kysely/i)
  expect(server.logged.join('\n'), name).toContain(`"reference":"${body['reference']}"`)
}

describe.each(endpoints)('%s', (path) => {
  const body = (extra = '') => `${new URLSearchParams(sound(path))}${extra}`

  test('a body over 56 KiB', async () => {
    expectRefused(await send(path, { body: body(`&x=${'a'.repeat(57 * 1024)}`) }), 'large')
    expectRefused(await send(path, { body: body(`&token=${'a'.repeat(57 * 1024)}`) }), 'large token')
  })

  test('a large body that says nothing of its length', async () => {
    const stream = ReadableStream.from(Array.from({ length: 70 }, () => Buffer.alloc(1024, 'a')))
    expectRefused(await send(path, { body: stream, duplex: 'half' } as RequestInit), 'chunked')
  })

  test('duplicate parameters (RFC 6749 §3.2)', async () => {
    const [[name = ''] = []] = Object.entries(sound(path))
    expectRefused(await send(path, { body: body(`&${name}=again`) }), name)
    expectRefused(await send(path, { body: body(`&client_id=${client.id}&client_id=other`) }), 'client_id')
  })

  test.for([
    ['application/json', '{"grant_type":"refresh_token","token":"x"}'],
    ['application/json', '{'],
    ['application/json', '[]'],
    ['application/json', 'null'],
    ['application/x-www-form-urlencoded-not', 'token=x'],
    ['multipart/form-data; boundary=b', '--b\r\ncontent-disposition: form-data; name="token"\r\n\r\nx\r\n--b--'],
    ['text/plain', 'grant_type=refresh_token&token=x'],
    ['application/xml', '<token/>'],
    ['a/b/c', 'token=x'],
    ['application/x-www-form-urlencoded; charset=utf-7', '+/v8-token=x'],
  ])('a body of type %s: %s', async ([type = '', content]) => {
    expectRefused(await send(path, { body: content as string, headers: { 'content-type': type } }), type)
  })

  test('no body at all, and parameters in the address instead (RFC 6749 §2.3.1)', async () => {
    expectRefused(await send(path, { body: '' }), 'empty')
    const query = new URLSearchParams({ ...sound(path), client_id: client.id, client_secret: client.secret })
    const answer = await fetch(`${server.origin}${path}?${query}`, { method: 'POST' })
    expectRefused({ status: answer.status, headers: answer.headers, text: await answer.text() }, 'query')
  })

  test('ten thousand parameters, and names that mean something to a program', async () => {
    const many = Array.from({ length: 10_000 }, (_, number) => `&a${number}=`).join('')
    expect((await send(path, { body: body(many.slice(0, 50_000)) })).status).toBeLessThan(500)
    for (const name of [
      '__proto__',
      'constructor',
      'prototype',
      'toString',
      '__proto__[admin]',
      'a[b][c]',
      '=',
      '&',
      '%',
    ]) {
      const answer = await send(path, { body: body(`&${encodeURIComponent(name)}=x`) })
      expect(answer.status, name).toBeLessThan(500)
    }
    expect(({} as Record<string, unknown>)['admin']).toBeUndefined()
  })

  test.for([
    ['NUL', '%00'],
    ['NUL in the middle', 'a%00b'],
    ['bytes that are no UTF-8', '%ff%fe%c0%80'],
    ['half of a surrogate pair', '%ed%a0%80'],
    ['a broken percent sign', '%zz%'],
    ['a line break', '%0d%0aset-cookie:%20a=b'],
    ['what turns text around', '%e2%80%ae'],
    ['SQL', "'%20or%201=1--"],
  ])('%s in every parameter', async ([name = '', value = '']) => {
    const extra = [
      'code',
      'scope',
      'resource',
      'client_id',
      'token_type_hint',
      'nonce',
      'state',
      'claims',
      'login_hint',
    ]
    for (const parameter of new Set([...Object.keys(sound(path)), ...extra])) {
      const fields = new URLSearchParams(sound(path))
      fields.delete(parameter)
      const answer = await send(path, { body: `${fields}&${parameter}=${value}` })
      expect(answer.status, `${name} in ${parameter}: ${answer.text}`).toBeLessThan(500)
      if (answer.status >= 400) expectRefused(answer, `${name} in ${parameter}`)
    }
  })

  test('raw bytes', async () => {
    const answer = await send(path, { body: Buffer.from([0, 0xff, 0xfe, 0x3d, 0, 0x26, 0xed, 0xa0, 0x80]) })
    expectRefused(answer, 'raw')
  })

  test('another method (RFC 6749 §3.2)', async () => {
    for (const method of ['GET', 'PUT', 'DELETE', 'PATCH']) {
      const headers = { authorization: basic() }
      const answer = await fetch(`${server.origin}${path}?${new URLSearchParams(sound(path))}`, { method, headers })
      const text = await answer.text()
      expect([404, 405], `${method}: ${text}`).toContain(answer.status)
      expect(JSON.parse(text), method).toMatchObject({ reference: expect.any(String), error: expect.any(String) })
    }
  })
})

test('parameters of the right names with the wrong contents', async () => {
  for (const params of [
    {},
    { grant_type: '' },
    { grant_type: 'authorization_code' },
    { grant_type: 'authorization_code', code: '' },
    { grant_type: 'authorization_code', code: 'x' },
    {
      grant_type: 'authorization_code',
      code: 'x',
      redirect_uri: 'https://evil.example',
      code_verifier: 'y'.repeat(43),
    },
    { grant_type: 'refresh_token' },
    { grant_type: 'refresh_token', refresh_token: '' },
    { grant_type: 'refresh_token', refresh_token: 'a'.repeat(50_000) },
    { grant_type: 'refresh_token', refresh_token: tokens.refresh, scope: 'a'.repeat(40_000) },
    { grant_type: 'refresh_token', refresh_token: tokens.refresh, scope: 'openid "' },
  ]) {
    const answer = await endpoint(server, client, '/token', params as Record<string, string>)
    expect(answer.status, JSON.stringify(params).slice(0, 200)).toBe(400)
    expect(answer.body).toMatchObject({ error: expect.any(String), reference: expect.any(String) })
  }
  expect((await refresh(server, client, tokens.refresh)).status).toBe(200)
})

test('what is no HTTP ends the connection, not the server', async () => {
  const port = Number(new URL(server.address).port)
  for (const bytes of ['\0\0\0\0', 'POST /token HTTP/9.9\r\n\r\n', `GET /${'a'.repeat(20_000)} HTTP/1.1\r\n\r\n`]) {
    await new Promise<void>((resolve, reject) => {
      const socket = connect(port, 'localhost', () => socket.end(bytes))
      socket
        .on('error', reject)
        .on('close', () => resolve())
        .resume()
    })
  }
  expect((await fetch(`${server.origin}/health/live`)).status).toBe(200)
})

test('no answer of the token endpoint may be stored (RFC 6749 §5.1)', async () => {
  const answer = await send('/token', { body: 'grant_type=client_credentials' })
  expect(answer.headers.get('cache-control')).toContain('no-store')
  expect(answer.headers.get('access-control-allow-credentials')).toBeNull()
})

test('no secret stands in any line of the log, in whatever request it came', async () => {
  const seen = [...secrets]
  const fresh = tokensOf(await refresh(server, client, tokens.refresh))
  seen.push(...Object.values(fresh))
  const visit = (path: string, headers: Record<string, string> = {}) =>
    fetch(`${server.origin}${path}`, { headers, redirect: 'manual' })
  for (const secret of seen) {
    await send('/token', { body: `grant_type=refresh_token&refresh_token=${secret}&scope=${secret}` })
    await send('/token', { body: `grant_type=${secret}&code=${secret}` })
    await send('/token', { body: `grant_type=authorization_code&code=${secret}&code_verifier=${secret}` })
    await send('/par', { body: `${new URLSearchParams(sound('/par'))}&request_uri=${secret}&resource=${secret}` })
    await send('/introspect', {
      body: `token=${secret}&token_type_hint=${secret}`,
      headers: { authorization: `Basic ${secret}` },
    })
    await visit('/userinfo', { authorization: `Bearer ${secret}`, dpop: secret })
    await visit(`/userinfo?access_token=${secret}`)
    await visit(`/interaction/${secret}`)
    await visit(`/logout?id_token_hint=${secret}`)
    await visit(`/authorize?client_id=${client.id}&code_challenge=${secret}&state=${secret}&scope=openid`)
    await visit(`/authorize?client_id=${secret}`)
    await visit(`/${secret}`)
  }
  const log = server.logged.join('\n')
  expect(log.length).toBeGreaterThan(1000)
  for (const secret of seen) {
    expect(secret.length).toBeGreaterThan(20)
    expect(log.includes(secret), `a line holds ${log.split('\n').find((line) => line.includes(secret))}`).toBe(false)
  }
})
