import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { profiles } from '../../server/oidc/profiles.ts'
import { endpoint, isActive, refresh, signedIn, tokensOf } from '../support/authorize.ts'
import { openTestDatabase } from '../support/database.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { toy } from '../support/toy-provider.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer({ providers: [toy()] })
})
afterAll(async () => {
  await server.stop()
  vi.useRealTimers()
})

const refused = { status: 400, body: { error: 'invalid_grant' } }
const grace = profiles.web.refreshGrace
const day = 24 * 60 * 60

/** Server, library and test see a later time, from now on: an embedded database does not bear time that goes back. */
function later(seconds: number): void {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + seconds * 1000 })
}

test.for(['web', 'spa', 'native'])(
  '%s: each use of a refresh token gives another one (RFC 9700 §2.2.2)',
  async (name) => {
    const client = await server.client(name)
    const first = await signedIn(server, client)
    const second = tokensOf(await refresh(server, client, first.refresh))
    const third = tokensOf(await refresh(server, client, second.refresh))
    expect(new Set([first.refresh, second.refresh, third.refresh]).size).toBe(3)
    expect(new Set([first.access, second.access, third.access]).size).toBe(3)
    expect(await isActive(server, client, third.access)).toBe(true)
  },
)

test('the grace for a lost answer is short: ten seconds at most', () => {
  for (const { refreshGrace } of Object.values(profiles)) expect(refreshGrace).toBeLessThanOrEqual(10)
})

test('whose answer was lost gets the same successor again, and it works (docs/decisions/006)', async () => {
  const client = await server.client('web')
  const first = await signedIn(server, client)
  const lost = tokensOf(await refresh(server, client, first.refresh))
  later(grace - 1)
  const again = tokensOf(await refresh(server, client, first.refresh))
  expect(again.refresh).toBe(lost.refresh)
  expect(await isActive(server, client, again.access)).toBe(true)
  expect((await refresh(server, client, again.refresh)).status).toBe(200)
})

test('once the successor was used, the old token ends the family', async () => {
  const client = await server.client('web')
  const first = await signedIn(server, client)
  const second = tokensOf(await refresh(server, client, first.refresh))
  const third = tokensOf(await refresh(server, client, second.refresh))
  expect(await refresh(server, client, first.refresh)).toMatchObject(refused)
  expect(await isActive(server, client, third.access)).toBe(false)
  expect(await refresh(server, client, third.refresh)).toMatchObject(refused)
})

test('a token two generations old ends the family inside the grace too', async () => {
  const client = await server.client('web')
  const first = await signedIn(server, client)
  const second = tokensOf(await refresh(server, client, first.refresh))
  tokensOf(await refresh(server, client, second.refresh))
  const third = tokensOf(await refresh(server, client, second.refresh))
  expect(await refresh(server, client, first.refresh)).toMatchObject(refused)
  for (const { access, refresh: refreshToken } of [first, second, third]) {
    expect(await isActive(server, client, access)).toBe(false)
    expect(await refresh(server, client, refreshToken)).toMatchObject(refused)
  }
})

test('after the grace a used token ends the family (RFC 9700 §4.14.2)', async () => {
  const client = await server.client('web')
  const first = await signedIn(server, client)
  const second = tokensOf(await refresh(server, client, first.refresh))
  later(grace + 1)
  expect(await refresh(server, client, first.refresh)).toMatchObject(refused)
  expect(await isActive(server, client, second.access)).toBe(false)
  expect(await refresh(server, client, second.refresh)).toMatchObject(refused)
})

test('a retry inside the grace does not make the grace longer', async () => {
  const client = await server.client('web')
  const first = await signedIn(server, client)
  tokensOf(await refresh(server, client, first.refresh))
  later(grace - 2)
  expect((await refresh(server, client, first.refresh)).status).toBe(200)
  later(4)
  expect(await refresh(server, client, first.refresh)).toMatchObject(refused)
})

test('a family ends alone: the same person’s other browser stays signed in', async () => {
  const client = await server.client('web')
  const [mine, other] = [
    await signedIn(server, client, { name: 'two-browsers' }),
    await signedIn(server, client, { name: 'two-browsers' }),
  ]
  const second = tokensOf(await refresh(server, client, mine.refresh))
  tokensOf(await refresh(server, client, second.refresh))
  expect(await refresh(server, client, mine.refresh)).toMatchObject(refused)
  expect(await isActive(server, client, other.access)).toBe(true)
  expect((await refresh(server, client, other.refresh)).status).toBe(200)
})

