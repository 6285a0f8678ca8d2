/** Whom to tell of a sign-out: written down with the end of the session, taken by one node at a time. */
import { sql } from 'kysely'
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { clients } from '../../../adapters/postgres/clients.ts'
import { openPostgres } from '../../../adapters/postgres/database.ts'
import { type LogoutNotices, logoutNotices } from '../../../adapters/postgres/logout-notices.ts'
import { sessions } from '../../../adapters/postgres/sessions.ts'
import { clock } from '../../support/clock.ts'
import { openPostgresDatabase, openTestDatabase, postgresTest, type TestDatabase } from '../../support/database.ts'

const time = clock()
let database: TestDatabase
let notices: LogoutNotices
beforeAll(async () => {
  database = await openTestDatabase()
  notices = logoutNotices(database.store.db, time.now)
  return () => database.close()
})

beforeEach(() => database.store.db.deleteFrom('logout_notices').execute())

const notice = (sid: string, clientId: string) => ({ sid, clientId, accountId: 'usr_1' })

describe('taking', () => {
  test('what one node has, no other gets, until its time is over', async () => {
    await notices.add(notice('one', 'alpha'))
    await notices.add(notice('one', 'alpha'))
    expect(await notices.take('alpha', 60)).toMatchObject({ sid: 'one', tries: 1 })
    expect(await notices.take('alpha', 60)).toBeUndefined()
    time.advance(60)
    expect(await notices.take('alpha', 60)).toMatchObject({ sid: 'one', tries: 2 })
    await notices.remove('one')
    time.advance(60)
    expect(await notices.take('alpha', 60)).toBeUndefined()
  })

  test('of an app that fails nothing is due until the pause is over, and then what was tried least', async () => {
    for (const sid of ['b1', 'b2']) await notices.add(notice(sid, 'beta'))
    await notices.add(notice('g1', 'gamma'))
    const first = await notices.take('beta', 60)
    if (first === undefined) throw new Error('nothing is due')
    await notices.postpone(first, 'it answered 503', 10)
    expect(await notices.due([], 10)).toEqual(['gamma'])
    expect(await notices.due(['gamma'], 10)).toEqual([])
    expect(await notices.failing()).toEqual([
      { clientId: 'beta', waiting: 2, since: expect.any(Date), problem: 'it answered 503' },
    ])
    expect(await notices.failing('gamma')).toEqual([])
    time.advance(10)
    expect(new Set(await notices.due([], 10))).toEqual(new Set(['beta', 'gamma']))
    const second = await notices.take('beta', 60)
    expect(second?.sid).not.toBe(first.sid)
    expect(second?.tries).toBe(1)
  })
})

postgresTest('two nodes that take at once are given different ones, each once', async () => {
  await using shared = await openPostgresDatabase()
  const other = openPostgres(shared.url)
  const nodes = [shared.store, other].map(({ db }) => logoutNotices(db, time.now)) as [LogoutNotices, LogoutNotices]
  for (let number = 0; number < 30; number += 1) await nodes[0].add(notice(`sid-${number}`, 'delta'))
  const takes = Array.from({ length: 60 }, (_, number) => nodes[number % 2 === 0 ? 0 : 1].take('delta', 60))
  const sids = (await Promise.all(takes)).flatMap((taken) => (taken === undefined ? [] : [taken.sid]))
  expect(new Set(sids).size).toBe(sids.length)
  await other.close()
})

test('ending a session writes down the apps that have an address for it, and no others', async () => {
  const { db } = database.store
  const metadata = (extra: object) => ({ client_name: 'App', ...extra })
  const rows = clients(db, time.now)
  const common = { profile: 'web', firstParty: false, secretHashes: [] }
  await rows.add({ ...common, id: 'told', metadata: metadata({ backchannel_logout_uri: 'https://app.example/out' }) })
  await rows.add({ ...common, id: 'untold', metadata: metadata({}) })
  const authorizations = {
    told: { sid: 'sid-told', grantId: 'g' },
    untold: { sid: 'sid-untold' },
    account: { sid: 'sid-account' },
    'https://app.example/client.json': { sid: 'sid-document' },
  }
  const row = (uid: string, expires: Date) => sql`
    insert into sessions (id_hash, uid, account_id, payload, created_at, expires_at)
    values (${`${uid}-${expires.getTime()}`}, ${uid}, 'usr_9', ${JSON.stringify({ uid, authorizations })}::jsonb, ${time.now()}, ${expires})`
  const later = (seconds: number) => new Date(time.now().getTime() + seconds * 1000)
  // A session has two rows where two tabs were open.
  await row('both', later(60)).execute(db)
  await row('both', later(90)).execute(db)
  await sessions(db, time.now).revoke('both')
  const written = await db.selectFrom('logout_notices').selectAll().where('account_id', '=', 'usr_9').execute()
  expect(written.map(({ sid, client_id }) => [sid, client_id]).sort()).toEqual([['sid-told', 'told']])
})
