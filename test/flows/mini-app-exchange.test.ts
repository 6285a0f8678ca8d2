/** A Mini App exchanges what Telegram told it of the person for tokens (RFC 8693), at the whole server. */
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { authorizeUrl, pkce } from '../support/authorize.ts'
import { postgresTest } from '../support/database.ts'
import { dpopKey } from '../support/dpop.ts'
import {
  aigerim,
  bolat,
  initDataOf,
  type Opening,
  type TelegramUser,
  testBotToken,
  thirdPartyKey,
} from '../support/fakes/mini-app.ts'
import { startNodes } from '../support/nodes.ts'
import { startTestServer, type TestClient, type TestServer } from '../support/server.ts'

const grant = 'urn:ietf:params:oauth:grant-type:token-exchange'
const type = 'urn:habitat:params:oauth:token-type:telegram-init-data'
const api = 'https://api.example'
const theirs = thirdPartyKey()

let server: TestServer
/** First-party, of our own bot. */
let ours: TestClient
beforeAll(async () => {
  server = await startTestServer({
    settings: {
      TELEGRAM_BOT_TOKEN: testBotToken,
      // Nobody is there: what Telegram signed is judged without it.
      TELEGRAM_API_ROOT: 'http://127.0.0.1:9',
      TELEGRAM_MINI_APP_KEY: theirs.publicHex,
    },
  })
  ours = await server.client('mini-app', {
    first_party: true,
    scope: 'openid profile',
    resource_scopes: 'notes.read notes.write',
  })
  await server.resource(api, ['notes.read', 'notes.write'])
  await server.resource(`${api}/jwt`, ['notes.read'], 'jwt')
})
afterAll(() => server.stop())
beforeEach(async () => {
  vi.useRealTimers()
  await server.database.store.db.deleteFrom('limits').execute()
})

interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: Record<string, unknown>
}

async function token(
  form: Record<string, string>,
  headers: Record<string, string> = {},
  { address }: TestServer = server,
): Promise<Answer> {
  const response = await fetch(`${address}/token`, { method: 'POST', body: new URLSearchParams(form), headers })
  return { status: response.status, headers: response.headers, body: (await response.json()) as Answer['body'] }
}

function exchange(
  client: TestClient,
  initData: string,
  further: Record<string, string> = {},
  headers: Record<string, string> = {},
  at: TestServer = server,
): Promise<Answer> {
  const form = { grant_type: grant, client_id: client.id, subject_token: initData, subject_token_type: type }
  return token({ ...form, ...further }, headers, at)
}

async function userinfo(access: unknown): Promise<Record<string, unknown>> {
  const response = await fetch(`${server.address}/userinfo`, { headers: { authorization: `Bearer ${access}` } })
  return (await response.json()) as Record<string, unknown>
}

/** Somebody who has an account by now. */
async function known(user: TelegramUser): Promise<string> {
  const { body } = await exchange(ours, initDataOf({ user }))
  return String((await userinfo(body['access_token']))['sub'])
}

let people = 800000000
function somebody(): TelegramUser {
  people += 1
  return { id: people, first_name: 'Somebody' }
}

