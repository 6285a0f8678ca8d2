/**
 * What every demonstration stands on: a server in a temporary folder, its command line, and a place for an app.
 *
 * Everything is gone afterwards. Apps themselves use nothing of the server's code; only this file does.
 */
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type RequestListener } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sealer } from '../adapters/crypto/seal.ts'
import { runRequest } from '../server/commands/run.ts'
import { commandServices } from '../server/composition/commands.ts'
import { readConfig } from '../server/config.ts'
import { startServer } from '../server/main.ts'

export interface Ports {
  server: number
  app: number
}

export interface Stage {
  readonly issuer: string
  /** Where the app is reached. */
  readonly app: string
  /** Runs a command of `habitat-auth` and answers what it prints with `--json`. Throws when it fails. */
  run(argv: readonly string[], stdin?: string): Promise<Record<string, unknown>>
  /** Lets the app answer. */
  serve(app: RequestListener): void
  /** Something else to stop at the end, before the server. */
  whenDone(stop: () => Promise<void>): void
  /** Stops everything and removes what it kept. */
  stop(): Promise<void>
}

/** Starts a server on these ports (0 for any) and calls `prepare`; what it throws ends all again. */
export async function stage(
  ports: Ports,
  settings: Readonly<Record<string, string>>,
  prepare: (stage: Stage) => Promise<void>,
): Promise<Stage> {
  const cleanUp: (() => Promise<void>)[] = []
  const stop = async () => {
    while (cleanUp.length > 0) await cleanUp.pop()?.()
  }
  try {
    const folder = await mkdtemp(join(tmpdir(), 'habitat-demo-'))
    cleanUp.push(() => rm(folder, { recursive: true, force: true }))
    const front = await listen(ports.app)
    cleanUp.push(front.close)
    const secret = randomBytes(32).toString('hex')
    const own = { PORT: String(ports.server), DATA_DIR: folder, SECRETS: secret, LOG_LEVEL: 'warn' }
    const config = readConfig({ ...own, ...settings })
    const server = await startServer(config)
    cleanUp.push(() => server.stop())
    const now = () => new Date()
    const services = commandServices({ store: server.store, config, sealer: sealer([secret]), insideServer: true, now })
    const made: Stage = {
      issuer: server.issuer,
      app: front.origin,
      async run(argv, stdin = '') {
        const { exitCode, stdout, stderr } = await runRequest(services, { argv: [...argv, '--json'], stdin })
        if (exitCode !== 0) throw new Error(`habitat-auth ${argv.join(' ')} failed: ${stderr}`)
        return JSON.parse(stdout) as Record<string, unknown>
      },
      serve: front.serve,
      whenDone: (work) => void cleanUp.push(work),
      stop,
    }
    await prepare(made)
    return made
  } catch (error) {
    await stop()
    throw error
  }
}

/** Something that a demonstration needs is not there; the message says what, to whoever started it. */
export class Missing extends Error {
  override name = 'Missing'
}

/** Loads what needs the dev dependencies. Throws `Missing`. */
export async function withDevDependencies<T>(load: () => Promise<T>): Promise<T> {
  try {
    return await load()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error
    throw new Missing('The demo needs the dev dependencies, which are not installed. Run: npm ci', { cause: error })
  }
}

/** Runs a demonstration as a program: ports from the environment, Ctrl-C ends it. */
export async function present(start: (ports: Ports) => Promise<{ welcome: string; stop(): Promise<void> }>) {
  try {
    const { welcome, stop } = await start({ server: portFrom('PORT', 3000), app: portFrom('APP_PORT', 4000) })
    process.stdout.write(welcome)
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.once(signal, () => void stop().then(() => process.exit(0)))
    }
  } catch (error) {
    const inUse = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE'
    const known = error instanceof Missing || error instanceof RangeError
    const reason = inUse ? `${error.message}: set PORT (server) or APP_PORT (app) to another one.` : undefined
    process.stderr.write(`${reason ?? (known ? error.message : String((error as Error).stack ?? error))}\n`)
    process.exit(1)
  }
}

/** Listens on this machine alone. */
async function listen(
  port: number,
): Promise<{ origin: string; serve(listener: RequestListener): void; close(): Promise<void> }> {
  const server = createServer()
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', reject).listen(port, '127.0.0.1', resolve)
  await promise
  const address = server.address()
  return {
    origin: `http://localhost:${typeof address === 'object' && address !== null ? address.port : port}`,
    serve: (listener) => void server.on('request', listener),
    close: () =>
      new Promise((closed) => {
        server.close(() => closed())
        server.closeAllConnections()
      }),
  }
}

function portFrom(name: string, fallback: number): number {
  const port = Number(process.env[name] ?? fallback)
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port
  throw new RangeError(`${name} must be a number from 0 to 65535, not "${process.env[name]}".`)
}
