/** The one database: who may open it, what outlives a crash, and migrations that several nodes may run. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, openAsBlob, rmSync, statSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'kysely'
import { describe, expect, inject, onTestFinished, test } from 'vitest'
import { DatabaseInUse, openEmbedded, openPostgres, ping, type Store } from '../../../adapters/postgres/database.ts'
import {
  createDatabase,
  openPostgresDatabase,
  openTestDatabase,
  postgresTest,
  type TestDatabase,
} from '../../support/database.ts'

const root = join(import.meta.dirname, '../../..')
const at = new Date('2026-01-01T00:00:00Z')

describe('the embedded database', () => {
  test('is refused to a second opener in the same process, and free again once closed', async () => {
    const folder = temporaryFolder()
    const first = await openEmbedded(folder, await snapshot())
    await expect(openEmbedded(folder)).rejects.toThrow(DatabaseInUse)
    await first.close()
    const next = await openEmbedded(folder)
    await ping(next.db)
    await next.close()
  })

  test('is refused while another process has it, with words that say which and what to do', async () => {
    const folder = temporaryFolder()
    const owner = await openElsewhere(folder)
    const refusal = await openEmbedded(folder).then(
      () => undefined,
      (error: unknown) => error,
    )
    expect(refusal).toBeInstanceOf(DatabaseInUse)
    for (const hint of [folder, `pid ${owner.pid}`, 'DATABASE_URL']) expect(String(refusal)).toContain(hint)
  })

  test('is free after its owner was killed, with everything that was acknowledged', async () => {
    const folder = temporaryFolder()
    const owner = await openElsewhere(folder)
    owner.kill('SIGKILL')
    await once(owner, 'exit')
    const store = await openEmbedded(folder)
    const { rows } = await sql`select note from notes`.execute(store.db)
    expect(rows).toEqual([{ note: 'acknowledged' }])
    await store.close()
  })

  test('is free after it could not be opened', async () => {
    const folder = temporaryFolder()
    await expect(openEmbedded(folder, new Blob(['no database']))).rejects.toThrow()
    rmSync(join(folder, 'postgres'), { recursive: true, force: true })
    await (await openEmbedded(folder, await snapshot())).close()
  })

  test('shows its files to nobody else: the folder is 0700, the lock 0600', async () => {
    const folder = join(temporaryFolder(), 'data')
    const store = await openEmbedded(folder, await snapshot())
    expect(mode(folder)).toBe('700')
    for (const name of await readdir(folder, { withFileTypes: true })) {
      if (name.isFile()) expect(mode(join(folder, name.name)), name.name).toBe('600')
    }
    await store.close()
  })
})

describe('on the database of this run', () => {
  test('migrations go up, down and up again, and leave nothing behind', () => promiseMigrations(openTestDatabase))

  test('a query of somebody else does not slip into an open transaction', async () => {
    await using database = await openTestDatabase()
    const { db } = database.store
    const { promise: inserted, resolve: goOn } = Promise.withResolvers<void>()
    const rolledBack = db.transaction().execute(async (trx) => {
      await insertAccount({ db: trx }, 'inside')
      goOn()
      await trx.selectFrom('accounts').select('id').execute()
      throw new Error('rolled back')
    })
    await inserted
    const outside = insertAccount({ db }, 'outside')
    await expect(rolledBack).rejects.toThrow('rolled back')
    await outside
    expect(await accountIds(database.store)).toEqual(['outside'])
  })

  test('a failed statement frees the connection', async () => {
    await using database = await openTestDatabase()
    await insertAccount(database.store, 'alice')
    for (let round = 0; round < 12; round += 1) {
      await expect(insertAccount(database.store, 'alice')).rejects.toThrow()
    }
    await ping(database.store.db)
  })

  test('a closed database does not answer', async () => {
    const database = await openTestDatabase()
    await database.close()
    await expect(ping(database.store.db)).rejects.toThrow()
  })
})

describe('on Postgres', () => {
  postgresTest('migrations go up, down and up again there too', () => promiseMigrations(openPostgresDatabase))

  postgresTest('nodes that start at once migrate once', async () => {
    const { url, remove } = await createDatabase('empty')
    const nodes = Array.from({ length: 6 }, () => openPostgres(url, { poolSize: 2 }))
    const applied = (await Promise.all(nodes.map((node) => node.migrate()))).flat()
    const known = await nodes[0]?.migrations()
    expect(applied.toSorted()).toEqual(known?.map(({ name }) => name))
    await Promise.all(nodes.map((node) => node.close()))
    await remove()
  })

  postgresTest('a statement is prepared once per connection, however often it runs', async () => {
    await using database = await openPostgresDatabase()
    await database.store.db.connection().execute(async (connection) => {
      for (let round = 0; round < 20; round += 1) {
        await connection.selectFrom('accounts').select('id').where('id', '=', `account-${round}`).execute()
      }
      const { rows } = await sql<{ name: string }>`
        select name from pg_prepared_statements where statement like '%"accounts"%'`.execute(connection)
      expect(rows).toHaveLength(1)
    })
  })

  postgresTest('more statements than are kept prepared are answered all the same', async () => {
    await using database = await openPostgresDatabase()
    await database.store.db.connection().execute(async (connection) => {
      for (let round = 0; round < 250; round += 1) {
        const { rows } = await sql<{ it: string }>`select ${'x'}::text as it, ${sql.lit(round)} as round`.execute(
          connection,
        )
        expect(rows).toEqual([{ it: 'x', round }])
      }
    })
  })

  postgresTest('lost connections are reported and replaced', async () => {
    await using database = await openPostgresDatabase()
    const errors: Error[] = []
    const { promise: reported, resolve: report } = Promise.withResolvers<void>()
    const onError = (error: Error) => {
      errors.push(error)
      report()
    }
    const node = openPostgres(database.url, { onError })
    await ping(node.db)
    await sql`select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and pid <> pg_backend_pid()`.execute(database.store.db)
    await reported
    await ping(node.db)
    expect(errors.length).toBeGreaterThan(0)
    await node.close()
  })

  test('a server that is not there is an error, within seconds', async () => {
    const store = openPostgres('postgres://nobody@127.0.0.1:1/nothing')
    await expect(ping(store.db)).rejects.toThrow()
    await store.close()
  })
})

async function promiseMigrations(open: () => Promise<TestDatabase>): Promise<void> {
  await using database = await open()
  const { store } = database
  const all = (await store.migrations()).map(({ name }) => name)
  expect(all.length).toBeGreaterThan(0)
  expect(await store.migrate()).toEqual([])

  const down: (string | undefined)[] = []
  for (let step = 0; step <= all.length; step += 1) down.push(await store.migrateDown())
  expect(down).toEqual([...all.toReversed(), undefined])
  expect((await store.migrations()).filter(({ executedAt }) => executedAt !== undefined)).toEqual([])
  expect(await ownTables(store)).toEqual([])

  expect(await store.migrate()).toEqual(all)
  for (const { executedAt } of await store.migrations()) expect(executedAt).toBeInstanceOf(Date)
  expect(await ownTables(store)).toContain('accounts')
}

async function ownTables({ db }: Store): Promise<readonly string[]> {
  const tables = await db.introspection.getTables()
  return tables.map(({ name }) => name)
}

async function insertAccount({ db }: Pick<Store, 'db'>, id: string): Promise<void> {
  await db.insertInto('accounts').values({ id, name: null, email: null, created_at: at }).execute()
}

async function accountIds({ db }: Store): Promise<readonly string[]> {
  const rows = await db.selectFrom('accounts').select('id').orderBy('id').execute()
  return rows.map(({ id }) => id)
}

/** Opens the embedded database in `folder` from another process, which then holds it and one acknowledged row. */
async function openElsewhere(folder: string): Promise<ChildProcess> {
  const script = `
    import { openAsBlob } from 'node:fs'
    import { sql } from 'kysely'
    import { openEmbedded } from './adapters/postgres/database.ts'
    const { db } = await openEmbedded(process.argv[1], await openAsBlob(process.argv[2]))
    await sql\`create table notes (note text)\`.execute(db)
    await sql\`insert into notes values ('acknowledged')\`.execute(db)
    console.log('open')
    setInterval(() => {}, 60_000)`
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script, folder, inject('snapshot')], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const [line] = await Promise.race([once(child.stdout, 'data'), once(child, 'exit')])
  expect(String(line)).toContain('open')
  return child
}

/** A migrated database to begin with: loaded in a tenth of the time that a new one takes. */
function snapshot(): Promise<Blob> {
  return openAsBlob(inject('snapshot'))
}

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'habitat-database-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

function mode(path: string): string {
  return (statSync(path).mode & 0o777).toString(8)
}
