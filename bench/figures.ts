/** What the bench finds out, and the tables that it prints. */
import type { Footprint } from './footprint.ts'
import type { StoreKind } from './node.ts'
import type { Operation } from './operations.ts'
import type { ProxyFigures } from './proxy.ts'

/** One operation on one store: medians over the rounds. */
export interface Figure {
  operation: Operation
  connections: number
  store: StoreKind
  /** Requests per second. */
  rate: number
  /** Milliseconds. */
  p50: number
  p99: number
  /** Microseconds of the server's processor for a request. */
  cpu: number
  /** The rate by that of the in-memory adapter in the same round. */
  ratio: number
  rounds: number
}

export interface Report {
  node: string
  processors: number
  rounds: number
  /** Load average of the minute before anything was measured. */
  busy: number
  figures: Figure[]
  footprint: Footprint
}

/** The least that counts as reached. */
export const targets = { ratio: 0.6, connections: 32, memory: 150_000_000, coldStart: 2_000, added: 5 } as const

export function proxyTable({ connections, rounds, direct, proxied, added, cpu }: ProxyFigures): string {
  const milliseconds = (value: number) => `${value.toFixed(1)} ms`
  return [
    `A small query of a PDS, ${connections} at once, at the median of ${rounds} rounds:`,
    ...aligned([
      ['by a session of its own', milliseconds(direct), '', ''],
      ['by a token of ours', milliseconds(proxied), '', ''],
      ['added', milliseconds(added), `< ${targets.added} ms`, verdict(added < targets.added)],
      ['CPU of the server', `${cpu.toFixed(0)} µs`, '', ''],
    ]),
  ].join('\n')
}

export function tables({ node, processors, rounds, busy, figures, footprint }: Report): string {
  const { coldStart, idleAfterStart, idleAfterLoad } = footprint
  const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(0)} MB`
  const lines = figures.map((it) => [
    it.operation,
    String(it.connections),
    it.store,
    it.rate.toFixed(0),
    it.p50.toFixed(1),
    it.p99.toFixed(1),
    it.cpu.toFixed(0),
    it.store === 'in memory' ? '' : it.ratio.toFixed(2),
    it.store === 'Postgres' && it.connections === targets.connections ? verdict(it.ratio >= targets.ratio) : '',
  ])
  const head = ['operation', 'at once', 'store', 'req/s', 'p50 ms', 'p99 ms', 'CPU µs', 'ratio', `≥ ${targets.ratio}`]
  return [
    `Node ${node}, ${processors} processors shared by server, database and load; medians of ${rounds} rounds.`,
    'ratio: requests/s by those of the in-memory adapter in the same round. CPU: of the server process, for a request.',
    ...(busy > processors / 2
      ? [`The machine is busy (load ${busy.toFixed(1)} before the start): trust CPU µs more than req/s.`]
      : []),
    '',
    ...aligned([head, ...lines]),
    '',
    'A node on Postgres:',
    ...aligned([
      ['cold start', `${coldStart.toFixed(0)} ms`, `< ${targets.coldStart} ms`, verdict(coldStart < targets.coldStart)],
      ['idle after start', megabytes(idleAfterStart), '< 150 MB', verdict(idleAfterStart < targets.memory)],
      ['idle after load', megabytes(idleAfterLoad), '< 150 MB', verdict(idleAfterLoad < targets.memory)],
    ]),
  ].join('\n')
}

function verdict(reached: boolean): string {
  return reached ? 'reached' : 'missed'
}

function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)))
  const numeric = /^[\d.]*$/
  return rows.map((row, index) =>
    row
      .map((cell, column) => {
        const width = widths[column] ?? 0
        const right = numeric.test(rows[Math.max(index, 1)]?.[column] ?? '') && column > 0 && column !== 2
        return right ? cell.padStart(width) : cell.padEnd(width)
      })
      .join('  ')
      .trimEnd(),
  )
}
