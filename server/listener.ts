/** The listening socket: open from the first moment, closed only after the last answer. Knows nothing of what is served. */
import { createServer, type RequestListener, type Server } from 'node:http'
import type { Config } from './config.ts'

/** Milliseconds. */
const drainTimeout = 25_000

/** Listens at once: a supervisor sees a living process that is not ready yet, while the database is awaited. */
export async function listen(
  config: Pick<Config, 'host' | 'port'>,
): Promise<{ server: Server; port: number; serve(listener: RequestListener): void }> {
  let current: RequestListener = (request, response) => {
    const alive = request.url === '/health/live'
    response.writeHead(alive ? 200 : 503, { 'content-type': 'application/json', 'retry-after': '2' })
    response.end(
      JSON.stringify(alive ? { status: 'ok' } : { error: 'temporarily_unavailable', error_description: 'starting' }),
    )
  }
  const server = createServer((request, response) => current(request, response))
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', reject).listen(config.port, config.host, resolve)
  await promise
  const address = server.address()
  return {
    server,
    port: typeof address === 'object' && address !== null ? address.port : config.port,
    serve(listener) {
      current = listener
    },
  }
}

/** Takes no more connections and waits for the requests under way, for so long and no longer. */
export async function drained(server: Server): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  server.close(() => resolve())
  // Connections that are kept alive fall idle one after the other.
  const idle = setInterval(() => server.closeIdleConnections(), 50)
  const late = setTimeout(() => server.closeAllConnections(), drainTimeout)
  await promise
  clearInterval(idle)
  clearTimeout(late)
}
