import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { accounts as accountStore } from '../../../adapters/postgres/accounts.ts'
import { audit as auditStore } from '../../../adapters/postgres/audit.ts'
import { clients as clientStore } from '../../../adapters/postgres/clients.ts'
import { openPostgres } from '../../../adapters/postgres/database.ts'
import { grants as grantStore } from '../../../adapters/postgres/grants.ts'
import { userInfo } from '../../../server/ifttt/user-info.ts'
import { authorize, pkce, signedIn, tokensOf } from '../../support/authorize.ts'
import { openPostgresDatabase, postgresTest } from '../../support/database.ts'
import { iftttClient } from '../../support/ifttt-client.ts'
import { wire } from '../../support/outage.ts'
import { startTestServer, type TestClient, type TestServer } from '../../support/server.ts'
import { toy } from '../../support/toy-provider.ts'

const key = 'a-service-key-of-ifttt'
const olderKey = 'the-service-key-before'
const now = () => new Date()

let server: TestServer
let bare: TestServer
let client: TestClient
beforeAll(async () => {
  server = await startTestServer({ providers: [toy()], settings: { IFTTT_SERVICE_KEYS: `${key},${olderKey}` } })
  bare = await startTestServer()
  client = await iftttClient(server)
})
afterAll(async () => {
  await server.stop()
  await bare.stop()
})

interface Asked {
  method?: string
  headers?: Record<string, string>
  body?: string
}

async function ask(path: string, { method = 'GET', headers = {}, body }: Asked = {}, at = server) {
  const response = await fetch(`${at.origin}/ifttt/v1${path}`, {
    method,
    headers: { accept: 'application/json', 'content-type': 'application/json', ...headers },
    ...(body === undefined ? {} : { body }),
  })
  const text = await response.text()
  expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8')
  expect(response.headers.get('cache-control')).toBe('no-store')
  return { status: response.status, headers: response.headers, body: text === '' ? undefined : JSON.parse(text) }
}

const withKey = (value = key) => ({ 'ifttt-service-key': value })
const withToken = (value: string) => ({ authorization: `Bearer ${value}` })
const errors = { errors: [{ message: expect.any(String) }] }

async function setUp(): Promise<string> {
  const { body } = await ask('/test/setup', { method: 'POST', headers: withKey() })
  return body.data.accessToken
}

/** Connects IFTTT for a person of the toy provider, as IFTTT does: no PKCE, scope ifttt. */
async function connected(name: string) {
  const extra = { scope: 'ifttt', code_challenge: undefined, code_challenge_method: undefined }
  const callback = await authorize(server.visitor(), client, pkce(), { name, extra })
  const form = new URLSearchParams({
    grant_type: 'authorization_code',
    code: callback.searchParams.get('code') ?? '',
    client_id: client.id,
    client_secret: client.secret,
    redirect_uri: client.redirectUri,
  })
  const response = await fetch(`${server.origin}/token`, { method: 'POST', body: form })
  return tokensOf({ status: response.status, body: (await response.json()) as never })
}

test('status is 200 and empty with either key, for GET and HEAD', async () => {
  for (const value of [key, olderKey]) {
    expect(await ask('/status', { headers: withKey(value) })).toMatchObject({ status: 200, body: undefined })
  }
  expect((await ask('/status', { method: 'HEAD', headers: withKey() })).status).toBe(200)
})

test.each([
  ['GET', '/status'],
  ['POST', '/test/setup'],
])(
  '%s %s is 401 with errors without the key, with a wrong one, and with the older header alone',
  async (method, path) => {
    for (const headers of [
      {},
      withKey(`${key}x`),
      withKey(''),
      withKey(`${key}, ${key}`),
      { 'ifttt-channel-key': key },
    ]) {
      const { status, body } = await ask(path, { method, headers: headers as Record<string, string> })
      expect({ status, body }).toEqual({ status: 401, body: errors })
    }
  },
)

