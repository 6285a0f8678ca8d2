import { expect, test } from 'vitest'
import { type AuditPage, audit } from '../../../adapters/postgres/audit.ts'
import { clock } from '../../support/clock.ts'
import { openTestDatabase } from '../../support/database.ts'

test('events come back newest first, by account or all, as they were recorded', async () => {
  await using database = await openTestDatabase()
  const time = clock()
  const store = audit(database.store.db, time.now)
  const first = time.now()
  await store.record({ event: 'account.created', accountId: 'alice', address: '192.0.2.7', detail: { by: 'google' } })
  await store.record({ event: 'client.added', clientId: 'app' })
  time.advance(1)
  await store.record({ event: 'sign-in.succeeded', accountId: 'alice', clientId: 'app' })
  const events = await store.list({ limit: 10 })
  expect(events.map(({ event }) => event)).toEqual(['sign-in.succeeded', 'client.added', 'account.created'])
  const [, created] = await store.list({ accountId: 'alice', limit: 10 })
  expect(created).toEqual({
    id: expect.any(String),
    at: first,
    event: 'account.created',
    accountId: 'alice',
    clientId: undefined,
    address: '192.0.2.7',
    detail: { by: 'google' },
  })
  expect(await store.list({ accountId: 'bob', limit: 10 })).toEqual([])
  expect(await store.list({ limit: 1 })).toHaveLength(1)
  const named = async (page: Omit<AuditPage, 'limit'>) =>
    (await store.list({ ...page, limit: 10 })).map(({ event }) => event)
  expect(await named({ clientId: 'app' })).toEqual(['sign-in.succeeded', 'client.added'])
  expect(await named({ event: 'client.added' })).toEqual(['client.added'])
  expect(await named({ event: 'sign-in' })).toEqual(['sign-in.succeeded'])
  expect(await named({ event: 'sign' })).toEqual([])
  expect(await named({ since: time.now() })).toEqual(['sign-in.succeeded'])
})
