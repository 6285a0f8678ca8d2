import { randomBytes } from 'node:crypto'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { authorize, isActive, pkce, redeem, refresh, type Tokens, tokensOf } from '../support/authorize.ts'
import { openTestDatabase } from '../support/database.ts'
import { startTestServer, type TestClient, type TestServer } from '../support/server.ts'
import { toy } from '../support/toy-provider.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer({ providers: [toy()] })
})
afterAll(() => server.stop())
afterEach(() => vi.useRealTimers())

const refused = { status: 400, body: { error: 'invalid_grant' } }

async function codeFor(at: TestServer, client: TestClient, scope = 'openid offline_access') {
  const proof = pkce()
  const callback = await authorize(at.visitor(), client, proof, { extra: { scope } })
  return { code: callback.searchParams.get('code') ?? '', proof }
}

async function expectDead(at: TestServer, client: TestClient, { access, refresh: refreshToken }: Tokens) {
  expect(await isActive(at, client, access)).toBe(false)
  expect(await isActive(at, client, refreshToken)).toBe(false)
  const userinfo = await fetch(`${at.origin}/userinfo`, { headers: { authorization: `Bearer ${access}` } })
  expect(userinfo.status).toBe(401)
  expect(await refresh(at, client, refreshToken)).toMatchObject(refused)
}

test('the second use of a code is refused and ends what the first one gave (RFC 6749 §4.1.2)', async () => {
  const client = await server.client('web')
  const { code, proof } = await codeFor(server, client)
  const tokens = tokensOf(await redeem(server, client, code, proof))
  expect(await isActive(server, client, tokens.access)).toBe(true)
  expect(await redeem(server, client, code, proof)).toMatchObject(refused)
  await expectDead(server, client, tokens)
  expect(await redeem(server, client, code, proof)).toMatchObject(refused)
})

test('it also ends what was refreshed since', async () => {
  const client = await server.client('web')
  const { code, proof } = await codeFor(server, client)
  const first = tokensOf(await redeem(server, client, code, proof))
  const second = tokensOf(await refresh(server, client, first.refresh))
  expect(await redeem(server, client, code, proof)).toMatchObject(refused)
  await expectDead(server, client, first)
  await expectDead(server, client, second)
})

test('a replay is written down for those who run the server', async () => {
  const client = await server.client('web')
  const { code, proof } = await codeFor(server, client)
  await redeem(server, client, code, proof)
  const before = await reuses()
  await redeem(server, client, code, proof)
  await vi.waitFor(async () => expect(await reuses()).toBe(before + 1))
})

async function reuses(): Promise<number> {
  const { rows } = await server.database.store.db.executeQuery<{ event: string }>(
    server.database.store.db
      .selectFrom('audit_events')
      .select('event')
      .where('event', '=', 'token.reuse-detected')
      .compile(),
  )
  return rows.length
}

test('a code is good for 60 seconds (RFC 6749 §4.1.2, RFC 9700 §2.1.1)', async () => {
  const client = await server.client('web')
  const late = await codeFor(server, client)
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 61_000 })
  expect(await redeem(server, client, late.code, late.proof)).toMatchObject(refused)
  vi.useRealTimers()
  const timely = await codeFor(server, client)
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 58_000 })
  expect((await redeem(server, client, timely.code, timely.proof)).status).toBe(200)
})

test('a code is good for its own client only, and a stranger cannot spend it (RFC 9700 §4.5)', async () => {
  const [owner, other] = [await server.client('web'), await server.client('web')]
  const { code, proof } = await codeFor(server, owner)
  expect(await redeem(server, other, code, proof)).toMatchObject(refused)
  expect((await redeem(server, owner, code, proof)).status).toBe(200)
})

test('a code needs the redirect URI that it was given for (RFC 6749 §4.1.3)', async () => {
  const client = await server.client('web', { redirect_uris: ['https://app.example/cb', 'https://app.example/other'] })
  const { code, proof } = await codeFor(server, client)
  const elsewhere = { ...client, redirectUri: 'https://app.example/other' }
  expect(await redeem(server, elsewhere, code, proof)).toMatchObject(refused)
})

test('a damaged code is no code (CVE-2026-27840)', async () => {
  const client = await server.client('web')
  const { code, proof } = await codeFor(server, client)
  for (const damaged of [code.slice(0, -1), `${code}A`, ` ${code}`, code.toUpperCase(), `${code}=`, `stored.${code}`]) {
    expect(await redeem(server, client, damaged, proof), damaged).toMatchObject(refused)
  }
  expect((await redeem(server, client, code, proof)).status).toBe(200)
})

test('a code that was used before a restart is known as used after it', async () => {
  await using database = await openTestDatabase()
  const settings = { SECRETS: randomBytes(32).toString('hex') }
  const before = await startTestServer({ providers: [toy()], database, settings })
  const client = await before.client('web')
  const used = await codeFor(before, client)
  const unused = await codeFor(before, client)
  const tokens = tokensOf(await redeem(before, client, used.code, used.proof))
  await before.stop()
  await using after = await startTestServer({ providers: [toy()], database, settings })
  expect(await isActive(after, client, tokens.access)).toBe(true)
  expect((await redeem(after, client, unused.code, unused.proof)).status).toBe(200)
  expect(await redeem(after, client, used.code, used.proof)).toMatchObject(refused)
  await expectDead(after, client, tokens)
})
