#!/usr/bin/env node
/**
 * How fast the server is on Postgres and on PGlite, measured against the same server on the library's in-memory adapter.
 *
 * Absolute figures say little on a machine that does other things too, so the three run side by side in turns and what
 * counts is the ratio within a turn. Starts a Postgres of its own and speaks to nobody but this machine.
 */
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { availableParallelism, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { openPostgres } from '../adapters/postgres/database.ts'
import { findPostgres, startCluster } from '../test/support/cluster.ts'
import { type Child, startChild } from './child.ts'
import { type Figure, proxyTable, type Report, tables } from './figures.ts'
import { footprint } from './footprint.ts'
import { inputsFor, type Run, run } from './load.ts'
import { median } from './median.ts'
import type { StoreKind } from './node.ts'
import { type Operation, operations } from './operations.ts'
import { measureProxy, type ProxyFigures, type ProxyPlan } from './proxy.ts'

/** Named apart: it is measured against a PDS, not against another store. */
const proxy = 'proxy'

const usage = `Usage: npm run bench -- [--quick] [--json] [--only <operation>]

  --quick   one round of short runs: whether it works, not how fast it is
  --json    the figures as JSON on standard output
  --only    measure one operation (${operations.join(', ')}, ${proxy})
`

/** Seconds that the whole may take; it ends with an error then. After some of them no round is begun but a first one. */
const limit = 300
const noMoreRounds = 150
const kinds: readonly StoreKind[] = ['in memory', 'Postgres', 'PGlite']
const concurrency = [1, 32] as const

interface Plan {
  rounds: number
  /** Seconds of one run. */
  duration: number
  /** Requests of each kind before anything is measured. */
  warmUp: number
  starts: number
  proxy: ProxyPlan
}

const plans: Record<'full' | 'quick', Plan> = {
  full: { rounds: 9, duration: 0.5, warmUp: 1_500, starts: 3, proxy: { rounds: 5, amount: 1_500 } },
  quick: { rounds: 1, duration: 0.3, warmUp: 200, starts: 1, proxy: { rounds: 1, amount: 200 } },
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean' },
      json: { type: 'boolean' },
      only: { type: 'string' },
      help: { type: 'boolean' },
    },
  })
  if (values.help) return void process.stdout.write(usage)
  const chosen = operations.filter((operation) => values.only === undefined || operation === values.only)
  const withProxy = values.only === undefined || values.only === proxy
  if (chosen.length === 0 && !withProxy) throw new RangeError(usage)
  const programs = findPostgres()
  if (programs === undefined) throw new RangeError('The bench needs Postgres: apt-get install postgresql')
  const watchdog = setTimeout(() => {
    process.stderr.write(`Not done after ${limit} seconds.\n`)
    process.exit(1)
  }, limit * 1000)
  const plan = plans[values.quick ? 'quick' : 'full']
  const report = chosen.length === 0 ? undefined : await measured(programs, chosen, plan)
  const added = withProxy ? await proxyMeasured(programs, plan) : undefined
  clearTimeout(watchdog)
  const printed = [
    ...(report === undefined ? [] : [tables(report)]),
    ...(added === undefined ? [] : [proxyTable(added)]),
  ]
  process.stdout.write(
    `${values.json ? JSON.stringify({ ...report, ...(added === undefined ? {} : { proxy: added }) }, undefined, 2) : printed.join('\n\n')}\n`,
  )
}

async function proxyMeasured(programs: string, plan: Plan): Promise<ProxyFigures> {
  progress('starting Postgres, a PDS and a server')
  const cluster = await startCluster(programs, { durable: true })
  try {
    const store = openPostgres(cluster.url)
    await store.migrate()
    await store.close()
    return await measureProxy(cluster.url, plan.proxy)
  } finally {
    await cluster.close()
  }
}

