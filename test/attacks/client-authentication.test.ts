import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { clients } from '../../adapters/postgres/clients.ts'
import { hashClientSecret, newClientSecret } from '../../server/oidc/client-secrets.ts'
import { isActive, refresh, signedIn, token } from '../support/authorize.ts'
import { type Clock, clock } from '../support/clock.ts'
import { postgresTest } from '../support/database.ts'
import { startNodes } from '../support/nodes.ts'
import { startTestServer, type TestClient, type TestServer } from '../support/server.ts'
import { toy } from '../support/toy-provider.ts'

let server: TestServer
let service: TestClient
let time: Clock
beforeAll(async () => {
  time = clock(new Date())
  server = await startTestServer({ providers: [toy()], now: time.now })
  service = await server.client('service')
})
afterAll(() => server.stop())

const grant = { grant_type: 'client_credentials' }

interface Answer {
  status: number
  headers: Headers
  body: Record<string, unknown>
}

async function post(headers: Record<string, string>, form: Record<string, string> | string): Promise<Answer> {
  const response = await fetch(`${server.origin}/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    body: typeof form === 'string' ? form : new URLSearchParams(form).toString(),
  })
  return { status: response.status, headers: response.headers, body: (await response.json()) as Answer['body'] }
}

function basic(id: string, secret: string): Record<string, string> {
  return { authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}` }
}

function expectRefused({ status, body }: Answer, name: string): void {
  expect(status === 401 ? 'invalid_client' : 'invalid_request', name).toBe(body['error'])
  expect([400, 401], name).toContain(status)
  expect(body['access_token'], name).toBeUndefined()
  expect(body['reference'], name).toMatch(/^[0-9A-F]{10}$/)
}

test('the secret works, in the header or in the body', async () => {
  expect((await post(basic(service.id, service.secret), grant)).status).toBe(200)
  expect((await post({}, { ...grant, client_id: service.id, client_secret: service.secret })).status).toBe(200)
})

describe('Basic credentials that are wrong or broken (RFC 6749 §2.3.1, RFC 7617)', () => {
  const credentials = (text: string | Buffer) => Buffer.from(text).toString('base64')
  test.for<[string, (it: TestClient) => string]>([
    ['a wrong secret', ({ id }) => `Basic ${credentials(`${id}:${newClientSecret()}`)}`],
    ['an empty secret', ({ id }) => `Basic ${credentials(`${id}:`)}`],
    ['no colon', ({ id }) => `Basic ${credentials(id)}`],
    ['no client id', ({ secret }) => `Basic ${credentials(`:${secret}`)}`],
    ['the stored hash as the secret', ({ id, secret }) => `Basic ${credentials(`${id}:${hashClientSecret(secret)}`)}`],
    ['a secret cut short', ({ id, secret }) => `Basic ${credentials(`${id}:${secret.slice(0, -1)}`)}`],
    ['a secret with more behind it', ({ id, secret }) => `Basic ${credentials(`${id}:${secret}x`)}`],
    ['a space behind the secret', ({ id, secret }) => `Basic ${credentials(`${id}:${secret} `)}`],
    ['a secret in other letters', ({ id, secret }) => `Basic ${credentials(`${id}:${secret.toUpperCase()}`)}`],
    ['an unknown client', ({ secret }) => `Basic ${credentials(`nobody:${secret}`)}`],
    ['a client named like a property', ({ secret }) => `Basic ${credentials(`__proto__:${secret}`)}`],
    ['a NUL in the client id', ({ id, secret }) => `Basic ${credentials(`${id}\0:${secret}`)}`],
    ['an encoded NUL in the client id', ({ id, secret }) => `Basic ${credentials(`${id}%00:${secret}`)}`],
    ['bytes that are no UTF-8', () => `Basic ${credentials(Buffer.from([0xff, 0xfe, 0x3a, 0xff]))}`],
    ['a broken percent sign', ({ id }) => `Basic ${credentials(`${id}%zz:x`)}`],
    ['no base64', () => 'Basic !!!'],
    ['nothing behind the scheme', () => 'Basic '],
    ['the scheme alone', () => 'Basic'],
    ['another scheme', ({ id, secret }) => `Digest ${credentials(`${id}:${secret}`)}`],
    ['Bearer with the secret', ({ secret }) => `Bearer ${secret}`],
    ['two spaces', ({ id, secret }) => `Basic  ${credentials(`${id}:${secret}`)}`],
    ['more behind it', ({ id, secret }) => `Basic ${credentials(`${id}:${secret}`)}, Basic ${credentials('a:b')}`],
  ])('%s', async ([name, header]) => {
    expectRefused(await post({ authorization: header(service) }, grant), name)
  })
})

test('two methods at once are refused, also when both are right (RFC 6749 §2.3)', async () => {
  const both = { ...grant, client_id: service.id, client_secret: service.secret }
  const answer = await post(basic(service.id, service.secret), both)
  expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_request' } })
  expectRefused(await post(basic(service.id, service.secret), { ...grant, client_assertion: 'a.b.c' }), 'assertion')
})

test('a client id beside the header must be the same one', async () => {
  const other = await server.client('service')
  expectRefused(await post(basic(service.id, service.secret), { ...grant, client_id: other.id }), 'other')
  expect((await post(basic(service.id, service.secret), { ...grant, client_id: service.id })).status).toBe(200)
})

test('a confidential client without its secret is refused, with a challenge where it tried the header', async () => {
  expectRefused(await post({}, { ...grant, client_id: service.id }), 'none')
  expectRefused(await post({}, { ...grant, client_id: service.id, client_secret: '' }), 'empty')
  const challenged = await post(basic(service.id, 'wrong'), grant)
  expect(challenged.headers.get('www-authenticate')).toMatch(/^Basic realm=/)
})