test('another client’s try is refused and harms nobody (RFC 6749 §10.4)', async () => {
  const [owner, thief] = [await server.client('web'), await server.client('web')]
  const first = await signedIn(server, owner)
  expect(await refresh(server, thief, first.refresh)).toMatchObject(refused)
  const second = tokensOf(await refresh(server, owner, first.refresh))
  expect(await refresh(server, thief, first.refresh)).toMatchObject(refused)
  expect(tokensOf(await refresh(server, owner, first.refresh)).refresh).toBe(second.refresh)
  expect(await refresh(server, thief, second.refresh)).toMatchObject(refused)
  expect((await refresh(server, owner, second.refresh)).status).toBe(200)
})

test('the successor stays the same when the key ring is turned in between', async () => {
  await using database = await openTestDatabase()
  const [old, recent] = [randomBytes(32).toString('hex'), randomBytes(32).toString('hex')]
  const before = await startTestServer({ providers: [toy()], database, settings: { SECRETS: old } })
  const client = await before.client('web')
  const first = await signedIn(before, client)
  const second = tokensOf(await refresh(before, client, first.refresh))
  await before.stop()
  await using after = await startTestServer({ providers: [toy()], database, settings: { SECRETS: `${recent},${old}` } })
  expect(tokensOf(await refresh(after, client, first.refresh)).refresh).toBe(second.refresh)
  const third = tokensOf(await refresh(after, client, second.refresh))
  expect(tokensOf(await refresh(after, client, second.refresh)).refresh).toBe(third.refresh)
})

test('a refresh token cannot widen what was given (RFC 6749 §6)', async () => {
  const client = await server.client('web')
  const first = await signedIn(server, client, { scope: 'openid profile offline_access' })
  const wider = await refresh(server, client, first.refresh, { scope: 'openid profile email offline_access' })
  expect(wider).toMatchObject({ status: 400, body: { error: 'invalid_scope' } })
  const narrow = await refresh(server, client, first.refresh, { scope: 'openid' })
  expect(narrow.body['scope']).toBe('openid')
  const next = await refresh(server, client, tokensOf(narrow).refresh)
  expect(String(next.body['scope']).split(' ').sort()).toEqual(['offline_access', 'openid', 'profile'])
})

test('a resource that was not granted cannot be reached by refreshing (RFC 8707 §2.2)', async () => {
  await server.resource('https://api.example/refresh', ['read'])
  const client = await server.client('web', { resource_scopes: 'read' })
  const first = await signedIn(server, client)
  const answer = await refresh(server, client, first.refresh, { resource: 'https://api.example/refresh' })
  expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_target' } })
})

test('whoever keeps refreshing stays signed in far beyond the idle lifetime: no grant cuts it short', async () => {
  const client = await server.client('web')
  let tokens = await signedIn(server, client)
  for (let month = 0; month < 7; month += 1) {
    later(45 * day)
    tokens = tokensOf(await refresh(server, client, tokens.refresh))
  }
  expect(await isActive(server, client, tokens.access)).toBe(true)
})

test('but not for ever: the family ends a year after the sign-in (ASVS 5 §10.4.8)', async () => {
  const client = await server.client('web')
  let tokens = await signedIn(server, client)
  for (let month = 0; month < 8; month += 1) {
    later(45 * day)
    tokens = tokensOf(await refresh(server, client, tokens.refresh))
  }
  later(6 * day)
  expect(await refresh(server, client, tokens.refresh)).toMatchObject(refused)
})

test.for(['web', 'spa', 'native'] as const)('%s: an idle refresh token ends with its lifetime', async (name) => {
  const client = await server.client(name)
  const [timely, late] = [await signedIn(server, client), await signedIn(server, client)]
  later(profiles[name].refreshTokenTtl - 60)
  expect((await refresh(server, client, timely.refresh)).status).toBe(200)
  later(120)
  expect(await refresh(server, client, late.refresh)).toMatchObject(refused)
})

test('a revoked refresh token takes its family along (RFC 7009 §2.1)', async () => {
  const client = await server.client('web')
  const first = await signedIn(server, client)
  const second = tokensOf(await refresh(server, client, first.refresh))
  expect((await endpoint(server, client, '/revoke', { token: second.refresh })).status).toBe(200)
  expect(await isActive(server, client, second.access)).toBe(false)
  expect(await refresh(server, client, first.refresh)).toMatchObject(refused)
  expect(await refresh(server, client, second.refresh)).toMatchObject(refused)
})

test('a damaged refresh token is none', async () => {
  const client = await server.client('web')
  const { refresh: value } = await signedIn(server, client)
  for (const damaged of [value.slice(0, -1), `${value}A`, ` ${value}`, value.toLowerCase(), `stored.${value}`]) {
    expect(await refresh(server, client, damaged), damaged).toMatchObject(refused)
  }
  expect((await refresh(server, client, value)).status).toBe(200)
})