async function measured(programs: string, chosen: readonly Operation[], plan: Plan): Promise<Report> {
  const cleanUp: (() => Promise<void>)[] = []
  try {
    progress('starting Postgres and three servers')
    const cluster = await startCluster(programs, { durable: true })
    cleanUp.push(() => cluster.close())
    const dataDir = await mkdtemp(join(tmpdir(), 'habitat-bench-'))
    cleanUp.push(() => rm(dataDir, { recursive: true, force: true }))
    const secret = randomBytes(32).toString('hex')
    const children = new Map<StoreKind, Child>()
    for (const kind of kinds) {
      const child = await startChild({ kind, databaseUrl: cluster.url, dataDir, secret })
      cleanUp.push(() => child.close())
      children.set(kind, child)
    }
    const [busy = 0] = loadavg()
    const figures = await measure(chosen, children, plan)
    progress('cold start and memory')
    const postgres = children.get('Postgres') as Child
    const node = await footprint({ databaseUrl: cluster.url, secret }, postgres, {
      starts: plan.starts,
      amount: plan.warmUp,
    })
    return {
      node: process.versions.node,
      processors: availableParallelism(),
      rounds: figures[0]?.rounds ?? 0,
      busy,
      figures,
      footprint: node,
    }
  } finally {
    while (cleanUp.length > 0) await cleanUp.pop()?.()
  }
}

type Sample = Run & { cpu: number }

/** One operation at one concurrency: how many requests each server gets in a turn, and how its turns went. */
interface Trial {
  operation: Operation
  connections: number
  amounts: Map<StoreKind, number>
  rounds: Map<StoreKind, Sample>[]
}

/** Warms up, then goes round: in each round every server has its turn at every operation. */
async function measure(
  chosen: readonly Operation[],
  children: ReadonlyMap<StoreKind, Child>,
  plan: Plan,
): Promise<Figure[]> {
  progress('warming up')
  for (const operation of chosen) {
    for (const child of children.values()) await sample(child, operation, 32, plan.warmUp)
  }
  const trials: Trial[] = []
  for (const operation of chosen) {
    for (const connections of concurrency) {
      const amounts = new Map<StoreKind, number>()
      for (const [kind, child] of children) {
        const { rate } = await sample(child, operation, connections, Math.max(100, plan.warmUp / 10))
        amounts.set(kind, Math.min(4_000, Math.max(2 * connections, Math.round(rate * plan.duration))))
      }
      trials.push({ operation, connections, amounts, rounds: [] })
    }
  }
  for (let count = 1; count <= plan.rounds; count += 1) {
    if (count > 1 && process.uptime() > noMoreRounds) break
    progress(`round ${count} of ${plan.rounds}`)
    for (const { operation, connections, amounts, rounds } of trials) {
      const round = new Map<StoreKind, Sample>()
      for (const [kind, child] of children) {
        round.set(kind, await sample(child, operation, connections, amounts.get(kind) ?? 0))
      }
      rounds.push(round)
    }
  }
  return trials.flatMap(figuresOf)
}

function figuresOf({ operation, connections, rounds }: Trial): Figure[] {
  return kinds.map((kind) => {
    const over = (value: (it: Sample, round: Map<StoreKind, Sample>) => number) =>
      median(rounds.map((round) => value(round.get(kind) as Sample, round)))
    return {
      operation,
      connections,
      store: kind,
      rate: over((it) => it.rate),
      p50: over((it) => it.p50),
      p99: over((it) => it.p99),
      cpu: over((it) => it.cpu),
      ratio: over((it, round) => it.rate / (round.get('in memory')?.rate ?? Number.NaN)),
      rounds: rounds.length,
    }
  })
}

/** One run, with its inputs made before the clock starts. */
async function sample(child: Child, operation: Operation, connections: number, amount: number): Promise<Sample> {
  const needed = inputsFor(operation, amount, connections)
  const inputs = needed === undefined ? [] : await child.stock(needed.artifact, needed.count)
  const before = await child.usage()
  const result = await run(child, operation, connections, amount, inputs)
  const after = await child.usage()
  return { ...result, cpu: (after.cpu - before.cpu) / amount }
}

function progress(what: string): void {
  process.stderr.write(`${what} …\n`)
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof RangeError ? error.message : String((error as Error).stack ?? error)}\n`)
  process.exitCode = 1
})