test('what stands in IFTTT-Channel-Key changes nothing', async () => {
  expect((await ask('/status', { headers: { ...withKey(), 'ifttt-channel-key': 'INVALID' } })).status).toBe(200)
})

test('where no key is set, every key is wrong, and the log says why', async () => {
  for (const value of ['', key, 'undefined']) {
    expect((await ask('/status', { headers: withKey(value) }, bare)).status).toBe(401)
  }
  const lines = ({ logged }: TestServer) => logged.filter((line) => line.includes('a wrong IFTTT-Service-Key'))
  expect(lines(bare).at(-1)).toContain('IFTTT_SERVICE_KEYS is not set')
  await ask('/status', { headers: withKey('wrong') })
  expect(lines(server).at(-1)).not.toContain('is not set')
})

test('an address that sent many wrong keys is told to wait, once in the audit, and the right key still works', async () => {
  const house = await startTestServer({ settings: { IFTTT_SERVICE_KEYS: key } })
  try {
    const wrong = () => ask('/status', { headers: withKey('not-a-key-of-anybody') }, house)
    for (let count = 0; count < 101; count += 1) expect((await wrong()).status).toBe(401)
    for (const answer of [await wrong(), await wrong()]) {
      expect(answer).toMatchObject({ status: 429, body: errors })
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
    }
    expect((await ask('/status', { headers: withKey() }, house)).status).toBe(200)
    const events = await auditStore(house.database.store.db, now).list({ limit: 10 })
    expect(events.map(({ event }) => event)).toEqual(['ifttt.keys-refused'])
    expect(house.logged.join('\n')).not.toContain('not-a-key-of-anybody')
  } finally {
    await house.stop()
  }
})

test('test/setup gives a token of a test account that user/info knows, whatever stands in the body', async () => {
  const bodies = [undefined, '{"random":"key"}', 'no JSON', '[]']
  const ids = new Set<string>()
  for (const body of bodies) {
    const answer = await ask('/test/setup', {
      method: 'POST',
      headers: withKey(),
      ...(body === undefined ? {} : { body }),
    })
    expect(answer).toMatchObject({ status: 200, body: { data: { accessToken: expect.any(String), samples: {} } } })
    const who = await ask('/user/info', { headers: withToken(answer.body.data.accessToken) })
    expect(who).toMatchObject({ status: 200, body: { data: { name: 'IFTTT test account' } } })
    ids.add(who.body.data.id)
  }
  expect(ids.size).toBe(1)
  const [event] = await auditStore(server.database.store.db, now).list({ limit: 1 })
  expect(event).toMatchObject({ event: 'ifttt.test-set-up', accountId: [...ids][0], clientId: client.id })
})

test('tests that are set up at the same time for the first time share one account', async () => {
  const house = await startTestServer({ settings: { IFTTT_SERVICE_KEYS: key } })
  try {
    await iftttClient(house)
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => ask('/test/setup', { method: 'POST', headers: withKey() }, house)),
    )
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200])
    expect(await accountStore(house.database.store.db, now).list({ limit: 10 })).toHaveLength(1)
  } finally {
    await house.stop()
  }
})

test('the token of a test opens nothing but what IFTTT may, and ends after an hour without a way to renew it', async () => {
  const value = await setUp()
  const own = await endpointPost('/introspect', value)
  expect(own).toMatchObject({ active: true, scope: 'ifttt', aud: `${server.origin}/ifttt/v1`, client_id: client.id })
  expect(Number(own['exp']) - Number(own['iat'])).toBe(3600)
  for (const path of ['/userinfo', '/xrpc/com.atproto.server.getSession']) {
    expect([401, 403]).toContain((await fetch(server.origin + path, { headers: withToken(value) })).status)
  }
  const codes = await fetch(`${server.origin}/third-party/ifttt/v1/authorizations`, {
    method: 'POST',
    headers: withToken(value),
    body: new URLSearchParams({ client_id: client.id }),
  })
  expect(codes.status).toBe(403)
  const [grant] = await grantStore(server.database.store.db, now).list({ clientId: client.id })
  expect(grant?.expiresAt.getTime()).toBeLessThan(Date.now() + 3_601_000)
})

