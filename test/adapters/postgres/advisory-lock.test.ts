import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { LockTimeout, type WithLock } from '../../../adapters/postgres/advisory-lock.ts'
import { openPostgres } from '../../../adapters/postgres/database.ts'
import { openPostgresDatabase, openTestDatabase, postgresTest } from '../../support/database.ts'

/** Does work that would notice company. */
function lonely() {
  let inside = 0
  let most = 0
  return {
    work: async () => {
      inside += 1
      most = Math.max(most, inside)
      for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate)
      inside -= 1
    },
    get most() {
      return most
    },
  }
}

async function crowd(locks: readonly WithLock[], name: string): Promise<number> {
  const it = lonely()
  await Promise.all(Array.from({ length: 12 }, (_, index) => locks[index % locks.length]?.(name, it.work)))
  return it.most
}

test('work under one name is never in company, work under two names is', async () => {
  await using database = await openTestDatabase()
  const { withLock } = database.store
  expect(await crowd([withLock], 'one')).toBe(1)
  const first = Promise.withResolvers<void>()
  const held = withLock('one', () => first.promise)
  await withLock('two', async () => first.resolve())
  await held
})

test('what work answers and throws comes through, and the next one gets its turn', async () => {
  await using database = await openTestDatabase()
  const { withLock } = database.store
  await expect(withLock('one', () => Promise.reject(new Error('broke')))).rejects.toThrow('broke')
  expect(await withLock('one', async () => 'done')).toBe('done')
})

postgresTest('nodes take turns, and the database serves others meanwhile', async () => {
  await using database = await openPostgresDatabase()
  const other = openPostgres(database.url, { poolSize: 1 })
  try {
    expect(await crowd([database.store.withLock, other.withLock], 'one')).toBe(1)
    const answer = await other.withLock('one', async () => sql`select 1 as one`.execute(other.db))
    expect(answer.rows).toEqual([{ one: 1 }])
  } finally {
    await other.close()
  }
})

postgresTest('work is told when its connection dies, and the lock goes to the next', async () => {
  await using database = await openPostgresDatabase()
  const other = openPostgres(database.url)
  try {
    const lost = Promise.withResolvers<void>()
    const end = Promise.withResolvers<void>()
    const held = database.store.withLock('one', async (signal) => {
      signal.addEventListener('abort', () => lost.resolve())
      await sql`select pg_terminate_backend(pid) from pg_locks
        where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())`.execute(
        other.db,
      )
      await lost.promise
      await end.promise
      return 'done'
    })
    await lost.promise
    expect(await other.withLock('one', async () => 'taken over')).toBe('taken over')
    end.resolve()
    expect(await held).toBe('done')
    expect(await database.store.withLock('one', async () => 'again')).toBe('again')
  } finally {
    await other.close()
  }
})

postgresTest('who waits too long is told so', async () => {
  await using database = await openPostgresDatabase()
  const hurried = new URL(database.url)
  hurried.searchParams.set('lock_timeout', '50')
  const other = openPostgres(hurried.href)
  try {
    await database.store.withLock('one', async () => {
      await expect(other.withLock('one', async () => undefined)).rejects.toThrow(LockTimeout)
    })
    expect(await other.withLock('one', async () => 'done')).toBe('done')
  } finally {
    await other.close()
  }
})
