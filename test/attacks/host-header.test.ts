/** Requests that name another host, in every place where one can be named (ASVS 5 §4.1.3, RFC 9700 §4.13 on proxies). */
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTestServer, type TestServer } from '../support/server.ts'

const evil = 'evil.example'
const issuer = 'https://auth.example'

let direct: TestServer
let behindProxy: TestServer
beforeAll(async () => {
  direct = await startTestServer()
  behindProxy = await startTestServer({ settings: { ISSUER: issuer, TRUST_PROXY: '127.0.0.1' } })
})
afterAll(async () => {
  await direct.stop()
  await behindProxy.stop()
})

/** Sends lines as they are, header by header, and reads the whole answer. */
function send(server: TestServer, target: string, headers: string[]): Promise<{ status: number; text: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; text: string }>()
  const socket = connect(Number(new URL(server.address).port), '127.0.0.1')
  let text = ''
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk
  })
  socket.on('error', reject).on('end', () => resolve({ status: Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1]), text }))
  socket.write(`GET ${target} HTTP/1.1\r\n${[...headers, 'Connection: close'].join('\r\n')}\r\n\r\n`)
  return promise
}

const authorize = '/authorize?client_id=habitat-account&response_type=code&scope=openid&code_challenge_method=S256'
const targets = [
  '/',
  '/.well-known/openid-configuration',
  '/.well-known/oauth-authorization-server',
  '/account',
  `${authorize}&code_challenge=${'x'.repeat(43)}`,
  '/interaction/unknown',
  '/logout',
  '/userinfo',
  '/nowhere',
]

const proxyHeaders = [
  `X-Forwarded-Host: ${evil}`,
  'X-Forwarded-Proto: gopher',
  'X-Forwarded-Port: 666',
  `X-Forwarded-Server: ${evil}`,
  `X-Forwarded-Prefix: //${evil}`,
  `X-Original-Host: ${evil}`,
  `X-Original-URL: //${evil}/`,
  `X-Rewrite-URL: //${evil}/`,
  `X-Host: ${evil}`,
  `Forwarded: for=1.2.3.4;host=${evil};proto=gopher`,
]

describe('without a proxy', () => {
  const host = () => new URL(direct.origin).host

  test.each(targets)('%s is answered in the issuer’s name whatever a stranger forwards', async (target) => {
    const answer = await send(direct, target, [`Host: ${host()}`, ...proxyHeaders])
    expect(answer.status).not.toBe(421)
    expect(answer.text).not.toMatch(/evil|gopher|:666/)
  })

  test('what is said of the server is the same with and without such headers', async () => {
    const plain = await send(direct, '/.well-known/openid-configuration', [`Host: ${host()}`])
    const forged = await send(direct, '/.well-known/openid-configuration', [`Host: ${host()}`, ...proxyHeaders])
    const body = ({ text }: { text: string }) => text.slice(text.indexOf('{'))
    expect(body(forged)).toBe(body(plain))
    expect(body(plain)).toContain(`"issuer":"${direct.origin}"`)
  })

  test.each(targets)('%s is answered 421 under another host (RFC 9110 §15.5.20)', async (target) => {
    const port = new URL(direct.origin).port
    const names = [
      evil,
      `${evil}:${port}`,
      `localhost.${evil}:${port}`,
      `127.0.0.1:${port}`,
      'localhost',
      `localhost:1`,
    ]
    for (const name of names) {
      const answer = await send(direct, target, [`Host: ${name}`])
      expect([name, answer.status]).toEqual([name, 421])
      expect(answer.text).not.toMatch(/evil|^location:/im)
    }
  })

  test('a person who came by another name is shown the way to the right one, and the log has both', async () => {
    const port = new URL(direct.origin).port
    const answer = await send(direct, '/', [`Host: 127.0.0.1:${port}`, 'Accept: text/html'])
    expect(answer.text).toContain(`href="${direct.origin}/"`)
    expect(direct.logged.at(-1)).toContain(`"host":"127.0.0.1:${port}","issuer":"${direct.origin}"`)
  })

  test('a host with user, path or unusual characters is not ours', async () => {
    for (const name of [`${evil}@${host()}`, `${host()}@${evil}`, `${host()}/${evil}`, `${host()} ${evil}`, '']) {
      const { status, text } = await send(direct, '/', [`Host: ${name}`])
      expect([400, 421]).toContain(status)
      expect(text).not.toContain(evil)
    }
  })

  test('two hosts, or none, are refused (RFC 9112 §3.2)', async () => {
    const two = [
      [`Host: ${host()}`, `Host: ${evil}`],
      [`Host: ${evil}`, `Host: ${host()}`],
    ]
    for (const headers of [...two, []]) {
      const answer = await send(direct, '/.well-known/openid-configuration', headers)
      expect([400, 421]).toContain(answer.status)
      expect(answer.text).not.toContain(evil)
    }
  })

  test('a request target that is a whole address changes nothing (RFC 9112 §3.2.2)', async () => {
    for (const path of [
      '/account',
      '/.well-known/openid-configuration',
      `${authorize}&code_challenge=${'x'.repeat(43)}`,
    ]) {
      for (const other of [
        `http://${evil}`,
        `https://${evil}`,
        `http://${evil}:80`,
        `gopher://${host()}`,
        `http://${host()}@${evil}`,
      ]) {
        const answer = await send(direct, other + path, [`Host: ${host()}`])
        expect([other + path, answer.status]).toEqual([other + path, expect.toBeOneOf([400, 421])])
        expect(answer.text).not.toContain(evil)
      }
      const slashes = await send(direct, `//${evil}${path}`, [`Host: ${host()}`])
      expect(slashes.status).toBe(404)
      expect(slashes.text).not.toContain(evil)
      const own = await send(direct, `http://${host()}${path}`, [`Host: ${evil}`])
      expect(own.status).toBe(421)
    }
    const own = await send(direct, `http://${host()}/.well-known/openid-configuration`, [`Host: ${host()}`])
    expect(own.text).toContain(`"token_endpoint":"${direct.origin}/token"`)
  })
})

