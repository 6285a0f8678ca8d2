import { calculateJwkThumbprint, exportJWK, generateKeyPair } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { authorize, endpoint, isActive, pkce } from '../support/authorize.ts'
import { postgresTest } from '../support/database.ts'
import { type DpopKey, dpopKey } from '../support/dpop.ts'
import { startNodes } from '../support/nodes.ts'
import { startTestServer, type TestClient, type TestServer } from '../support/server.ts'
import { toy } from '../support/toy-provider.ts'

let server: TestServer
let client: TestClient
let key: DpopKey
beforeAll(async () => {
  server = await startTestServer({ providers: [toy()] })
  client = await server.client('spa')
  key = await dpopKey()
})
afterAll(() => server.stop())

interface Answer {
  status: number
  headers: Headers
  body: Record<string, unknown>
}

async function ask(at: TestServer, form: Record<string, string>, proof?: string): Promise<Answer> {
  const response = await fetch(`${at.origin}/token`, {
    method: 'POST',
    headers: proof === undefined ? {} : { dpop: proof },
    body: new URLSearchParams({ ...form, client_id: client.id }),
  })
  return { status: response.status, headers: response.headers, body: (await response.json()) as Answer['body'] }
}

const tokenUrl = (at: TestServer) => `${at.origin}/token`
const userinfoUrl = (at: TestServer) => `${at.origin}/userinfo`

/** Tokens that are bound to the key. */
async function bound(at = server, holder = key): Promise<{ access: string; refresh: string }> {
  const proof = pkce()
  const callback = await authorize(at.visitor(), client, proof, { extra: { scope: 'openid offline_access' } })
  const form = {
    grant_type: 'authorization_code',
    code: callback.searchParams.get('code') ?? '',
    redirect_uri: client.redirectUri,
    code_verifier: proof.verifier,
  }
  const { status, body } = await ask(at, form, await holder.proof('POST', tokenUrl(at)))
  expect([status, body['token_type']]).toEqual([200, 'DPoP'])
  return { access: String(body['access_token']), refresh: String(body['refresh_token']) }
}

function refresh(at: TestServer, refreshToken: string, proof?: string): Promise<Answer> {
  return ask(at, { grant_type: 'refresh_token', refresh_token: refreshToken }, proof)
}

function userinfo(at: TestServer, scheme: string, access: string, proof?: string): Promise<Response> {
  const headers = { authorization: `${scheme} ${access}`, ...(proof === undefined ? {} : { dpop: proof }) }
  return fetch(userinfoUrl(at), { headers })
}

test('a bound token works with a proof of its key, and says to whom it is bound', async () => {
  const { access } = await bound()
  const answer = await userinfo(server, 'DPoP', access, await key.proof('GET', userinfoUrl(server), { access }))
  expect(answer.status).toBe(200)
  const { body } = await endpoint(server, client, '/introspect', { token: access })
  expect(body).toMatchObject({ active: true, token_type: 'DPoP', cnf: { jkt: expect.stringMatching(/^[\w-]{43}$/) } })
})

describe('a bound access token is refused (RFC 9449 §7)', () => {
  const url = () => userinfoUrl(server)
  test.for<[string, string, (access: string) => Promise<string> | undefined]>([
    ['as Bearer', 'Bearer', () => undefined],
    ['as Bearer beside a proof', 'Bearer', (access) => key.proof('GET', url(), { access })],
    ['without a proof', 'DPoP', () => undefined],
    ['with a proof of another key', 'DPoP', async (access) => (await dpopKey()).proof('GET', url(), { access })],
    ['with a proof for another method', 'DPoP', (access) => key.proof('POST', url(), { access })],
    ['with a proof for another address', 'DPoP', (access) => key.proof('GET', tokenUrl(server), { access })],
    [
      'with a proof for another host',
      'DPoP',
      (access) => key.proof('GET', 'https://evil.example/userinfo', { access }),
    ],
    ['with a proof for another token', 'DPoP', () => key.proof('GET', url(), { access: 'another' })],
    ['with a proof for no token', 'DPoP', () => key.proof('GET', url())],
    [
      'with a proof from long ago',
      'DPoP',
      (access) => key.proof('GET', url(), { access, claims: { iat: Math.floor(Date.now() / 1000) - 3600 } }),
    ],
    [
      'with a proof from the future',
      'DPoP',
      (access) => key.proof('GET', url(), { access, claims: { iat: Math.floor(Date.now() / 1000) + 3600 } }),
    ],
    ['with a proof without an id', 'DPoP', (access) => key.proof('GET', url(), { access, claims: { jti: undefined } })],
    [
      'with a proof without a time',
      'DPoP',
      (access) => key.proof('GET', url(), { access, claims: { iat: undefined } }),
    ],
    ['with a proof of another type', 'DPoP', (access) => key.proof('GET', url(), { access, header: { typ: 'JWT' } })],
    [
      'with a nonce that nobody gave',
      'DPoP',
      (access) => key.proof('GET', url(), { access, claims: { nonce: 'made-up' } }),
    ],
    ['with something that is no proof', 'DPoP', async () => 'a.b.c'],
  ])('%s', async ([, scheme, make]) => {
    const { access } = await bound()
    const answer = await userinfo(server, scheme, access, await make(access))
    expect([400, 401]).toContain(answer.status)
    expect(answer.headers.get('www-authenticate') ?? '').toMatch(/DPoP|Bearer/)
    expect(await isActive(server, client, access)).toBe(true)
  })
})

