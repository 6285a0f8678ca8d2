/** How many requests strangers may have stored in the name of an app without a secret. */
import type { KoaContextWithOIDC } from 'oidc-provider'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { limits } from '../../../adapters/postgres/limits.ts'
import { type RequestLimits, requestLimits } from '../../../server/oidc/request-limits.ts'
import { openTestDatabase, type TestDatabase } from '../../support/database.ts'

const now = () => new Date('2026-03-01T12:00:00Z')
let database: TestDatabase
let spend: RequestLimits
beforeAll(async () => {
  database = await openTestDatabase()
  spend = requestLimits({ limits: limits(database.store.db, now), now })
})
afterAll(() => database.close())

/** Status of so many requests, each from the address that it is given. */
async function statuses(count: number, addressOf: (number: number) => string, clientAuthMethod = 'none') {
  const route = 'pushed_authorization_request'
  const ctx = { oidc: { route, client: { clientId: 'app', clientAuthMethod } }, set: () => undefined }
  const found: number[] = []
  for (let number = 0; number < count; number += 1) {
    const outcome = spend(ctx as unknown as KoaContextWithOIDC, addressOf(number))
    found.push(
      await outcome.then(
        () => 200,
        ({ status }: { status: number }) => status,
      ),
    )
  }
  return found
}

test('pushed requests of one address end after 300 in ten minutes (RFC 6585 §4)', async () => {
  const found = await statuses(303, () => '192.0.2.1')
  // The one that is too many is the last that is stored.
  expect(found).toEqual([...Array(301).fill(200), 429, 429])
  expect(await statuses(1, () => '192.0.2.2')).toEqual([200])
})

test('those of one IPv6 network end after 1200, from however many addresses', async () => {
  const found = await statuses(1202, (number) => `2001:db8:1:${number.toString(16)}::1`)
  expect(found.findIndex((status) => status !== 200)).toBe(1201)
  expect(await statuses(1, () => '2001:db8:2::1')).toEqual([200])
})

test('apps that authenticate are not counted: their servers stand for many people', async () => {
  expect(new Set(await statuses(303, () => '192.0.2.3', 'client_secret_basic'))).toEqual(new Set([200]))
})