test('a public client that sends a secret is refused: it has none to send', async () => {
  const client = await server.client('spa')
  const { refresh: refreshToken } = await signedIn(server, client)
  const form = { grant_type: 'refresh_token', refresh_token: refreshToken }
  for (const secret of ['x', 'undefined', '""', newClientSecret()]) {
    expectRefused(await post({}, { ...form, client_id: client.id, client_secret: secret }), secret)
    expectRefused(await post(basic(client.id, secret), form), secret)
  }
  expect((await post({}, { ...form, client_id: client.id })).status).toBe(200)
})

test('every failure reads the same: nobody learns which client ids there are', async () => {
  const web = await server.client('web')
  const disabled = await server.client('service')
  await clients(server.database.store.db, time.now).disable(disabled.id)
  const answers = await Promise.all([
    post(basic('nobody', 'x'), grant),
    post(basic(service.id, 'x'), grant),
    post(basic(web.id, 'x'), grant),
    post(basic(disabled.id, disabled.secret), grant),
  ])
  const [first, ...others] = answers.map(({ status, headers, body: { reference: _, ...body } }) => ({
    status,
    body,
    challenge: headers.get('www-authenticate'),
  }))
  expect(first).toMatchObject({ status: 401, body: { error: 'invalid_client' } })
  for (const other of others) expect(other).toEqual(first)
})

test('the secret before a rotation works until it is revoked', async () => {
  const store = clients(server.database.store.db, time.now)
  const client = await server.client('service')
  const works = async (secret: string) => (await post(basic(client.id, secret), grant)).status === 200
  const [second, third, fourth] = [newClientSecret(), newClientSecret(), newClientSecret()]
  await store.rotateSecret(client.id, hashClientSecret(second))
  time.advance(1.1)
  expect([await works(client.secret), await works(second)]).toEqual([true, true])
  await store.rotateSecret(client.id, hashClientSecret(third))
  time.advance(1.1)
  expect([await works(client.secret), await works(second), await works(third)]).toEqual([false, true, true])
  await store.rotateSecret(client.id, hashClientSecret(fourth), { revokeOld: true })
  time.advance(1.1)
  expect([await works(second), await works(third), await works(fourth)]).toEqual([false, false, true])
})

test('a disabled client is refused within about a second, with everything it holds', async () => {
  const client = await server.client('web')
  const tokens = await signedIn(server, client)
  const userinfo = () => fetch(`${server.origin}/userinfo`, { headers: { authorization: `Bearer ${tokens.access}` } })
  expect((await userinfo()).status).toBe(200)
  await clients(server.database.store.db, time.now).disable(client.id)
  time.advance(1.1)
  expect(await refresh(server, client, tokens.refresh)).toMatchObject({
    status: 401,
    body: { error: 'invalid_client' },
  })
  expect((await userinfo()).status).toBe(401)
  const page = await server.visitor().request(`/authorize?client_id=${client.id}&response_type=code&scope=openid`)
  expect([page.status, page.headers.get('location')]).toEqual([400, null])
  await clients(server.database.store.db, time.now).enable(client.id)
  time.advance(1.1)
  expect(await isActive(server, client, tokens.access)).toBe(true)
})

test('a client without secret hashes is not let in by an empty or odd secret', async () => {
  const client = await server.client('service')
  await clients(server.database.store.db, time.now).setSecretHashes(client.id, [])
  time.advance(1.1)
  for (const secret of ['', ' ', 'undefined', 'null', 'sha256:', client.secret]) {
    const answer = await post({}, { ...grant, client_id: client.id, client_secret: secret })
    expect(answer.body['access_token'], secret).toBeUndefined()
    expect(answer.status, secret).toBeLessThan(500)
  }
})

test('grants that a client was not registered for are refused', async () => {
  const web = await server.client('web')
  const own = await token(server, web, grant)
  expect(own.status).toBe(400)
  expect(['unauthorized_client', 'invalid_request']).toContain(own.body.error)
  for (const grant_type of ['password', 'implicit', '', 'urn:ietf:params:oauth:grant-type:jwt-bearer', '__proto__']) {
    const answer = await token(server, web, { grant_type, username: 'alice', password: 'secret' })
    expect(answer.status, grant_type).toBe(400)
    expect(['unsupported_grant_type', 'invalid_request'], grant_type).toContain(answer.body.error)
  }
})

postgresTest('a signed client assertion is accepted once, by one of two nodes (RFC 7523 §3)', async () => {
  await using nodes = await startNodes()
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const client = await nodes.first.client('service', {
    token_endpoint_auth_method: 'private_key_jwt',
    jwks: { keys: [{ ...publicKey.export({ format: 'jwk' }), alg: 'ES256', use: 'sig', kid: 'one' }] },
  })
  for (let round = 0; round < 3; round += 1) {
    const assertion = await new SignJWT()
      .setProtectedHeader({ alg: 'ES256', kid: 'one' })
      .setIssuer(client.id)
      .setSubject(client.id)
      .setAudience(nodes.first.origin)
      .setJti(randomBytes(16).toString('hex'))
      .setIssuedAt()
      .setExpirationTime('1m')
      .sign(privateKey)
    const answers = await Promise.all(
      Array.from({ length: 20 }, () =>
        fetch(`${nodes.first.origin}/token`, {
          method: 'POST',
          body: new URLSearchParams({
            ...grant,
            client_assertion: assertion,
            client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
          }),
        }),
      ),
    )
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    for (const answer of answers) {
      if (answer.status !== 200) expect(await answer.json()).toMatchObject({ error: 'invalid_client' })
    }
  }
})
