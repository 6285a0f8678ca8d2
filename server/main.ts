#!/usr/bin/env node
/**
 * The server as a process: settings → database → parts → application → listen → stop on signal.
 *
 * What the parts are and how they fit stands in `composition/`. `startServer` is what tests and the demo call; the last
 * lines run it when this file is the program.
 */
import { sealer as createSealer, SealBroken } from '../adapters/crypto/seal.ts'
import type { IdentityProvider } from '../adapters/identity/contract.ts'
import { DatabaseInUse, type Store } from '../adapters/postgres/database.ts'
import type { AdminSocket } from './admin-socket.ts'
import { application } from './composition/application.ts'
import { openAdminSocket } from './composition/commands.ts'
import { openStore, readSettingsFile, secretsOf } from './composition/foundation.ts'
import { cleaning, settled } from './composition/jobs.ts'
import { tellingOfLogouts } from './composition/logouts.ts'
import { type Parts, parts as putTogether } from './composition/parts.ts'
import type { Outside } from './composition/pds.ts'
import { telegramWork } from './composition/telegram-service.ts'
import { type Config, ConfigError, readConfig } from './config.ts'
import { migrated } from './database-trouble.ts'
import { describe } from './describe-error.ts'
import { garbageCollection, type IdleMemory, idleMemory } from './idle-memory.ts'
import { drained, listen } from './listener.ts'
import { log as createLog, type Log } from './log.ts'
import { startProblem } from './start-problem.ts'
import { welcome } from './welcome.ts'

export interface StartOptions {
  log?: Log
  now?: () => Date
  /** A database that is open already; it is the caller's to close. */
  store?: Store
  /** Further ways to prove who one is. */
  providers?: readonly IdentityProvider[]
  /** Another world of PDSs than the settings and the issuer say. */
  outside?: Partial<Outside>
  /** Counts the requests; its ticks are the caller's, because the memory is the process's. */
  memory?: IdleMemory
  /** Gives up a start that still waits for the database. */
  signal?: AbortSignal
}

export interface RunningServer {
  readonly issuer: string
  /** Where it listens; behind a proxy not the issuer's. */
  readonly port: number
  readonly store: Store
  /** Builds the provider anew, with the signing keys of the moment; requests under way finish on the one before. */
  rebuild(): Promise<void>
  /** Finishes what is in flight, then lets go of everything. Idempotent. */
  stop(): Promise<void>
}

/** Milliseconds. */
const memoryInterval = 5_000

/** Starts a server and answers once it can serve. Throws `DatabaseInUse`, `SealBroken`, or what listening throws. */
export async function startServer(settings: Config, options: StartOptions = {}): Promise<RunningServer> {
  const now = options.now ?? (() => new Date())
  const log = options.log ?? createLog(settings.logLevel)
  const stopping = new AbortController()
  const front = await listen(settings)
  // Without ISSUER the port is part of it, and with PORT=0 known only now.
  const config = settings.issuer.endsWith(':0') ? { ...settings, issuer: `http://localhost:${front.port}` } : settings
  let store: Store | undefined
  let adminSocket: AdminSocket | undefined
  let parts: Parts
  try {
    store = options.store ?? (await openStore(config, log))
    await migrated(store, log, options.signal)
    const foundation = { config, store, sealer: createSealer(secretsOf(config)), now, log }
    if (options.store === undefined && store.kind === 'embedded') adminSocket = await openAdminSocket(foundation)
    const outside = { ...config.atproto, open: config.issuer.startsWith('http:'), ...options.outside }
    parts = await putTogether(foundation, { outside, providers: options.providers ?? [] })
    const listener = application(parts, stopping.signal)
    front.serve(options.memory?.counted(listener) ?? listener)
  } catch (error) {
    front.server.close()
    await adminSocket?.close()
    if (options.store === undefined) await store?.close()
    throw error
  }
  const database = store
  const stopCleaning = cleaning(parts, stopping.signal)
  const stopTelling = tellingOfLogouts(parts.oauth.logouts)
  const telegramDone = telegramWork(parts, stopping.signal)

  let stopped: Promise<void> | undefined
  const stop = async (): Promise<void> => {
    stopping.abort()
    stopCleaning()
    stopTelling()
    await drained(front.server)
    await settled(parts)
    await telegramDone
    await adminSocket?.close()
    if (options.store === undefined) await database.close()
  }
  return {
    issuer: config.issuer,
    port: front.port,
    store: database,
    rebuild: parts.oauth.rebuild,
    stop: () => {
      stopped ??= stop()
      return stopped
    },
  }
}

async function main(): Promise<void> {
  try {
    process.loadEnvFile()
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
  }
  const config = readConfig(process.env, readSettingsFile)
  const waiting = new AbortController()
  const memory = idleMemory(garbageCollection())
  setInterval(memory.tick, memoryInterval).unref()
  let server: RunningServer | undefined
  // Before the start, because it may wait for the database: the first process of a container ignores what it does not handle.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      waiting.abort()
      void server?.stop().then(() => process.exit(0))
    })
  }
  try {
    server = await startServer(config, { signal: waiting.signal, memory })
  } catch (error) {
    if (waiting.signal.aborted) process.exit(0)
    throw error
  }
  if (waiting.signal.aborted) {
    await server.stop()
    process.exit(0)
  }
  if (config.production) {
    const { issuer, port } = server
    const database = config.database.kind
    createLog(config.logLevel).info({ issuer, host: config.host, port, database }, 'listening')
  } else process.stdout.write(welcome(config, server.issuer))
}

function expectedProblem(error: unknown): string | undefined {
  if (error instanceof SealBroken) {
    return 'The signing keys were sealed with a secret that is not in SECRETS (or DATA_DIR/secrets). Put it back: habitat-auth doctor says more.'
  }
  return error instanceof ConfigError || error instanceof DatabaseInUse ? error.message : undefined
}

if (import.meta.main) {
  main().catch((error: unknown) => {
    process.stderr.write(`${expectedProblem(error) ?? startProblem(error) ?? describe(error)}\n`)
    process.exit(1)
  })
}
