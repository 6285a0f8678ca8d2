/** What a person gave IFTTT lasts until somebody takes it back: access tokens end within the hour, the connection does not. */
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { type Connection, ifttt, type Platform } from '../support/fakes/ifttt.ts'
import { allow, iftttSettings, registerService } from '../support/ifttt-settings.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { toy } from '../support/toy-provider.ts'
import type { Visitor } from '../support/visitor.ts'

let server: TestServer
let platform: Platform
beforeAll(async () => {
  server = await startTestServer({ settings: iftttSettings, providers: [toy()] })
  platform = ifttt(await registerService(server))
})
afterAll(async () => {
  await server.stop()
  vi.useRealTimers()
})

const hour = 60 * 60
const day = 24 * hour

/** Server, library and test see a later time, from now on: an embedded database does not bear time that goes back. */
function later(seconds: number): void {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + seconds * 1000 })
}

let people = 0

async function connected(visitor: Visitor): Promise<Connection> {
  people += 1
  const email = `person-${people}`
  return platform.connect(async (url) => {
    const page = await visitor.submit(await visitor.get(url), '/start/toy')
    return allow(visitor, await visitor.submit(page, '/answer', { email }))
  })
}

test('an access token ends after an hour, and the platform renews it', async () => {
  const connection = await connected(server.visitor())
  const { access } = connection
  later(hour - 60)
  await platform.user(connection)
  expect(connection.access).toBe(access)
  later(120)
  expect(await platform.user(connection)).toEqual(connection.user)
  expect(connection.access).not.toBe(access)
})

test('a year later, unused, the refresh token works, and ten years later', async () => {
  const connection = await connected(server.visitor())
  const { refresh } = connection
  for (const years of [1, 9]) {
    later(years * 365 * day)
    expect(await platform.user(connection)).toEqual(connection.user)
    expect(connection.refresh).toBe(refresh)
  }
})

test('renewals at the same time all succeed, and what each gave works', async () => {
  const connection = await connected(server.visitor())
  const copies = Array.from({ length: 4 }, () => ({ ...connection }))
  expect(await Promise.all(copies.map((copy) => platform.renew(copy)))).toEqual([true, true, true, true])
  expect(new Set(copies.map(({ access }) => access)).size).toBe(4)
  for (const copy of [connection, ...copies]) expect(await platform.user(copy)).toEqual(connection.user)
})

test('a year later the person sees when it was last used, and ends it: 401, then 400', async () => {
  const visitor = server.visitor()
  const connection = await connected(visitor)
  for (const use of [() => platform.renew(connection), () => platform.user(connection)]) {
    later(180 * day)
    await use()
    await expect.poll(async () => Date.now() - (await lastUse(connection.user.id)).getTime()).toBeLessThan(60_000)
  }

  // The session is long over.
  const signIn = await visitor.submit(await visitor.get('/account'), '/start/toy')
  const account = await visitor.submit(signIn, '/answer', { email: `person-${people}` })
  expect(account.text).toContain('last used')
  await visitor.submit(account, '/apps/revoke')
  expect(await platform.user(connection)).toBe('disconnected')
  expect(await platform.renew(connection)).toBe(false)
})

async function lastUse(accountId: string): Promise<Date> {
  const { last_used_at: at } = await server.database.store.db
    .selectFrom('grants')
    .select('last_used_at')
    .where('account_id', '=', accountId)
    .executeTakeFirstOrThrow()
  if (at === null) throw new Error('no use was recorded')
  return new Date(at)
}
