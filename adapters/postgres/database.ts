/**
 * Opens the one database: Postgres through a pool, or PGlite embedded in this process.
 *
 * Knows connections and migrations, nothing of what is stored. Both answer to the same kysely, so that the rest of
 * the house never asks which one it has.
 */
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type DatabaseConnection, type Driver, Kysely, type PGlite, PGliteDialect, PostgresDialect, sql } from 'kysely'
import { type Migration, type MigrationInfo, Migrator } from 'kysely/migration'
import pg from 'pg'
import { advisoryLock, localLock, type WithLock } from './advisory-lock.ts'
import type { Database } from './schema.ts'

/** The open database. */
export interface Store {
  readonly db: Kysely<Database>
  readonly kind: 'postgres' | 'embedded'
  /** Runs work alone under a name, over all nodes. Not for statements: those have transactions. */
  readonly withLock: WithLock
  /** Applies every pending migration; several nodes may do so at once (advisory lock). Throws what a migration throws. */
  migrate(): Promise<readonly string[]>
  /** Steps one migration back; answers its name, or undefined when none is applied. */
  migrateDown(): Promise<string | undefined>
  /** Every known migration with the time it was applied. */
  migrations(): Promise<readonly MigrationInfo[]>
  close(): Promise<void>
}

/** Another process has the embedded database open. */
export class DatabaseInUse extends Error {
  override name = 'DatabaseInUse'
}

export interface PostgresOptions {
  /** Connections held by this process at most. */
  poolSize?: number
  /** Called for errors on idle connections; the pool replaces the connection by itself. */
  onError?: (error: Error) => void
}

/** Milliseconds. */
const connectTimeout = 2_000
const statementTimeout = 5_000
/** What is done under a lock asks others and may take as long as they do; who waits for it gives up before. */
const lockWork = 90_000
const lockWait = 30_000
const lockConnections = 8
/** Beyond the server's own limit: a network that is gone ends no statement. */
const networkTimeout = 1_000

/** Opens a pool to Postgres 15 or later. Connects on first use; throws nothing itself. */
export function openPostgres(url: string, options: PostgresOptions = {}): Store {
  const pool = postgresPool(url, options.poolSize ?? 10, statementTimeout, options.onError)
  const db = new Kysely<Database>({ dialect: new PostgresDialect({ pool: withStatementNames(pool) }) })
  const lockPool = postgresLockPool(url, options.onError)
  // A migration may outlast any request, and waits for the other node that is migrating.
  const withMigrationPool = async <T>(work: (migrator: Migrator) => Promise<T>): Promise<T> => {
    const migrationDb = new Kysely<Database>({
      dialect: new PostgresDialect({ pool: postgresPool(url, 1, 0, options.onError) }),
    })
    try {
      return await work(migrator(migrationDb))
    } finally {
      await migrationDb.destroy()
    }
  }
  return {
    db,
    kind: 'postgres',
    withLock: advisoryLock(lockPool),
    migrate: () => withMigrationPool(migrateUp),
    migrateDown: () => withMigrationPool(migrateDown),
    migrations: () => withMigrationPool((it) => it.getMigrations()),
    close: async () => {
      await Promise.all([db.destroy(), lockPool.ended ? undefined : lockPool.end()])
    },
  }
}

/**
 * Opens PGlite in `dataDir`, which only one process may do (throws `DatabaseInUse`), or in memory when undefined.
 * Survives the death of the process, not the loss of power: PGlite never calls fsync.
 */
export async function openEmbedded(dataDir: string | undefined, snapshot?: Blob): Promise<Store> {
  const lock = dataDir === undefined ? undefined : lockDirectory(dataDir)
  const directory = dataDir === undefined ? undefined : join(dataDir, 'postgres')
  try {
    // Loaded only where it is used: a node on Postgres starts without it.
    const { PGlite } = await import('@electric-sql/pglite')
    const pglite = await PGlite.create({
      ...(directory === undefined ? {} : { dataDir: directory }),
      ...(snapshot === undefined ? {} : { loadDataDir: snapshot }),
    })
    return embeddedStore(pglite, () => lock?.release())
  } catch (error) {
    lock?.release()
    throw error
  }
}

/** The store over an open PGlite, which it closes with itself; `closed` is told then. */
export function embeddedStore(pglite: PGlite, closed: () => void = () => undefined): Store {
  const db = new Kysely<Database>({ dialect: new OneConnectionDialect({ pglite }) })
  const own = migrator(db)
  return {
    db,
    kind: 'embedded',
    withLock: localLock(),
    migrate: () => migrateUp(own),
    migrateDown: () => migrateDown(own),
    migrations: () => own.getMigrations(),
    close: async () => {
      await db.destroy()
      if (!pglite.closed) await pglite.close()
      closed()
    },
  }
}

/** Throws when the database does not answer. */
export async function ping(db: Kysely<Database>): Promise<void> {
  await sql`select 1`.execute(db)
}

function postgresPool(url: string, max: number, timeout: number, onError?: (error: Error) => void): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    max,
    connectionTimeoutMillis: connectTimeout,
    idleTimeoutMillis: 60_000,
    keepAlive: true,
    ...(timeout > 0
      ? {
          statement_timeout: timeout,
          idle_in_transaction_session_timeout: timeout,
          query_timeout: timeout + networkTimeout,
        }
      : {}),
  })
  return listened(pool, onError)
}

