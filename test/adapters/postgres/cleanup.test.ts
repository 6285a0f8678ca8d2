import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { accounts as accountStore } from '../../../adapters/postgres/accounts.ts'
import { removeExpired } from '../../../adapters/postgres/cleanup.ts'
import { openPostgres } from '../../../adapters/postgres/database.ts'
import { deniedTokens } from '../../../adapters/postgres/denied-tokens.ts'
import { grants } from '../../../adapters/postgres/grants.ts'
import { clock } from '../../support/clock.ts'
import { openPostgresDatabase, openTestDatabase, postgresTest, type TestDatabase } from '../../support/database.ts'

const hour = 3600
const { now } = clock()
const from = (seconds: number) => new Date(now().getTime() + seconds * 1000)
const key = () => randomBytes(16).toString('hex')

/** Tokens of no grant that expire so many seconds from now. */
async function tokens({ store }: TestDatabase, count: number, seconds: number, grantId?: string): Promise<void> {
  const rows = Array.from({ length: count }, () => ({
    id_hash: key(),
    model: 'AccessToken',
    payload: '{}',
    grant_id: grantId ?? null,
    created_at: from(-100 * hour),
    expires_at: from(seconds),
  }))
  await store.db.insertInto('artifacts').values(rows).execute()
}

async function grant({ store }: TestDatabase, age: number): Promise<string> {
  const id = key()
  const row = { id, client_id: 'client', payload: '{}', created_at: from(-age), expires_at: from(hour) }
  await store.db.insertInto('grants').values(row).execute()
  return id
}

async function count({ store }: TestDatabase, table: 'artifacts' | 'grants' | 'replays' | 'sessions'): Promise<number> {
  const row = await store.db
    .selectFrom(table)
    .select((it) => it.fn.countAll().as('rows'))
    .executeTakeFirstOrThrow()
  return Number(row.rows)
}

test('what expired more than an hour ago goes, over several batches; what lives or just expired stays', async () => {
  await using database = await openTestDatabase()
  await tokens(database, 1201, -2 * hour)
  await tokens(database, 3, -60)
  await tokens(database, 4, hour)
  expect(await removeExpired(database.store.db, now)).toBe(1201)
  expect(await count(database, 'artifacts')).toBe(7)
  expect(await removeExpired(database.store.db, now)).toBe(0)
})

test('a proof is remembered as long as it could be presented again, a session as long as it lives', async () => {
  await using database = await openTestDatabase()
  const { db } = database.store
  const replays = [-2 * hour, -60, hour].map((seconds) => ({ id_hash: key(), expires_at: from(seconds) }))
  await db.insertInto('replays').values(replays).execute()
  const sessions = [-2 * hour, hour].map((seconds) => ({
    id_hash: key(),
    uid: key(),
    payload: '{}',
    created_at: from(-100 * hour),
    expires_at: from(seconds),
  }))
  await db.insertInto('sessions').values(sessions).execute()
  expect(await removeExpired(db, now)).toBe(2)
  expect([await count(database, 'replays'), await count(database, 'sessions')]).toEqual([2, 1])
})

test('a grant stays while something hangs on it, and for a day after it was given', async () => {
  await using database = await openTestDatabase()
  const [bare, held, recent] = [
    await grant(database, 30 * hour),
    await grant(database, 30 * hour),
    await grant(database, 2 * hour),
  ]
  await tokens(database, 1, hour, held)
  expect(await removeExpired(database.store.db, now)).toBe(1)
  const left = await database.store.db.selectFrom('grants').select('id').execute()
  expect(left.map(({ id }) => id).sort()).toEqual([held, recent].sort())
  expect(left.map(({ id }) => id)).not.toContain(bare)
})

test('a grant stays while a JWT names it, of which there is no row (docs/decisions/021-resource-servers.md)', async () => {
  await using database = await openTestDatabase()
  const { db } = database.store
  const [named, over] = [await grant(database, 30 * hour), await grant(database, 30 * hour)]
  const store = grants(db, now)
  await store.keep(named, from(hour))
  // A shorter token beside it takes nothing away.
  await store.keep(named, from(-3 * hour))
  await store.keep(over, from(-2 * hour))
  expect(await removeExpired(db, now)).toBe(1)
  expect(await db.selectFrom('grants').select('id').execute()).toEqual([{ id: named }])
})

test('a JWT that was taken back is denied until it would have ended, and an hour more', async () => {
  await using database = await openTestDatabase()
  const { db } = database.store
  const store = deniedTokens(db)
  await store.add('over', from(-2 * hour))
  await store.add('living', from(hour))
  expect(await removeExpired(db, now)).toBe(1)
  expect(await Promise.all(['over', 'living', 'other'].map(store.has))).toEqual([false, true, false])
})

