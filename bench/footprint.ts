/**
 * What a node costs by itself: the program as it is started in production, on a Postgres that has its tables already.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Child } from './child.ts'
import { inputsFor, run } from './load.ts'
import { median } from './median.ts'
import { operations } from './operations.ts'

export interface Footprint {
  /** Milliseconds from starting the program to the first answer of discovery. */
  coldStart: number
  /** Bytes of resident memory, some seconds after the start and after load. */
  idleAfterStart: number
  idleAfterLoad: number
}

/** Where starts leave what they compiled for the next one, as the image has it. */
const compileCache = join(import.meta.dirname, '../node_modules/.cache/habitat-bench')
/** Milliseconds. After load a node has had time to see that nobody asks any more (`server/idle-memory.ts`). */
const rest = 4_000
const restAfterLoad = 20_000
const giveUp = 30_000

/** Starts the program `starts` times, and puts the last one under load; `child` makes the inputs, on the same database. */
export async function footprint(
  settings: { databaseUrl: string; secret: string },
  child: Child,
  { starts, amount }: { starts: number; amount: number },
): Promise<Footprint> {
  const coldStarts: number[] = []
  for (let count = 1; count < starts; count += 1) {
    const node = await startProgram(settings)
    coldStarts.push(node.coldStart)
    await node.stop()
  }
  const node = await startProgram(settings)
  coldStarts.push(node.coldStart)
  try {
    await sleep(rest)
    const idleAfterStart = node.memory()
    for (const operation of operations) {
      const needed = inputsFor(operation, amount, 32)
      const inputs = needed === undefined ? [] : await child.stock(needed.artifact, needed.count)
      await run({ issuer: node.issuer, parties: child.parties }, operation, 32, amount, inputs)
    }
    await sleep(restAfterLoad)
    return { coldStart: median(coldStarts), idleAfterStart, idleAfterLoad: node.memory() }
  } finally {
    await node.stop()
  }
}

/** Starts the program on a Postgres and waits until it answers. */
export async function startProgram({ databaseUrl, secret, ...more }: ProgramSettings) {
  const port = await freePort()
  const issuer = `http://localhost:${port}`
  const begun = performance.now()
  const program = spawn(process.execPath, [join(import.meta.dirname, '../server/main.ts')], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: {
      PATH: process.env['PATH'],
      PORT: String(port),
      DATABASE_URL: databaseUrl,
      SECRETS: secret,
      NODE_COMPILE_CACHE: compileCache,
      ...more.settings,
    },
  })
  const ended = once(program, 'exit')
  const tooEarly = ended.then(() => Promise.reject(new Error('the server did not start')))
  tooEarly.catch(() => undefined)
  await Promise.race([discovery(issuer, begun + giveUp), tooEarly])
  return {
    issuer,
    coldStart: performance.now() - begun,
    /** Bytes. */
    memory: () => residentMemory(program.pid ?? 0),
    /** Microseconds of its processor so far, user and system (proc(5): in hundredths of a second). */
    cpu: () => processorTime(program.pid ?? 0),
    async stop() {
      program.kill('SIGTERM')
      await ended
    },
  }
}

interface ProgramSettings {
  databaseUrl: string
  secret: string
  /** Further settings by their environment names. */
  settings?: Record<string, string>
}

async function discovery(issuer: string, deadline: number): Promise<void> {
  for (;;) {
    const answer = await fetch(`${issuer}/.well-known/openid-configuration`).catch(() => undefined)
    await answer?.arrayBuffer()
    if (answer?.status === 200) return
    if (performance.now() > deadline) throw new Error('the server did not answer in time')
    await sleep(10)
  }
}

function residentMemory(pid: number): number {
  const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return Number(kibibytes) * 1024
}

function processorTime(pid: number): number {
  const afterName = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ')
  return (Number(afterName[11]) + Number(afterName[12])) * 10_000
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port was given')
  return address.port
}