describe('an app of ours', () => {
  test('gets an access token and a refresh token for a newcomer, who is an account from then on (RFC 8693 §2.2.1)', async () => {
    const user = { ...aigerim, id: 700000009 }
    const { status, headers, body } = await exchange(ours, initDataOf({ user }), { scope: 'openid profile' })
    expect(body).toEqual({
      access_token: expect.stringMatching(/^[\w-]{43}$/),
      issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      token_type: 'Bearer',
      expires_in: 3600,
      scope: 'openid profile',
      refresh_token: expect.stringMatching(/^[\w-]{43}$/),
      refresh_token_expires_in: 24 * 60 * 60,
      refresh_token_timeout: 24 * 60 * 60,
      authorization_expires_in: 365 * 24 * 60 * 60,
    })
    expect(status).toBe(200)
    expect(headers.get('cache-control')).toContain('no-store')
    const first = await userinfo(body['access_token'])
    expect(first).toMatchObject({ sub: expect.stringMatching(/^usr_/), name: 'Aigerim Bekova' })
    const again = await exchange(ours, initDataOf({ user }), { scope: 'openid profile' })
    expect(await userinfo(again.body['access_token'])).toEqual(first)
    const other = await exchange(ours, initDataOf({ user: bolat }), { scope: 'openid profile' })
    expect((await userinfo(other.body['access_token']))['sub']).not.toBe(first['sub'])
    const { db } = server.database.store
    const rows = await db.selectFrom('identities').selectAll().where('account_id', '=', String(first['sub'])).execute()
    expect(rows).toMatchObject([{ provider: 'telegram', subject: String(user.id), label: '@aigerim' }])
    const events = await db
      .selectFrom('audit_events')
      .selectAll()
      .where('account_id', '=', String(first['sub']))
      .execute()
    expect(events.map(({ event }) => event)).toEqual(['account.created', 'sign-in.succeeded', 'sign-in.succeeded'])
  })

  test('renews the access: each use gives another refresh token, and an old one ends them all (RFC 9700 §4.14)', async () => {
    const { body } = await exchange(ours, initDataOf())
    const renew = (refresh: unknown) =>
      token({ grant_type: 'refresh_token', client_id: ours.id, refresh_token: String(refresh) })
    const renewed = await renew(body['refresh_token'])
    expect(renewed.status).toBe(200)
    expect(renewed.body['refresh_token']).not.toBe(body['refresh_token'])
    expect(await userinfo(renewed.body['access_token'])).toHaveProperty('sub')
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 60_000 })
    expect((await renew(body['refresh_token'])).body['error']).toBe('invalid_grant')
    expect((await renew(renewed.body['refresh_token'])).body['error']).toBe('invalid_grant')
  })

  test('ends its access by revocation, and that of another opening goes on (RFC 7009)', async () => {
    const [first, second] = [await exchange(ours, initDataOf()), await exchange(ours, initDataOf())]
    const body = new URLSearchParams({ client_id: ours.id, token: String(first.body['access_token']) })
    await fetch(`${server.address}/revoke`, { method: 'POST', body })
    expect(await userinfo(first.body['access_token'])).not.toHaveProperty('sub')
    expect(await userinfo(second.body['access_token'])).toHaveProperty('sub')
  })

  test('gets a token for an API that it names, with its scopes there (RFC 8707 §2.2)', async () => {
    const named = { resource: api, scope: 'openid notes.read' }
    const { status, body } = await exchange(ours, initDataOf(), named)
    expect([status, body['scope'], body['expires_in']]).toEqual([200, 'notes.read', 600])
    const { db } = server.database.store
    const rows = await db.selectFrom('artifacts').selectAll().where('client_id', '=', ours.id).execute()
    const payloads = rows.map(({ payload }) => payload as Record<string, unknown>)
    expect(payloads).toContainEqual(expect.objectContaining({ kind: 'AccessToken', aud: api, scope: 'notes.read' }))
    const form = { grant_type: 'refresh_token', client_id: ours.id, refresh_token: String(body['refresh_token']) }
    expect((await token(form)).body['scope']).toBe('notes.read')
    const jwt = await exchange(ours, initDataOf(), { ...named, resource: `${api}/jwt` })
    const [, claims = ''] = String(jwt.body['access_token']).split('.')
    const read: unknown = JSON.parse(Buffer.from(claims, 'base64url').toString())
    expect(read).toMatchObject({
      aud: `${api}/jwt`,
      client_id: ours.id,
      scope: 'notes.read',
      sub: expect.stringMatching(/^usr_/),
    })
    expect((await exchange(ours, initDataOf(), { resource: api })).body['error']).toBe('invalid_scope')
    expect((await exchange(ours, initDataOf(), { ...named, resource: 'https://other.example' })).body['error']).toBe(
      'invalid_target',
    )
  })

  test('binds tokens to its key, and a spent proof or another key is refused (RFC 9449 §5)', async () => {
    const [key, other] = await Promise.all([dpopKey(), dpopKey()])
    const proof = await key.proof('POST', `${server.origin}/token`)
    const { body } = await exchange(ours, initDataOf(), {}, { dpop: proof })
    expect(body['token_type']).toBe('DPoP')
    expect((await exchange(ours, initDataOf(), {}, { dpop: proof })).body['error']).toBe('invalid_grant')
    const elsewhere = await key.proof('POST', `${server.origin}/userinfo`)
    expect((await exchange(ours, initDataOf(), {}, { dpop: elsewhere })).body['error']).toBe('invalid_dpop_proof')
    const form = { grant_type: 'refresh_token', client_id: ours.id, refresh_token: String(body['refresh_token']) }
    const wrong = { dpop: await other.proof('POST', `${server.origin}/token`) }
    expect((await token(form, wrong)).body['error']).toBe('invalid_grant')
    expect((await token(form)).status).toBe(400)
    const right = { dpop: await key.proof('POST', `${server.origin}/token`) }
    expect((await token(form, right)).body['token_type']).toBe('DPoP')
    const access = String(body['access_token'])
    expect(await userinfo(access)).not.toHaveProperty('sub')
  })

  test('an old proof is answered with a nonce, and initData is not spent by that (RFC 9449 §8)', async () => {
    const key = await dpopKey()
    const initData = initDataOf()
    const address = `${server.origin}/token`
    const old = await key.proof('POST', address, { claims: { iat: Math.floor(Date.now() / 1000) - 1000 } })
    const refused = await exchange(ours, initData, {}, { dpop: old })
    expect(refused.body['error']).toBe('use_dpop_nonce')
    const nonce = refused.headers.get('dpop-nonce')
    const fresh = await key.proof('POST', address, { claims: { nonce } })
    expect((await exchange(ours, initData, {}, { dpop: fresh })).status).toBe(200)
  })
})