test('an unbound token does not become a bound one', async () => {
  const proof = pkce()
  const callback = await authorize(server.visitor(), client, proof)
  const { body } = await endpoint(server, client, '/token', {
    grant_type: 'authorization_code',
    code: callback.searchParams.get('code') ?? '',
    redirect_uri: client.redirectUri,
    code_verifier: proof.verifier,
  })
  const access = String(body.access_token)
  const answer = await userinfo(server, 'DPoP', access, await key.proof('GET', userinfoUrl(server), { access }))
  expect(answer.status).toBe(401)
})

test('a bound refresh token needs its key, also inside the grace, and no try of another key harms it', async () => {
  const { refresh: first } = await bound()
  const other = await dpopKey()
  const refused = { status: 400, body: { error: 'invalid_grant' } }
  expect(await refresh(server, first, await other.proof('POST', tokenUrl(server)))).toMatchObject(refused)
  expect(await refresh(server, first)).toMatchObject({ status: 400 })
  const second = await refresh(server, first, await key.proof('POST', tokenUrl(server)))
  expect(second.status).toBe(200)
  expect(await refresh(server, first, await other.proof('POST', tokenUrl(server)))).toMatchObject(refused)
  expect((await refresh(server, first)).status).toBe(400)
  const again = await refresh(server, first, await key.proof('POST', tokenUrl(server)))
  expect(again.body['refresh_token']).toBe(second.body['refresh_token'])
  const third = await refresh(server, String(second.body['refresh_token']), await key.proof('POST', tokenUrl(server)))
  expect(third.status).toBe(200)
})

test('a code that was asked for with a key is redeemed with that key only (RFC 9449 §10)', async () => {
  const elsewhere = await calculateJwkThumbprint(await exportJWK((await generateKeyPair('ES256')).publicKey))
  const proof = pkce()
  const extra = { scope: 'openid', dpop_jkt: elsewhere }
  const callback = await authorize(server.visitor(), client, proof, { extra })
  const form = {
    grant_type: 'authorization_code',
    code: callback.searchParams.get('code') ?? '',
    redirect_uri: client.redirectUri,
    code_verifier: proof.verifier,
  }
  expect((await ask(server, form, await key.proof('POST', tokenUrl(server)))).status).toBe(400)
  expect((await ask(server, form)).status).toBe(400)
})

test('a proof is accepted once; its replay is named as such and ends nothing (RFC 9449 §11.1)', async () => {
  const { access, refresh: refreshToken } = await bound()
  const used = await key.proof('GET', userinfoUrl(server), { access })
  expect((await userinfo(server, 'DPoP', access, used)).status).toBe(200)
  const replay = await userinfo(server, 'DPoP', access, used)
  expect(replay.status).toBe(401)
  expect(replay.headers.get('www-authenticate')).toMatch(/^DPoP .*error="invalid_/)
  const fresh = await key.proof('GET', userinfoUrl(server), { access })
  expect((await userinfo(server, 'DPoP', access, fresh)).status).toBe(200)
  expect((await refresh(server, refreshToken, await key.proof('POST', tokenUrl(server)))).status).toBe(200)
})

/** One issuer for both nodes, whose TLS proxy is this test. */
const balanced = { ISSUER: 'https://auth.example', TRUST_PROXY: '127.0.0.0/8' }

postgresTest('of 20 who present one proof at once on two nodes one is let in', async () => {
  await using nodes = await startNodes({ providers: [toy()], settings: balanced })
  const { first, second } = nodes
  const own = await first.client('service')
  const basic = `Basic ${Buffer.from(`${own.id}:${own.secret}`).toString('base64')}`
  const outcomes = new Set<string>()
  for (let round = 0; round < 3; round += 1) {
    const proof = await key.proof('POST', `${first.origin}/token`)
    const answers = await Promise.all(
      Array.from({ length: 20 }, async (_, number) => {
        const node = number % 2 === 0 ? first : second
        const { status, body } = await throughProxy(node, { authorization: basic, dpop: proof })
        outcomes.add(`${status} ${body['error'] ?? ''}`)
        return status
      }),
    )
    expect(answers.filter((status) => status === 200)).toHaveLength(1)
  }
  expect([...outcomes].sort()).toEqual(['200 ', '400 invalid_grant'])
})

postgresTest('a nonce that one node gave is good at the other one (RFC 9449 §8)', async () => {
  await using nodes = await startNodes({ providers: [toy()], settings: balanced })
  const { first, second } = nodes
  const own = await first.client('service')
  const basic = `Basic ${Buffer.from(`${own.id}:${own.secret}`).toString('base64')}`
  const url = `${first.origin}/token`
  const old = await key.proof('POST', url, { claims: { iat: Math.floor(Date.now() / 1000) - 3600 } })
  const asked = await throughProxy(first, { authorization: basic, dpop: old })
  expect(asked.body['error']).toBe('use_dpop_nonce')
  const nonce = asked.headers.get('dpop-nonce') ?? ''
  const iat = Math.floor(Date.now() / 1000) - 3600
  const proof = await key.proof('POST', url, { claims: { iat, nonce } })
  expect((await throughProxy(second, { authorization: basic, dpop: proof })).status).toBe(200)
})

async function throughProxy(node: TestServer, headers: Record<string, string>): Promise<Answer> {
  const response = await fetch(`${node.address}/token`, {
    method: 'POST',
    headers: { ...headers, 'x-forwarded-host': new URL(node.origin).host },
    body: new URLSearchParams({ grant_type: 'client_credentials' }),
  })
  return { status: response.status, headers: response.headers, body: (await response.json()) as Answer['body'] }
}