test('what hangs on a grant that was revoked goes, however long it would have lasted', async () => {
  await using database = await openTestDatabase()
  const century = 100 * 365 * 24 * hour
  const [living, ended, justEnded] = [
    await grant(database, 30 * hour),
    await grant(database, 30 * hour),
    await grant(database, 30 * hour),
  ]
  for (const id of [living, ended, justEnded]) await tokens(database, 1, century, id)
  const revoked = (id: string, seconds: number) =>
    database.store.db
      .updateTable('grants')
      .set({ revoked_at: from(seconds) })
      .where('id', '=', id)
      .execute()
  await revoked(ended, -2 * hour)
  await revoked(justEnded, -60)
  expect(await removeExpired(database.store.db, now)).toBe(2)
  const left = await database.store.db.selectFrom('artifacts').select('grant_id').execute()
  expect(left.map(({ grant_id }) => grant_id).sort()).toEqual([living, justEnded].sort())
})

test('a grant goes in the same sweep as the last thing that hung on it', async () => {
  await using database = await openTestDatabase()
  await tokens(database, 2, -2 * hour, await grant(database, 30 * hour))
  expect(await removeExpired(database.store.db, now)).toBe(3)
  expect(await count(database, 'grants')).toBe(0)
})

test('how a link ended is told for 90 days, and of somebody who was removed nothing stays', async () => {
  await using database = await openTestDatabase()
  const { db } = database.store
  const accounts = accountStore(db, now)
  const day = 24 * hour
  const link = (did: string, ended: number | undefined) => ({
    did,
    sealed_session: ended === undefined ? 'sealed' : null,
    scope: 'atproto',
    client_id: 'us',
    created_at: from(-100 * day),
    updated_at: from(-100 * day),
    ended_at: ended === undefined ? null : from(ended),
  })
  for (const did of ['did:plc:lives', 'did:plc:ended', 'did:plc:long-ago']) {
    await accounts.create({ identity: { provider: 'atproto', subject: did } })
  }
  await db
    .insertInto('atproto_sessions')
    .values([
      link('did:plc:lives', undefined),
      link('did:plc:ended', -89 * day),
      link('did:plc:long-ago', -91 * day),
      link('did:plc:removed', -2 * hour),
      link('did:plc:removed-now', -60),
      link('did:plc:removed-but-living', undefined),
    ])
    .execute()
  await removeExpired(db, now)
  const left = await db.selectFrom('atproto_sessions').select('did').execute()
  expect(left.map(({ did }) => did).sort()).toEqual([
    'did:plc:ended',
    'did:plc:lives',
    'did:plc:removed-but-living',
    'did:plc:removed-now',
  ])
})

test('a client that nobody registered by hand goes after a month without use; one that is used or was stopped stays', async () => {
  await using database = await openTestDatabase()
  const { db } = database.store
  const add = async (id: string, age: number, more: object = {}): Promise<void> => {
    const row = { id, profile: 'spa', first_party: false, metadata: '{}', secret_hashes: '[]', origin: 'self' as const }
    await db
      .insertInto('clients')
      .values({ ...row, created_at: from(-age), updated_at: from(-age), ...more })
      .execute()
  }
  await add('unused', 31 * 24 * hour)
  await add('young', 29 * 24 * hour)
  await add('stopped', 31 * 24 * hour, { disabled_at: now() })
  await add('ours', 31 * 24 * hour, { origin: 'registered' })
  await add('granted', 31 * 24 * hour)
  await db
    .insertInto('grants')
    .values({ id: key(), client_id: 'granted', payload: '{}', created_at: now(), expires_at: from(hour) })
    .execute()
  expect(await removeExpired(db, now)).toBe(1)
  const left = await db.selectFrom('clients').select('id').orderBy('id').execute()
  expect(left.map(({ id }) => id)).toEqual(['granted', 'ours', 'stopped', 'young'])
})

test('it stops where it is told to stop', async () => {
  await using database = await openTestDatabase()
  await tokens(database, 10, -2 * hour)
  expect(await removeExpired(database.store.db, now, AbortSignal.abort())).toBe(0)
  expect(await count(database, 'artifacts')).toBe(10)
})

postgresTest('two nodes sweep at once: each row goes once, none is waited for', async () => {
  await using database = await openPostgresDatabase()
  const other = openPostgres(database.url)
  await tokens(database, 4000, -2 * hour)
  await tokens(database, 5, hour)
  const removed = await Promise.all([removeExpired(database.store.db, now), removeExpired(other.db, now)])
  expect(removed.reduce((sum, rows) => sum + rows, 0)).toBe(4000)
  expect(await count(database, 'artifacts')).toBe(5)
  await other.close()
})

postgresTest('a row that somebody works on is left for the next sweep, not waited for', async () => {
  await using database = await openPostgresDatabase()
  const other = openPostgres(database.url)
  await tokens(database, 3, -2 * hour)
  await database.store.db.transaction().execute(async (trx) => {
    await trx.selectFrom('artifacts').select('id_hash').limit(1).forUpdate().execute()
    expect(await removeExpired(other.db, now)).toBe(2)
  })
  expect(await removeExpired(other.db, now)).toBe(1)
  await other.close()
})