describe('somebody else’s app', () => {
  let app: TestClient
  beforeAll(async () => {
    app = await server.client('mini-app', { telegram_bot_id: '9876543210', scope: 'openid profile' })
  })
  const opened = (further: Opening = {}) =>
    initDataOf({ botToken: 'theirs', thirdParty: { key: theirs.key, botId: '9876543210' }, ...further })

  test('is sent to ask the person first, who need not be known; then it gets what they agreed to', async () => {
    const user = somebody()
    for (const sub of [undefined, await known(user)]) {
      const { status, body } = await exchange(app, opened({ user: sub === undefined ? somebody() : user }))
      expect([status, body['error']]).toEqual([400, 'interaction_required'])
      expect(body['error_description']).toContain(`${server.origin}/authorize`)
    }
    const { db } = server.database.store
    const account = await db
      .selectFrom('identities')
      .selectAll()
      .where('subject', '=', String(user.id))
      .executeTakeFirstOrThrow()
    const payload = JSON.stringify({ scopes: ['openid'], claims: [], resources: {} })
    await db
      .insertInto('consents')
      .values({ account_id: account.account_id, client_id: app.id, payload, updated_at: new Date() })
      .execute()
    const { body } = await exchange(app, opened({ user }))
    expect((await userinfo(body['access_token']))['sub']).toBe(account.account_id)
    const more = await exchange(app, opened({ user }), { scope: 'openid profile' })
    expect(more.body['error']).toBe('interaction_required')
  })

  test('makes nobody an account who was not asked', async () => {
    const user = somebody()
    await exchange(app, opened({ user }))
    const { db } = server.database.store
    expect(await db.selectFrom('identities').selectAll().where('subject', '=', String(user.id)).execute()).toEqual([])
  })

  test('is served for its own bot alone', async () => {
    const errors = [
      await exchange(app, initDataOf()),
      await exchange(ours, opened()),
      await exchange(app, opened({ thirdParty: { key: theirs.key, botId: '111' } })),
      await exchange(app, opened({ thirdParty: { key: thirdPartyKey().key, botId: '9876543210' } })),
    ].map(({ body }) => body['error'])
    expect(errors).toEqual(['invalid_grant', 'invalid_grant', 'invalid_grant', 'invalid_grant'])
  })
})