function postgresLockPool(url: string, onError?: (error: Error) => void): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    max: lockConnections,
    // Waiting for a connection of the pool counts here, too.
    connectionTimeoutMillis: 5 * connectTimeout,
    idleTimeoutMillis: 10_000,
    keepAlive: true,
    lock_timeout: lockWait,
    idle_in_transaction_session_timeout: lockWork,
    query_timeout: lockWait + networkTimeout,
  })
  return listened(pool, onError)
}

/** Without a listener the death of a connection would end the process. One in use tells its statement, too. */
function listened(pool: pg.Pool, onError?: (error: Error) => void): pg.Pool {
  pool.on('error', (error) => onError?.(error))
  pool.on('connect', (client) => client.on('error', () => undefined))
  return pool
}

/** The most statement texts that are kept prepared; every text comes from our own code, so there are few. */
const preparedStatements = 200

/**
 * Issues each statement text under a name of its own, so that Postgres plans it once per connection (it is then
 * served more than twice as often: docs/decisions/004-named-statements.md).
 */
function withStatementNames(pool: pg.Pool): pg.Pool {
  const names = new Map<string, string>()
  const nameOf = (text: string): string | undefined => {
    const known = names.get(text)
    if (known !== undefined || names.size >= preparedStatements) return known
    const name = `s${names.size}`
    names.set(text, name)
    return name
  }
  const prepared = new WeakSet<pg.PoolClient>()
  pool.on('connect', (client) => {
    if (prepared.has(client)) return
    prepared.add(client)
    const query = client.query.bind(client) as (...args: unknown[]) => unknown
    const named = (text: unknown, values?: unknown, ...rest: unknown[]): unknown => {
      const name = typeof text === 'string' && Array.isArray(values) && values.length > 0 ? nameOf(text) : undefined
      const answer = name === undefined ? query(text, values, ...rest) : query({ name, text, values }, ...rest)
      if (answer instanceof Promise) answer.catch((error: unknown) => giveUp(client, error))
      return answer
    }
    Object.defineProperty(client, 'query', { value: named })
  })
  return pool
}

/** A connection whose answer never came is not used again: the next statement would wait behind the lost one. */
function giveUp(client: pg.PoolClient, error: unknown): void {
  if (!(error instanceof Error) || error.message !== 'Query read timeout') return
  void (client as unknown as pg.Client).end().catch(() => undefined)
}

/** PGlite has one connection: a second query must wait until an open transaction is over, not slip into it. */
class OneConnectionDialect extends PGliteDialect {
  override createDriver(): Driver {
    const driver: Driver = super.createDriver()
    const acquire = driver.acquireConnection.bind(driver)
    const release = driver.releaseConnection.bind(driver)
    let tail = Promise.resolve()
    const releases = new WeakMap<DatabaseConnection, () => void>()
    driver.acquireConnection = async (...args) => {
      const before = tail
      const { promise, resolve } = Promise.withResolvers<void>()
      tail = promise
      await before
      const connection = await acquire(...args)
      releases.set(connection, resolve)
      return connection
    }
    driver.releaseConnection = async (connection, ...args) => {
      await release(connection, ...args)
      releases.get(connection)?.()
    }
    return driver
  }
}

/** Holds `dataDir` for this process; the kernel lets go of it when the process ends, however it ends. */
function lockDirectory(dataDir: string): { release(): void } {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  chmodSync(dataDir, 0o700)
  const path = join(dataDir, 'lock')
  const owner = join(dataDir, 'owner')
  const lock = new DatabaseSync(path)
  try {
    chmodSync(path, 0o600)
    lock.exec('pragma locking_mode = exclusive; begin exclusive')
  } catch (error) {
    lock.close()
    if (!/locked|busy/i.test(String(error))) throw error
    const pid = readPid(owner)
    throw new DatabaseInUse(
      `The embedded database in ${dataDir} is open in another process${pid === undefined ? '' : ` (pid ${pid})`}. Stop it, or give this one another DATA_DIR or a DATABASE_URL.`,
      { cause: error },
    )
  }
  writeFileSync(owner, String(process.pid), { mode: 0o600 })
  return { release: () => lock.close() }
}

function readPid(path: string): string | undefined {
  try {
    return /^\d+$/.exec(readFileSync(path, 'utf8').trim())?.[0]
  } catch {
    return undefined
  }
}

const migrationFolder = join(import.meta.dirname, '../../migrations')

function migrator(db: Kysely<Database>): Migrator {
  return new Migrator({
    db,
    provider: {
      async getMigrations() {
        const names = (await readdir(migrationFolder)).filter((name) => /^\d{4}-.*\.ts$/.test(name)).sort()
        const found: Record<string, Migration> = {}
        for (const name of names) {
          found[name.slice(0, -'.ts'.length)] = (await import(join(migrationFolder, name))) as Migration
        }
        return found
      },
    },
  })
}

async function migrateUp(it: Migrator): Promise<readonly string[]> {
  const { error, results } = await it.migrateToLatest()
  if (error !== undefined) throw error
  return (results ?? []).filter((result) => result.status === 'Success').map((result) => result.migrationName)
}

async function migrateDown(it: Migrator): Promise<string | undefined> {
  const { error, results } = await it.migrateDown()
  if (error !== undefined) throw error
  return results?.[0]?.migrationName
}
