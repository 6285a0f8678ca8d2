/** A server under test as the bench holds it: a child process and the questions it answers. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Order, Started, Usage } from './node.ts'
import type { Artifact, Parties } from './operations.ts'

export interface Child {
  readonly issuer: string
  readonly parties: Parties
  stock(artifact: Artifact, count: number): Promise<string[]>
  usage(): Promise<Usage>
  close(): Promise<void>
}

/** Starts one; what it prints on standard error is seen, its log is not. */
export async function startChild(settings: Omit<Order & { order: 'start' }, 'order'>): Promise<Child> {
  const child = fork(join(import.meta.dirname, 'node.ts'), {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    env: { PATH: process.env['PATH'] },
  })
  const ask = channel(child)
  const { issuer, parties } = (await ask({ order: 'start', ...settings })) as Started
  return {
    issuer,
    parties,
    stock: async (artifact, count) => (await ask({ order: 'stock', artifact, count })) as string[],
    usage: async () => (await ask({ order: 'usage' })) as Usage,
    async close() {
      const ended = once(child, 'exit')
      child.disconnect()
      await ended
    },
  }
}

function channel(child: ChildProcess): (order: Order) => Promise<unknown> {
  const waiting = new Map<number, { resolve(result: unknown): void; reject(error: Error): void }>()
  let last = 0
  child.on('message', ({ id, result, error }: { id: number; result?: unknown; error?: string }) => {
    const asked = waiting.get(id)
    waiting.delete(id)
    if (error === undefined) asked?.resolve(result)
    else asked?.reject(new Error(error))
  })
  child.on('exit', () => {
    for (const { reject } of waiting.values()) reject(new Error('the server under test has ended'))
  })
  return (order) =>
    new Promise((resolve, reject) => {
      last += 1
      waiting.set(last, { resolve, reject })
      child.send({ id: last, ...order })
    })
}