async function endpointPost(path: string, value: string) {
  const form = new URLSearchParams({ token: value, client_id: client.id, client_secret: client.secret })
  return (await (await fetch(server.origin + path, { method: 'POST', body: form })).json()) as Record<string, unknown>
}

test('without an IFTTT client, and with the test account disabled, test/setup says what to do', async () => {
  const house = await startTestServer({ settings: { IFTTT_SERVICE_KEYS: key } })
  try {
    const { db } = house.database.store
    const asked = () => ask('/test/setup', { method: 'POST', headers: withKey() }, house)
    expect(await asked()).toMatchObject({ status: 503, body: { errors: [{ message: /client add --profile ifttt/ }] } })
    const added = await iftttClient(house)
    await clientStore(db, now).disable(added.id)
    expect((await asked()).status).toBe(503)
    await clientStore(db, now).enable(added.id)
    expect((await asked()).status).toBe(200)
    const [demo] = await accountStore(db, now).list({ limit: 1 })
    await accountStore(db, now).disable(demo?.id ?? '')
    expect(await asked()).toMatchObject({ status: 503, body: { errors: [{ message: /user enable usr_/ }] } })
  } finally {
    await house.stop()
  }
})

test('user/info tells a name, an id for ever and where to see to the connection, and records the use', async () => {
  const { access } = await connected('carol')
  const grants = grantStore(server.database.store.db, now)
  const first = await ask('/user/info', { headers: withToken(access) })
  expect(first).toMatchObject({
    status: 200,
    body: { data: { name: expect.any(String), id: expect.stringMatching(/^usr_/), url: `${server.origin}/account` } },
  })
  expect(first.body.data.name).not.toBe('')
  const again = await ask('/user/info', { headers: withToken((await connected('carol')).access) })
  expect(again.body).toEqual(first.body)
  const { id } = first.body.data
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 10 * 60_000 })
  try {
    await ask('/user/info', { headers: withToken(access) })
    const used = (await grants.list({ accountId: id })).map(({ lastUsedAt }) => lastUsedAt?.getTime() ?? 0)
    expect(Math.max(...used)).toBeGreaterThanOrEqual(Date.now() - 60_000)
  } finally {
    vi.useRealTimers()
  }
})

test('the name is the one of the account, else the handle, else that of the product; never an e-mail address', async () => {
  const accounts = accountStore(server.database.store.db, now)
  const who = userInfo({ issuer: server.origin, productName: 'Habitat', accounts })
  const named = async (name: string | undefined, identity: { provider: string; subject: string; label: string }) => {
    const account = await accounts.create({ name, email: 'dan@example.com', identity })
    return (await who(account.id))?.name
  }
  const did = (letter: string) => `did:plc:${letter.repeat(24)}`
  const atproto = (letter: string, label: string) => ({ provider: 'atproto', subject: did(letter), label })
  const password = (subject: string) => ({ provider: 'password', subject, label: 'dan@example.com' })
  expect(await named('Dan', atproto('a', 'dan.test'))).toBe('Dan')
  expect(await named(undefined, atproto('b', 'erin.test'))).toBe('erin.test')
  expect(await named(undefined, atproto('c', did('c')))).toBe('Habitat account')
  expect(await named(undefined, password('1'))).toBe('Habitat account')
  expect(await named('dan@example.com', password('2'))).toBe('Habitat account')
})

