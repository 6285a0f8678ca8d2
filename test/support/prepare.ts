/**
 * Made once per run, before the first test: a migrated embedded database to copy, and a migrated template on Postgres.
 *
 * Postgres is `DATABASE_URL` when set, else a throw-away cluster where the programs are installed, so that what can
 * only be shown on Postgres (races) is tested in both kinds of run.
 */
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PGlite } from '@electric-sql/pglite'
import type { TestProject } from 'vitest/node'
import { openEmbedded, openPostgres } from '../../adapters/postgres/database.ts'
import { findPostgres, startCluster } from './cluster.ts'
import { databaseUrl, onServer } from './postgres-server.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** The kind of database that `openTestDatabase` opens. */
    databaseKind: 'postgres' | 'embedded'
    /** File with a copy of a migrated embedded database. */
    snapshot: string
    /** The same as a folder of files, for `dataFolder`. */
    databaseFolder: string
    /** Folder where programs that tests start keep what they compiled, for the next one. */
    compileCache: string
    /** Server and template database, where there is a Postgres. */
    postgres: { url: string; template: string } | undefined
  }
}

export default async function prepare(project: TestProject): Promise<() => Promise<void>> {
  const given = process.env['DATABASE_URL']
  const programs = findPostgres()
  const folder = await mkdtemp(join(tmpdir(), 'habitat-test-'))
  const cluster = given === undefined && programs !== undefined ? await startCluster(programs) : undefined
  const url = given ?? cluster?.url
  const template = `habitat_template_${randomBytes(6).toString('hex')}`
  const snapshot = join(folder, 'snapshot.tar')
  await makeSnapshot(folder, snapshot)
  if (url !== undefined) await makeTemplate(url, template)
  project.provide('databaseKind', given === undefined ? 'embedded' : 'postgres')
  project.provide('snapshot', snapshot)
  project.provide('databaseFolder', join(folder, 'postgres'))
  project.provide('compileCache', join(folder, 'compiled'))
  project.provide('postgres', url === undefined ? undefined : { url, template })
  return async () => {
    if (given !== undefined) await onServer(given, `drop database if exists ${template} with (force)`)
    await cluster?.close()
    await rm(folder, { recursive: true, force: true })
  }
}

/**
 * Bytes and buffers are what opening a copy takes its time for, so it has few of both: short segments of the log, no
 * databases to create others from. What it means to its statements is the same.
 */
async function makeSnapshot(folder: string, file: string): Promise<void> {
  const dataDir = join(folder, 'postgres')
  const small = ['shared_buffers=4MB', 'min_wal_size=2MB', 'max_wal_size=4MB'].flatMap((setting) => ['--set', setting])
  const empty = await PGlite.create({ dataDir, initDbStartParams: ['--wal-segsize=1', ...small] })
  await empty.close()
  const store = await openEmbedded(folder)
  await store.migrate()
  await store.close()
  const pglite = await PGlite.create({ dataDir })
  await pglite.exec('update pg_database set datistemplate = false')
  await pglite.exec('drop database template0')
  await pglite.exec('drop database template1')
  await pglite.exec('checkpoint')
  const dump = await pglite.dumpDataDir('none')
  await pglite.close()
  await writeFile(file, Buffer.from(await dump.arrayBuffer()))
}

async function makeTemplate(url: string, name: string): Promise<void> {
  await onServer(url, `create database ${name}`)
  const store = openPostgres(databaseUrl(url, name), { poolSize: 1 })
  await store.migrate()
  await store.close()
}
