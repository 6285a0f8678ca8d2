/** The example API: what it opens to, and how it says no (RFC 9068 §4, RFC 6750 §3, RFC 9728). */
import type { webcrypto } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { oktoApi } from '../../examples/okto-api/api.ts'

const { privateKey, publicKey } = await generateKeyPair('ES256')
const other = await generateKeyPair('ES256')
const rsa = await generateKeyPair('RS256')
let issuer: string
let api: string
const resource = 'https://okto.example/'
const servers: Server[] = []
let jwksStatus = 200

async function listen(server: Server): Promise<string> {
  servers.push(server.listen(0, '127.0.0.1'))
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

beforeAll(async () => {
  const [ec, rs] = [await exportJWK(publicKey), await exportJWK(rsa.publicKey)]
  const keys = {
    keys: [
      { ...ec, kid: 'one', alg: 'ES256' },
      { ...rs, kid: 'rsa', alg: 'RS256' },
    ],
  }
  issuer = await listen(
    createServer((request, response) => {
      const isKeys = request.url === '/jwks'
      response.writeHead(isKeys ? jwksStatus : 200, { 'content-type': 'application/json' })
      response.end(JSON.stringify(isKeys ? keys : { issuer, jwks_uri: `${issuer}/jwks` }))
    }),
  )
  api = await listen(createServer(oktoApi({ issuer, resource, onError: console.error })))
})
afterAll(() => {
  for (const server of servers) server.close().closeAllConnections()
})

interface Made {
  claims?: JWTPayload
  header?: Record<string, unknown>
  key?: webcrypto.CryptoKey
  /** Seconds from now. */
  expires?: number
}

function token({ claims, header, key = privateKey, expires = 60 }: Made = {}): Promise<string> {
  const now = Math.floor(Date.now() / 1000)
  const usual = {
    iss: issuer,
    aud: resource,
    sub: 'dana',
    client_id: 'c',
    scope: 'openid okto:read',
    exp: now + expires,
  }
  return new SignJWT({ ...usual, ...claims })
    .setProtectedHeader({ alg: 'ES256', kid: 'one', typ: 'at+jwt', ...header })
    .sign(key)
}

async function ask(bearer: string | undefined, [method, path]: [string, string] = ['GET', '/me'], body?: string) {
  const authorization: Record<string, string> = bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }
  const answer = await fetch(api + path, { method, headers: authorization, ...(body === undefined ? {} : { body }) })
  return { status: answer.status, challenge: answer.headers.get('www-authenticate'), body: await answer.json() }
}

const where = 'resource_metadata="https://okto.example/.well-known/oauth-protected-resource"'

test('opens to a token of its server for it, and knows the person by the subject alone', async () => {
  expect(await ask(await token())).toEqual({ status: 200, challenge: null, body: { id: 'dana', notes: [] } })
  const scheme = await fetch(`${api}/me`, { headers: { authorization: `bearer ${await token()}` } })
  expect(scheme.status).toBe(200)
})

test('opens to a token with several audiences, one of which it is', async () => {
  expect((await ask(await token({ claims: { aud: ['https://else.example', resource] } }))).status).toBe(200)
})

describe('401 and invalid_token for', () => {
  test.for<[name: string, make: () => Promise<string>]>([
    ['another audience', () => token({ claims: { aud: 'https://okto.example' } })],
    ['no audience', () => token({ claims: { aud: undefined as never } })],
    ['another issuer', () => token({ claims: { iss: 'https://auth.evil' } })],
    ['one that has expired', () => token({ expires: -1 })],
    ['one that never expires', () => token({ claims: { exp: undefined as never } })],
    ['one that is not valid yet', () => token({ claims: { nbf: Math.floor(Date.now() / 1000) + 60 } })],
    ['no subject', () => token({ claims: { sub: undefined as never } })],
    ['an ID token (RFC 9068 §4: typ)', () => token({ header: { typ: 'JWT' } })],
    ['another key under the same id', () => token({ key: other.privateKey })],
    ['a key that is not there', () => token({ header: { kid: 'two' } })],
    [
      'another algorithm, of a key that is there',
      () => token({ header: { alg: 'RS256', kid: 'rsa' }, key: rsa.privateKey }),
    ],
    [
      'one without a signature',
      async () => `${btoa('{"alg":"none","typ":"at+jwt"}')}.${(await token()).split('.')[1]}.`,
    ],
    [
      'changed claims',
      async () => (await token()).replace(/\.[^.]+\./, `.${btoa('{"sub":"erin"}').replace(/=+$/, '')}.`),
    ],
    ['one that is bound to a key (RFC 9449 §7.2)', () => token({ claims: { cnf: { jkt: 'x' } } })],
    ['an opaque token', async () => 'opaque-token-of-43-characters-or-thereabouts'],
  ])('%s', async ([, make]) => {
    const { status, challenge } = await ask(await make())
    expect([status, challenge]).toEqual([401, `Bearer error="invalid_token", ${where}`])
  })
})

