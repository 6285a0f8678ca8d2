import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { accounts } from '../../../adapters/postgres/accounts.ts'
import { type Approvals, approvalModel, approvals } from '../../../adapters/postgres/approvals.ts'
import { artifacts, type NewArtifact } from '../../../adapters/postgres/artifacts.ts'
import { removeExpired } from '../../../adapters/postgres/cleanup.ts'
import { clients } from '../../../adapters/postgres/clients.ts'
import { consents } from '../../../adapters/postgres/consents.ts'
import { durableGrants } from '../../../adapters/postgres/durable-grants.ts'
import { hashed } from '../../../adapters/postgres/hashed.ts'
import { identities } from '../../../adapters/postgres/identities.ts'
import { clock } from '../../support/clock.ts'
import { openTestDatabase, postgresTest, type TestDatabase } from '../../support/database.ts'

const { now, advance } = clock()
let database: TestDatabase
let store: Approvals
beforeAll(async () => {
  database = await openTestDatabase()
  store = approvals(database.store.db, now)
})
afterAll(() => database.close())

const newId = () => randomBytes(8).toString('hex')
const nothing = { scopes: ['openid'], claims: [], resources: {} }

/** Somebody with Telegram, who has agreed to an app, and what that app asks them now. */
async function scene() {
  const { db } = database.store
  const subject = newId()
  const account = await accounts(db, now).create({ identity: { provider: 'telegram', subject } })
  const [clientId, grantId] = [newId(), newId()]
  await clients(db, now).add({ id: clientId, profile: 'device', firstParty: false, metadata: {}, secretHashes: [] })
  await consents(db, now).add(account.id, clientId, nothing)
  await durableGrants(db, now).save(grantId, { accountId: account.id, clientId }, 600)
  const rows = artifacts(db, now)
  const ask = async (expiresIn = 300) => {
    const requestId = newId()
    const payload = { accountId: account.id, clientId }
    const row = (extra: Record<string, unknown>): NewArtifact =>
      rows.row({ idHash: hashed(requestId), model: approvalModel, payload: { ...payload, ...extra }, expiresIn })
    await rows.write([row({})])
    const expiresAt = new Date(now().getTime() + expiresIn * 1000)
    const opened = await store.open({ requestId, accountId: account.id, clientId, personId: subject, expiresAt })
    return {
      ...opened,
      allow: () => store.decide(row({ grantId })),
      deny: () => store.decide(row({ error: 'access_denied' })),
      payload: async () => (await rows.find(hashed(requestId)))?.payload,
    }
  }
  return { account, subject, clientId, grantId, ask }
}

test('a request is decided once', async () => {
  const { ask, grantId } = await scene()
  const request = await ask()
  expect(await request.allow()).toBe(true)
  expect([await request.deny(), await request.allow()]).toEqual([false, false])
  expect(await request.payload()).toMatchObject({ grantId })
  const other = await ask()
  expect(await other.deny()).toBe(true)
  expect(await other.allow()).toBe(false)
})

test('nothing is decided once it has expired', async () => {
  const request = await (await scene()).ask(30)
  advance(30)
  expect([await request.allow(), await request.deny()]).toEqual([false, false])
})

test('a newer request of the same app denies the older one, and names its message', async () => {
  const { ask, subject, clientId } = await scene()
  const older = await ask()
  expect(older.stale).toBeUndefined()
  expect(await store.sent(older.name, 7)).toBe('waits')
  const newer = await ask()
  const stale = { name: older.name, personId: subject, clientId, messageId: 7, allowed: false }
  expect(newer.stale).toEqual(stale)
  expect(await older.payload()).toMatchObject({ error: 'access_denied' })
  expect(await older.allow()).toBe(false)
  expect(await store.sent(older.name, 8)).toBe('over')
  expect(await newer.allow()).toBe(true)
  await store.sent(newer.name, 9)
  expect((await ask()).stale).toMatchObject({ messageId: 9, allowed: true })
  expect(await newer.payload()).toHaveProperty('grantId')
})

test('a message that was answered before it was noted is told what the answer was', async () => {
  const { ask } = await scene()
  const outcomes: string[] = []
  for (const answer of ['allow', 'deny'] as const) {
    const request = await ask()
    expect(await request[answer]()).toBe(true)
    await store.close(request.name)
    outcomes.push(await store.sent(request.name, 7))
  }
  expect(outcomes).toEqual(['allowed', 'over'])
})

test('nobody allows what is no longer theirs to allow', async () => {
  const { db } = database.store
  const endings: ((it: Awaited<ReturnType<typeof scene>>) => Promise<unknown>)[] = [
    ({ account }) => accounts(db, now).disable(account.id),
    ({ account, subject }) => identities(db).remove(account.id, { provider: 'telegram', subject, force: true }),
    ({ clientId }) => db.deleteFrom('consents').where('client_id', '=', clientId).execute(),
    ({ clientId }) => clients(db, now).disable(clientId),
    ({ grantId }) => durableGrants(db, now).revoke(grantId),
  ]
  for (const end of endings) {
    const it = await scene()
    const request = await it.ask()
    await end(it)
    expect(await request.allow(), String(end)).toBe(false)
    expect(await request.deny(), String(end)).toBe(true)
  }
})

test('messages are taken once, when their requests are over and not before', async () => {
  const { ask } = await scene()
  const mine = async () => (await store.takeStale(100)).map(({ messageId, allowed }) => [messageId, allowed])
  await mine()
  const waiting = await ask()
  await store.sent(waiting.name, 1)
  expect(await mine()).toEqual([])
  await waiting.allow()
  expect(await mine()).toEqual([[1, true]])
  const late = await ask(30)
  await store.sent(late.name, 2)
  advance(30)
  expect(await mine()).toEqual([[2, false]])
  expect(await mine()).toEqual([])
})

test('a request that reached nobody leaves nothing, and what is left is forgotten', async () => {
  const { ask } = await scene()
  const request = await ask()
  await store.withdraw(request.name)
  expect(await request.payload()).toBeUndefined()
  await ask()
  advance(2 * 60 * 60)
  await removeExpired(database.store.db, now)
  expect(await database.store.db.selectFrom('approval_prompts').selectAll().execute()).toEqual([])
})

postgresTest('of many answers at once one counts', async () => {
  const { ask } = await scene()
  const request = await ask()
  const answers = Array.from({ length: 12 }, (_, index) => (index % 2 === 0 ? request.allow() : request.deny()))
  expect((await Promise.all(answers)).filter(Boolean)).toHaveLength(1)
})

postgresTest('of many requests at once one can be allowed', async () => {
  const { ask } = await scene()
  const requests = await Promise.all(Array.from({ length: 8 }, () => ask()))
  const answers: boolean[] = []
  for (const request of requests) answers.push(await request.allow())
  expect(answers.filter(Boolean)).toHaveLength(1)
})
