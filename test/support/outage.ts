/** A database that can be taken away and given back: a wire to Postgres that tests cut. */
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

export interface Wire extends AsyncDisposable {
  /** Connection string through the wire. */
  readonly url: string
  /** Ends every connection and takes no new one. */
  cut(): Promise<void>
  /** Keeps every connection and lets nothing through any more, as a lost network does; new connections neither. */
  freeze(): void
  /** Ends every connection, takes new ones again. */
  restore(): Promise<void>
}

/** Lays a wire to the Postgres of `url`; `restore` it first when it starts `down`. */
export async function wire(url: string, start: 'up' | 'down' = 'up'): Promise<Wire> {
  const target = new URL(url)
  const sockets = new Set<Socket>()
  let server: Server | undefined
  let frozen = false
  let port = 0

  function accept(near: Socket): void {
    const far = connect(Number(target.port), target.hostname)
    for (const socket of [near, far]) {
      sockets.add(socket)
      socket.on('error', () => socket.destroy()).on('close', () => sockets.delete(socket))
    }
    near.on('close', () => far.destroy()).on('data', (data) => frozen || far.write(data))
    far.on('close', () => near.destroy()).on('data', (data) => frozen || near.write(data))
  }

  async function listen(): Promise<void> {
    server = createServer(accept)
    await new Promise<void>((resolve) => server?.listen(port, '127.0.0.1', resolve))
    port = (server.address() as AddressInfo).port
  }

  async function cut(): Promise<void> {
    const closing = server
    server = undefined
    const closed = new Promise<void>((resolve) => (closing === undefined ? resolve() : closing.close(() => resolve())))
    for (const socket of sockets) socket.destroy()
    await closed
  }

  await listen()
  const through = new URL(url)
  through.hostname = '127.0.0.1'
  through.port = String(port)
  if (start === 'down') await cut()
  return {
    url: through.href,
    cut,
    freeze() {
      frozen = true
    },
    async restore() {
      await cut()
      frozen = false
      await listen()
    },
    [Symbol.asyncDispose]: cut,
  }
}