test('a token that opens nothing is a 401 with errors, whatever the reason, and a challenge (RFC 6750 §3)', async () => {
  const web = await server.client('web')
  const elsewhere = await signedIn(server, web)
  const revoked = await connected('frank')
  const { db } = server.database.store
  const { sub } = await endpointPost('/introspect', revoked.access)
  await grantStore(db, now).revoke({ accountId: String(sub), clientId: client.id })
  const disabled = await connected('grace')
  await accountStore(db, now).disable(String((await endpointPost('/introspect', disabled.access))['sub']))
  const tokens = ['INVALID', elsewhere.access, revoked.access, revoked.refresh, disabled.access]
  for (const value of tokens) {
    const { status, headers, body } = await ask('/user/info', { headers: withToken(value) })
    expect({ status, body }).toEqual({ status: 401, body: errors })
    expect(headers.get('www-authenticate')).toMatch(/^Bearer .*error="invalid_token"/)
  }
  const none = await ask('/user/info', { headers: withKey() })
  expect(none).toMatchObject({ status: 401, body: errors })
  expect(none.headers.get('www-authenticate')).toContain('/.well-known/oauth-protected-resource/ifttt/v1"')
})

test('an expired token is a 401, a header that holds no token a 400', async () => {
  const value = await setUp()
  for (const authorization of ['Basic YTpi', 'Bearer', 'Bearer a b']) {
    expect(await ask('/user/info', { headers: { authorization } })).toMatchObject({ status: 400, body: errors })
  }
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 3_700_000 })
  try {
    expect(await ask('/user/info', { headers: withToken(value) })).toMatchObject({ status: 401, body: errors })
  } finally {
    vi.useRealTimers()
  }
})

test('what is not here is a 404 with errors, another method a 405 that names the right one', async () => {
  for (const path of ['', '/', '/triggers/new_thing', '/user/info/', '/actions/do/fields/what/options']) {
    expect(await ask(path, { method: 'POST', body: '{}' })).toMatchObject({ status: 404, body: errors })
  }
  const wrong = [
    ['POST', '/status', 'GET, HEAD'],
    ['DELETE', '/user/info', 'GET, HEAD'],
    ['GET', '/test/setup', 'POST'],
  ] as const
  for (const [method, path, allow] of wrong) {
    const answer = await ask(path, { method, headers: withKey() })
    expect(answer).toMatchObject({ status: 405, body: errors })
    expect(answer.headers.get('allow')).toBe(allow)
  }
})

test('a body that is too long is refused', async () => {
  const answer = await ask('/test/setup', { method: 'POST', headers: withKey(), body: ' '.repeat(60_000) })
  expect(answer).toMatchObject({ status: 413, body: errors })
})

postgresTest('while the database is away IFTTT is told to come back later, never that a token is bad', async () => {
  const database = await openPostgresDatabase()
  await using line = await wire(database.url)
  const store = openPostgres(line.url)
  const settings = { IFTTT_SERVICE_KEYS: key }
  const house = await startTestServer({ settings, providers: [toy()], database: { ...database, store } })
  try {
    await iftttClient(house)
    const made = await ask('/test/setup', { method: 'POST', headers: withKey() }, house)
    const value = made.body.data.accessToken
    await line.cut()
    const status = await ask('/status', { headers: withKey() }, house)
    expect(status).toMatchObject({ status: 503, body: undefined })
    const who = await ask('/user/info', { headers: withToken(value) }, house)
    const setting = await ask('/test/setup', { method: 'POST', headers: withKey() }, house)
    for (const answer of [who, setting]) expect(answer).toMatchObject({ status: 503, body: errors })
    for (const { headers } of [status, who, setting]) expect(Number(headers.get('retry-after'))).toBeGreaterThan(0)
    expect((await ask('/status', { headers: withKey('not-a-key-of-anybody') }, house)).status).toBe(401)
    await line.restore()
    await vi.waitFor(async () => {
      expect((await ask('/user/info', { headers: withToken(value) }, house)).status).toBe(200)
    }, 10_000)
  } finally {
    await house.stop()
    await store.close()
    await database.close()
  }
})