describe('behind a trusted proxy', () => {
  const own = ['Host: 10.0.0.5:3000', 'X-Forwarded-Host: auth.example', 'X-Forwarded-Proto: https']

  test('the forwarded host is the one that counts', async () => {
    expect((await send(behindProxy, '/', own)).status).toBe(200)
    expect((await send(behindProxy, '/', ['Host: auth.example'])).status).toBe(200)
    expect((await send(behindProxy, '/', ['Host: auth.example', `X-Forwarded-Host: ${evil}`])).status).toBe(421)
    expect((await send(behindProxy, '/', ['Host: 10.0.0.5:3000'])).status).toBe(421)
  })

  test('a host that the browser forged stands before the proxy’s own, and is refused', async () => {
    const lists = [`X-Forwarded-Host: ${evil}, auth.example`, `X-Forwarded-Host: auth.example, ${evil}`]
    for (const list of lists) {
      const { status, text } = await send(behindProxy, '/account', ['Host: x', list])
      expect(text).not.toContain(evil)
      expect([303, 421]).toContain(status)
    }
    const twice = ['Host: x', `X-Forwarded-Host: ${evil}`, 'X-Forwarded-Host: auth.example']
    expect((await send(behindProxy, '/', twice)).status).toBe(421)
  })

  test.each(targets)('%s names the issuer and https, whatever else was forwarded', async (target) => {
    const others = proxyHeaders.filter((line) => !/^X-Forwarded-(Host|Proto)/.test(line))
    for (const proto of ['https', 'http', 'gopher', 'http, https']) {
      const headers = ['Host: auth.example', 'X-Forwarded-Host: auth.example', `X-Forwarded-Proto: ${proto}`, ...others]
      const { status, text } = await send(behindProxy, target, headers)
      expect(status).toBeLessThan(500)
      expect(text).not.toMatch(/evil|gopher|:666|http:\/\/auth/)
      for (const line of text.match(/^set-cookie:.*$/gim) ?? []) expect(line).toMatch(/; secure/i)
    }
  })

  test('forwarded headers of a peer that is no proxy of ours are not believed', async () => {
    await using strict = await startTestServer({ settings: { ISSUER: issuer, TRUST_PROXY: '10.0.0.0/8' } })
    expect((await send(strict, '/', ['Host: x', 'X-Forwarded-Host: auth.example'])).status).toBe(421)
    const page = await send(strict, '/', ['Host: auth.example', `X-Forwarded-Host: ${evil}`])
    expect(page.status).toBe(200)
    expect(page.text).not.toContain(evil)
  })
})

test('health answers under any name, for those who know the server by its address', async () => {
  expect((await send(direct, '/health/live', ['Host: 10.0.0.5'])).status).toBe(200)
  expect((await send(direct, '/health/ready', ['Host: 10.0.0.5'])).status).toBe(200)
})