describe('refused', () => {
  test('what was used before, also of many at once one counts', async () => {
    const initData = initDataOf()
    const all = await Promise.all(Array.from({ length: 8 }, () => exchange(ours, initData)))
    expect(all.filter(({ status }) => status === 200)).toHaveLength(1)
    expect((await exchange(ours, initData)).body).toMatchObject({ error: 'invalid_grant' })
    const turned = initData.split('&').reverse().join('&')
    expect((await exchange(ours, turned)).body).toMatchObject({ error: 'invalid_grant' })
  })

  test.for<[string, Record<string, string>, string]>([
    ['no subject token', { subject_token: '' }, 'invalid_request'],
    [
      'a subject token of another type',
      { subject_token_type: 'urn:ietf:params:oauth:token-type:jwt' },
      'invalid_request',
    ],
    [
      'another kind of token asked for',
      { requested_token_type: 'urn:ietf:params:oauth:token-type:id_token' },
      'invalid_request',
    ],
    ['somebody who acts for another', { actor_token: 'x' }, 'invalid_request'],
    ['an audience', { audience: 'x' }, 'invalid_target'],
    ['a scope that the app has not', { scope: 'email' }, 'invalid_scope'],
    ['a forged hash', { subject_token: `${initDataOf({ botToken: '1:forged' })}` }, 'invalid_grant'],
    ['nonsense', { subject_token: 'x'.repeat(20_000) }, 'invalid_grant'],
    ['old initData', { subject_token: initDataOf({ at: Date.now() - 301_000 }) }, 'invalid_grant'],
  ])('%s', async ([, further, error]) => {
    const { status, body } = await exchange(ours, initDataOf(), further)
    expect([status, body['error']]).toEqual([400, error])
  })

  test('another kind of client: it is for those that are registered as a Mini App', async () => {
    const spa = await server.client('spa', { first_party: true })
    expect((await exchange(spa, initDataOf())).body['error']).toBe('invalid_request')
  })

  test('a person whose account is disabled', async () => {
    const user = somebody()
    const sub = await known(user)
    const { db } = server.database.store
    await db.updateTable('accounts').set({ disabled_at: new Date() }).where('id', '=', sub).execute()
    const initData = initDataOf({ user })
    expect((await exchange(ours, initData)).body['error']).toBe('access_denied')
    const events = await db.selectFrom('audit_events').selectAll().where('account_id', '=', sub).execute()
    expect(events.map(({ event }) => event)).toContain('sign-in.refused')
  })

  test('who sends forged initData again and again is told to wait, and who has the right one is not', async () => {
    const forged = () => exchange(ours, initDataOf({ botToken: '1:forged' }))
    const answers = []
    for (let tries = 0; tries < 25; tries += 1) answers.push(await forged())
    const last = answers.at(-1)
    expect([last?.status, last?.body['error']]).toEqual([429, 'slow_down'])
    expect(Number(last?.headers.get('retry-after'))).toBeGreaterThan(0)
    expect((await exchange(ours, initDataOf())).status).toBe(200)
  })
})

postgresTest('of many that come with one initData at two nodes at once exactly one is served', async () => {
  const settings = { TELEGRAM_BOT_TOKEN: testBotToken, TELEGRAM_API_ROOT: 'http://127.0.0.1:9' }
  await using nodes = await startNodes({ settings })
  const client = await nodes.first.client('mini-app', { first_party: true, scope: 'openid' })
  const { db } = nodes.database.store
  for (let round = 0; round < 3; round += 1) {
    const user = somebody()
    const initData = initDataOf({ user })
    const all = await Promise.all(
      Array.from({ length: 12 }, (_, number) =>
        exchange(client, initData, {}, {}, number % 2 === 0 ? nodes.first : nodes.second),
      ),
    )
    const outcomes = all.map(({ status, body }) => `${status} ${body['error'] ?? 'served'}`).sort()
    expect(outcomes).toEqual(['200 served', ...Array<string>(11).fill('400 invalid_grant')])
    const people = await db.selectFrom('identities').selectAll().where('subject', '=', String(user.id)).execute()
    expect(people).toHaveLength(1)
  }
  const grants = await db.selectFrom('grants').selectAll().where('client_id', '=', client.id).execute()
  expect(grants).toHaveLength(3)
})

test('the page of a Mini App may ask from its own origin, and no other may (CORS)', async () => {
  const allowed = await exchange(ours, initDataOf(), {}, { origin: 'https://app.example' })
  expect(allowed.headers.get('access-control-allow-origin')).toBe('https://app.example')
  const other = await exchange(ours, initDataOf(), {}, { origin: 'https://evil.example' })
  expect(other.headers.get('access-control-allow-origin')).toBeNull()
})

test('the code flow is how its people are asked', async () => {
  const page = await server.visitor().get(authorizeUrl(ours, pkce()))
  expect(page.status).toBe(200)
})

test('where registration is closed only those who are known are let in; without a bot nothing is exchanged', async () => {
  await using closed = await startTestServer({
    settings: { TELEGRAM_BOT_TOKEN: testBotToken, TELEGRAM_API_ROOT: 'http://127.0.0.1:9', REGISTRATION: 'closed' },
  })
  const client = await closed.client('mini-app', { first_party: true, scope: 'openid' })
  const form = { grant_type: grant, client_id: client.id, subject_token: initDataOf(), subject_token_type: type }
  const response = await fetch(`${closed.address}/token`, { method: 'POST', body: new URLSearchParams(form) })
  expect(await response.json()).toMatchObject({ error: 'access_denied' })
  await using without = await startTestServer()
  const app = await without.client('mini-app', { first_party: true, scope: 'openid' })
  const refused = await token({ ...form, client_id: app.id }, {}, without)
  expect(refused.body['error']).toBe('unauthorized_client')
})
