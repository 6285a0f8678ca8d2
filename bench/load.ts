/** Sends one operation to one server so many times, so many at a time, and says how that went. */
import autocannon from 'autocannon'
import { needs, type Operation, type Parties, request, settle } from './operations.ts'

export interface Target {
  readonly issuer: string
  readonly parties: Parties
}

export interface Run {
  /** Requests per second, over the whole run. */
  rate: number
  /** Milliseconds. */
  p50: number
  p99: number
}

/** Requests that may be built without being sent (one for each connection, ahead of time). */
const spare = 2

/** How many inputs a run takes that sends `amount` requests over `connections`. */
export function inputsFor(operation: Operation, amount: number, connections: number) {
  return needs(operation, amount + spare * connections)
}

/** Runs. Throws when an answer is not the one that was asked for: only work that succeeded is counted. */
export async function run(
  { issuer, parties }: Target,
  operation: Operation,
  connections: number,
  amount: number,
  inputs: string[],
): Promise<Run> {
  const latencies: number[] = []
  let problem: Error | undefined
  const next = () => ({ ...request(operation, parties, inputs) })
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  let finished = 0
  const begun = performance.now()
  const options: autocannon.Options = {
    url: issuer,
    connections,
    amount,
    timeout: 20,
    // Milliseconds; it looks no oftener than that whether it is done.
    sampleInt: 50,
    requests: [
      {
        setupRequest: (defaults) => ({ ...defaults, ...next() }),
        onResponse(status, body) {
          finished = performance.now()
          try {
            if (status !== 200) throw new Error(`${operation} was answered with ${status}: ${body}`)
            settle(operation, body, inputs)
          } catch (error) {
            problem ??= error as Error
          }
        },
      },
    ],
  }
  // With a callback it answers an emitter, which knows each single response.
  const load = autocannon(options, (error) => (error == null ? resolve() : reject(error)))
  load.on('response', (_client, _status, _bytes, milliseconds) => void latencies.push(milliseconds))
  await promise
  if (problem !== undefined) throw problem
  if (latencies.length < amount) throw new Error(`${operation}: ${amount - latencies.length} requests got no answer`)
  latencies.sort((a, b) => a - b)
  const at = (share: number) => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? 0
  return { rate: (amount / (finished - begun)) * 1000, p50: at(0.5), p99: at(0.99) }
}
