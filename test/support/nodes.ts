/** Several nodes of one server on one Postgres, each with connections of its own, as behind a load balancer. */
import { randomBytes } from 'node:crypto'
import { openPostgres } from '../../adapters/postgres/database.ts'
import { openPostgresDatabase, type TestDatabase } from './database.ts'
import { startTestServer, type TestServer, type TestServerOptions } from './server.ts'

export interface Nodes extends AsyncDisposable {
  readonly database: TestDatabase
  readonly first: TestServer
  readonly second: TestServer
}

/** Starts two nodes with the same settings; throws where there is no Postgres: use `postgresTest`. */
export async function startNodes(options: Omit<TestServerOptions, 'database'> = {}): Promise<Nodes> {
  const database = await openPostgresDatabase()
  const other = { ...database, store: openPostgres(database.url) }
  const settings = { SECRETS: randomBytes(32).toString('hex'), ...options.settings }
  const first = await startTestServer({ ...options, settings, database })
  const second = await startTestServer({ ...options, settings, database: other })
  return {
    database,
    first,
    second,
    async [Symbol.asyncDispose]() {
      await Promise.all([first.stop(), second.stop()])
      await other.store.close()
      await database.close()
    },
  }
}
