import { request } from 'node:http'
import type { AddressInfo } from 'node:net'
import Koa from 'koa'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { atprotoClientRoutes } from '../../../server/routes/atproto-client.ts'
import { startTestServer, type TestServer } from '../../support/server.ts'

const path = '/interaction/callback/atproto'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

test('a callback at 127.0.0.1 goes on to the issuer on localhost, with its query (RFC 8252 §7.3)', async () => {
  const { port } = new URL(server.origin)
  const answer = await ask(`${path}?state=a%2Fb&code=c&iss=http%3A%2F%2Fpds`, `127.0.0.1:${port}`)
  expect(answer.status).toBe(303)
  expect(answer.location).toBe(`${server.origin}${path}?state=a%2Fb&code=c&iss=http%3A%2F%2Fpds`)
})

test('nothing but that one address is answered under another host name', async () => {
  const { port } = new URL(server.origin)
  const host = `127.0.0.1:${port}`
  for (const other of [
    `${path}/`,
    `${path}x`,
    `/${path}`,
    '/interaction/callback/password',
    '/interaction/callback/%61tproto',
    '/',
    `http://evil.example${path}`,
    `//evil.example${path}`,
    '/authorize',
  ]) {
    const answer = await ask(other, host)
    expect([other, answer.status]).toEqual([other, 421])
    expect(answer.location).toBeUndefined()
  }
  expect((await ask(path, host, 'POST')).status).toBe(421)
  for (const foreign of ['evil.example', '127.0.0.1', '127.0.0.1:1', `[::1]:${port}`]) {
    expect((await ask(path, foreign)).status).toBe(421)
  }
})

test.each(['?//evil.example', '?x=\\evil.example', '?a?b', '?state=%0d%0aset-cookie:x'])(
  'the query %s leads to the issuer and nowhere else',
  async (query) => {
    const { port } = new URL(server.origin)
    const answer = await ask(`${path}${query}`, `127.0.0.1:${port}`)
    expect(new URL(answer.location ?? '').origin).toBe(server.origin)
    expect(answer.location).not.toMatch(/[\r\n]/)
  },
)

test('on a developer’s machine there are no documents of a client', async () => {
  for (const name of ['client-metadata.json', 'jwks.json']) {
    expect((await server.visitor().get(`/atproto/${name}`)).status).toBe(404)
  }
})

test('the documents are JSON that may be cached', async () => {
  const documents = { metadata: { client_id: 'https://auth.example/atproto/client-metadata.json' }, jwks: { keys: [] } }
  const app = new Koa()
  app.use(atprotoClientRoutes({ documents: async () => documents }))
  const listening = app.listen(0)
  const origin = `http://localhost:${(listening.address() as AddressInfo).port}`
  for (const [name, content] of [
    ['client-metadata.json', documents.metadata],
    ['jwks.json', documents.jwks],
  ] as const) {
    const answer = await fetch(`${origin}/atproto/${name}`)
    expect(answer.headers.get('content-type')).toBe('application/json')
    expect(answer.headers.get('cache-control')).toBe('public, max-age=600')
    expect(await answer.json()).toEqual(content)
  }
  listening.close()
})

function ask(target: string, host: string, method = 'GET'): Promise<{ status: number; location: string | undefined }> {
  const { port } = new URL(server.address)
  return new Promise((resolve, reject) => {
    const sent = request(
      { host: 'localhost', port, path: target, method, headers: { host }, agent: false },
      (answer) => {
        answer.resume()
        resolve({ status: answer.statusCode ?? 0, location: answer.headers.location })
      },
    )
    sent.on('error', reject)
    sent.end()
  })
}
