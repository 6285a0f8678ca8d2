/** The program itself in a process of its own, as it is started in production, with an embedded database. */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as later } from 'node:timers/promises'
import { promisify } from 'node:util'
import { inject } from 'vitest'
import { fillDataFolder } from './data-folder.ts'

export interface ServerProcess extends AsyncDisposable {
  readonly origin: string
  /** Bytes of resident memory. */
  memory(): number
  /** Runs a command of the command line against it and answers what it prints. */
  command(...words: string[]): Promise<string>
}

/** Milliseconds. */
const patience = 30_000

/** Starts it and waits until it serves. */
export async function startServerProcess(settings: Record<string, string>): Promise<ServerProcess> {
  const dataDir = mkdtempSync(join(tmpdir(), 'habitat-process-'))
  fillDataFolder(dataDir)
  const port = await freePort()
  const env = {
    PATH: process.env['PATH'] ?? '',
    NODE_COMPILE_CACHE: inject('compileCache'),
    PORT: String(port),
    DATA_DIR: dataDir,
    LOG_LEVEL: 'warn',
    ...settings,
  }
  const root = join(import.meta.dirname, '../..')
  const program = spawn(process.execPath, ['server/main.ts'], {
    cwd: root,
    env,
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const ended = once(program, 'exit')
  const origin = `http://localhost:${port}`
  await ready(origin)
  return {
    origin,
    memory: () => Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${program.pid}/status`, 'utf8'))?.[1]) * 1024,
    async command(...words) {
      const { stdout } = await promisify(execFile)(process.execPath, ['server/cli.ts', ...words], { cwd: root, env })
      return stdout
    },
    async [Symbol.asyncDispose]() {
      program.kill('SIGTERM')
      await ended
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
}

async function ready(origin: string): Promise<void> {
  const deadline = Date.now() + patience
  for (;;) {
    const answer = await fetch(`${origin}/health/ready`).catch(() => undefined)
    await answer?.arrayBuffer()
    if (answer?.status === 200) return
    if (Date.now() > deadline) throw new Error('the server did not start')
    await later(50)
  }
}

/** A port that nobody listens on just now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port was given')
  return address.port
}
