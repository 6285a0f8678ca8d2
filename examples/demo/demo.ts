#!/usr/bin/env node
/**
 * The server with a person and an app in it, ready to be clicked through.
 *
 * Everything lives in a temporary folder and is gone afterwards. Person and app are made by the same commands that the
 * README names. Needs the dev dependencies (`openid-client`).
 */
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type RequestListener } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sealer } from '../../adapters/crypto/seal.ts'
import { commandServices } from '../../server/cli.ts'
import { runRequest } from '../../server/commands/run.ts'
import { readConfig } from '../../server/config.ts'
import { startServer } from '../../server/main.ts'

export interface Demo {
  readonly issuer: string
  /** Where the example app is. */
  readonly app: string
  readonly email: string
  readonly password: string
  /** Stops both and removes what they kept. */
  stop(): Promise<void>
}

const person = { email: 'demo@example.com', password: 'try-the-demo', name: 'Dana Demo' }

/** Starts server and app on these ports; 0 for any. Throws what listening throws, `DevDependenciesMissing`. */
export async function startDemo(ports: { server: number; app: number }): Promise<Demo> {
  const { exampleApp } = await loadApp()
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
    const config = readConfig({ PORT: String(ports.server), DATA_DIR: folder, SECRETS: secret, LOG_LEVEL: 'warn' })
    const server = await startServer(config)
    cleanUp.push(() => server.stop())

    const now = () => new Date()
    const services = commandServices({
      store: server.store,
      config,
      sealer: sealer([secret]),
      insideServer: true,
      now,
    })
    const run = async (argv: readonly string[], stdin = ''): Promise<Record<string, unknown>> => {
      const { exitCode, stdout, stderr } = await runRequest(services, { argv: [...argv, '--json'], stdin })
      if (exitCode !== 0) throw new Error(`habitat-auth ${argv.join(' ')} failed: ${stderr}`)
      return JSON.parse(stdout) as Record<string, unknown>
    }
    const { email, password, name } = person
    await run(['user', 'add', '--email', email, '--name', name, '--password-stdin'], password)
    const client = await run([
      ...['client', 'add', '--profile', 'web', '--name', 'Example app'],
      ...['--redirect-uri', `${front.origin}/callback`, '--post-logout-redirect-uri', `${front.origin}/`],
      ...['--scope', 'openid', '--scope', 'profile', '--scope', 'email', '--scope', 'offline_access'],
    ])
    const app = await exampleApp({
      issuer: server.issuer,
      clientId: String(client['client_id']),
      clientSecret: String(client['client_secret']),
      origin: front.origin,
      credentials: { email, password },
    })
    front.serve(app)
    return { issuer: server.issuer, app: front.origin, email, password, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** The app's packages are not there. */
class DevDependenciesMissing extends Error {
  override name = 'DevDependenciesMissing'
}

async function loadApp(): Promise<typeof import('./app.ts')> {
  try {
    return await import('./app.ts')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error
    throw new DevDependenciesMissing('The demo needs the dev dependencies, which are not installed. Run: npm ci', {
      cause: error,
    })
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

function welcome({ issuer, app, email, password }: Demo): string {
  return `
The demo is ready.

  1. Open   ${app}        (the example app)
  2. Sign in as   ${email}   with the password   ${password}

The server is at ${issuer}. Ctrl-C stops both; nothing is kept.
`
}

async function main(): Promise<void> {
  const ports = { server: portFrom('PORT', 3000), app: portFrom('APP_PORT', 4000) }
  const demo = await startDemo(ports)
  process.stdout.write(welcome(demo))
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => void demo.stop().then(() => process.exit(0)))
  }
}

if (import.meta.main) {
  main().catch((error: unknown) => {
    const inUse = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE'
    const known = error instanceof DevDependenciesMissing || error instanceof RangeError
    const reason = inUse ? `${error.message}: set PORT (server) or APP_PORT (app) to another one.` : undefined
    process.stderr.write(`${reason ?? (known ? error.message : String((error as Error).stack ?? error))}\n`)
    process.exit(1)
  })
}
