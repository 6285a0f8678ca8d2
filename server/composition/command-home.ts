/**
 * Which process runs a command: this one where the database can be opened, the running server where that owns the
 * embedded database.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { sealer } from '../../adapters/crypto/seal.ts'
import { DatabaseInUse, openEmbedded, openPostgres, type Store } from '../../adapters/postgres/database.ts'
import { type AdminRequest, callAdminSocket, SocketPathTooLong } from '../admin-socket.ts'
import type { Command, Context } from '../commands/command.ts'
import { runCommand } from '../commands/run.ts'
import { adminSocketPath, type Config } from '../config.ts'
import { Refusal } from '../errors.ts'
import { commandServices } from './commands.ts'
import { secretsOf } from './foundation.ts'

/** Milliseconds that a command waits for a server that starts or stops, or for another command. */
const patience = 30_000
const pause = 100
/** Milliseconds after which it says what it waits for. */
const silence = 2_000

export interface Invocation extends AdminRequest {
  readonly command: Command
  readonly terminal: Pick<Context, 'stdout' | 'stderr'>
}

/** Runs a command and answers its exit code. Throws `Refusal`, `DatabaseInUse`, `SocketPathTooLong`, and what commands throw. */
export function runInvocation(config: Config, invocation: Invocation): Promise<number> {
  return config.database.kind === 'postgres'
    ? runOnPostgres(config, config.database.url, invocation)
    : runOnEmbedded(config, invocation)
}

async function runOnPostgres(config: Config, url: string, invocation: Invocation): Promise<number> {
  const store = openPostgres(url, { poolSize: 2 })
  try {
    return await runOn(store, config, invocation)
  } finally {
    await store.close()
  }
}

/** A server that runs owns the database and runs the command; otherwise it is opened here. */
async function runOnEmbedded(config: Config, invocation: Invocation): Promise<number> {
  const { terminal } = invocation
  const startedAt = Date.now()
  let told = false
  for (;;) {
    const response = await askServer(config.dataDir, invocation)
    if (response !== undefined && !(response instanceof SocketPathTooLong)) {
      terminal.stdout(response.stdout)
      terminal.stderr(response.stderr)
      return response.exitCode
    }
    try {
      await using store = disposable(await openEmbedded(config.dataDir))
      return await runOn(store, config, invocation)
    } catch (error) {
      if (!(error instanceof DatabaseInUse)) throw error
      if (response instanceof SocketPathTooLong) throw response
      const waited = Date.now() - startedAt
      if (waited > patience) throw error
      if (waited > silence && !told) terminal.stderr('Another process has the database open; waiting for it.\n')
      told ||= waited > silence
      await sleep(pause)
    }
  }
}

async function askServer(dataDir: string, { argv, stdin }: Invocation) {
  try {
    return await callAdminSocket(adminSocketPath(dataDir), { argv, stdin })
  } catch (error) {
    if (error instanceof SocketPathTooLong) return error
    throw error
  }
}

async function runOn(store: Store, config: Config, { command, argv, stdin, terminal }: Invocation): Promise<number> {
  if (command.needsNoTables !== true) await prepareTables(store)
  const now = () => new Date()
  const services = commandServices({ store, config, sealer: sealer(secretsOf(config)), insideServer: false, now })
  return runCommand({ ...services, ...terminal, stdin: async () => stdin }, argv)
}

/** Nobody else works on an empty database, or on an embedded one that is open here; any other is left as it is. */
async function prepareTables(store: Store): Promise<void> {
  const all = await store.migrations()
  const missing = all.filter(({ executedAt }) => executedAt === undefined)
  if (missing.length === 0) return
  if (store.kind === 'postgres' && missing.length < all.length) {
    const names = missing.map(({ name }) => name).join(', ')
    throw new Refusal('unavailable', `The database lacks ${names}. Run habitat-auth migrate up, or start the server.`)
  }
  await store.migrate()
}

function disposable(store: Store): Store & AsyncDisposable {
  return { ...store, [Symbol.asyncDispose]: () => store.close() }
}