test('401 without an error for no token at all, or another scheme (RFC 6750 §3.1)', async () => {
  const expected = [401, `Bearer scope="okto:read", ${where}`]
  const { status, challenge } = await ask(undefined)
  expect([status, challenge]).toEqual(expected)
  const basic = await fetch(`${api}/me`, { headers: { authorization: `Basic ${await token()}` } })
  expect([basic.status, basic.headers.get('www-authenticate')]).toEqual(expected)
  const query = await fetch(`${api}/me?access_token=${await token()}`)
  expect(query.status).toBe(404)
})

test.for(['okto:read', 'openid', '', 'okto:writer', 'okto:write:more'])(
  '403 and the missing scope to write with the scope "%s"',
  async (scope) => {
    const { status, challenge } = await ask(await token({ claims: { scope } }), ['POST', '/notes'], '{"text":"x"}')
    expect([status, challenge]).toEqual([403, `Bearer error="insufficient_scope", scope="okto:write", ${where}`])
  },
)

test('keeps the notes of each person apart', async () => {
  const erin = await token({ claims: { sub: 'erin', scope: 'okto:read okto:write' } })
  expect(await ask(erin, ['POST', '/notes'], '{"text":"Buy milk","more":1}')).toMatchObject({
    status: 201,
    body: { notes: 1 },
  })
  expect((await ask(erin)).body).toEqual({ id: 'erin', notes: ['Buy milk'] })
  expect((await ask(await token())).body).toEqual({ id: 'dana', notes: [] })
})

test.for<[body: string, status: number]>([
  ['', 400],
  ['no JSON', 400],
  ['null', 400],
  ['[]', 400],
  ['{"text":" "}', 400],
  ['{"text":1}', 400],
  [`{"text":"${'x'.repeat(10_001)}"}`, 413],
])('a body that is no note is refused: %#', async ([body, status]) => {
  const writer = await token({ claims: { sub: 'frank', scope: 'okto:read okto:write' } })
  expect((await ask(writer, ['POST', '/notes'], body)).status).toBe(status)
  expect((await ask(writer)).body).toMatchObject({ notes: [] })
})

test('tells where its tokens come from (RFC 9728 §3.2)', async () => {
  const { status, body } = await ask(undefined, ['GET', '/.well-known/oauth-protected-resource'])
  expect([status, body]).toEqual([
    200,
    {
      resource,
      resource_name: 'okto',
      authorization_servers: [issuer],
      scopes_supported: ['okto:read', 'okto:write'],
      bearer_methods_supported: ['header'],
    },
  ])
})

test('503 while the keys cannot be had: no token is called wrong because of that; and on once they can', async () => {
  for (const at of [issuer, 'http://127.0.0.1:1']) {
    const lonely = await listen(createServer(oktoApi({ issuer: at, resource, onError: console.error })))
    const me = async () =>
      (await fetch(`${lonely}/me`, { headers: { authorization: `Bearer ${await token()}` } })).status
    jwksStatus = 500
    expect([at, await me()]).toEqual([at, 503])
    jwksStatus = 200
    expect([at, await me()]).toEqual([at, at === issuer ? 200 : 503])
  }
})
