/**
 * Databases for tests: each call opens a fresh, migrated one that nobody else sees.
 *
 * Embedded by default, on Postgres when the run has `DATABASE_URL`. A promise that only several connections can
 * break (a race) opens its database with `openPostgresDatabase` inside a `postgresTest`.
 */
import { randomBytes } from 'node:crypto'
import { sql } from 'kysely'
import { inject, test } from 'vitest'
import { embeddedStore, openPostgres, type Store } from '../../adapters/postgres/database.ts'
import { lendEmbedded } from './embedded-pool.ts'
import { wantOf } from './missing-tools.ts'
import { databaseUrl, onServer } from './postgres-server.ts'

export interface TestDatabase extends AsyncDisposable {
  readonly store: Store
  /** Connection string, on Postgres only: for a second node or another process. */
  readonly url?: string
  /** Every value of every row of every table, as text: what somebody who stole the database could read. */
  dump(): Promise<string>
  /** Closes the database and removes it. */
  close(): Promise<void>
}

/** Opens a fresh database of the kind that this run is about. */
export async function openTestDatabase(): Promise<TestDatabase> {
  if (inject('databaseKind') === 'postgres') return openPostgresDatabase()
  const store = embeddedStore(await lendEmbedded(inject('snapshot')))
  return testDatabase(store, () => store.close())
}

/** Opens a fresh database on Postgres, whatever this run is about. Throws when there is none: use `postgresTest`. */
export async function openPostgresDatabase(): Promise<TestDatabase & { readonly url: string }> {
  const { url, remove } = await createDatabase('template')
  const store = openPostgres(url)
  const close = async () => {
    await store.close()
    await remove()
  }
  return { ...testDatabase(store, close), url }
}

/** Creates a database on Postgres without opening it, `empty` or as a copy of the migrated `template`. */
export async function createDatabase(from: 'empty' | 'template'): Promise<{ url: string; remove(): Promise<void> }> {
  const postgres = inject('postgres')
  if (postgres === undefined) throw new Error('there is no Postgres here')
  const name = `habitat_test_${randomBytes(8).toString('hex')}`
  await onServer(postgres.url, `create database ${name} template ${from === 'empty' ? 'template0' : postgres.template}`)
  return {
    url: databaseUrl(postgres.url, name),
    remove: () => onServer(postgres.url, `drop database if exists ${name} with (force)`),
  }
}

/** A test that needs Postgres; skipped, and reported as such, where there is none. */
export function postgresTest(name: string, run: () => Promise<void>): void {
  test(name, async (context) => {
    if (inject('postgres') === undefined) return context.skip(wantOf('postgres'))
    await run()
  })
}

function testDatabase(store: Store, close: () => Promise<void>): TestDatabase {
  let closing: Promise<void> | undefined
  const once = () => (closing ??= close())
  return { store, dump: () => dump(store), close: once, [Symbol.asyncDispose]: once }
}

async function dump({ db }: Store): Promise<string> {
  const tables = await sql<{ name: string }>`
    select table_name as name from information_schema.tables
    where table_schema = current_schema() and table_type = 'BASE TABLE' order by table_name`.execute(db)
  const lines: string[] = []
  for (const { name } of tables.rows) {
    const { rows } = await sql<Record<string, unknown>>`select * from ${sql.table(name)}`.execute(db)
    for (const row of rows) lines.push(`${name} ${Object.values(row).map(asText).join(' ')}`)
  }
  return lines.join('\n')
}

/** Text as it is, so that nothing hides behind an escape. */
function asText(value: unknown): string {
  if (typeof value === 'string') return value
  if (value instanceof Uint8Array) {
    const bytes = Buffer.from(value)
    return `${bytes.toString('utf8')} ${bytes.toString('base64url')} ${bytes.toString('hex')}`
  }
  return JSON.stringify(value) ?? ''
}
