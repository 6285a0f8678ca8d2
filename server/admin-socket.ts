/**
 * The way of the CLI into a running server that owns the embedded database: a unix socket beside it.
 *
 * One request per connection: the client sends `{ argv, stdin }` as JSON and closes its side; the server answers
 * `{ stdout, stderr, exitCode }` and closes. Whoever may open the socket (mode 0600 in a folder of mode 0700) may read
 * the database file as well, so nothing more is asked. Knows nothing of commands.
 */
import { chmodSync, lstatSync, rmSync } from 'node:fs'
import { createConnection, createServer, type Socket } from 'node:net'

export interface AdminRequest {
  readonly argv: readonly string[]
  /** All of standard input; empty when the command reads none. */
  readonly stdin: string
}

export interface AdminResponse {
  readonly stdout: string
  readonly stderr: string
  readonly exitCode: number
}

export interface AdminSocket {
  /** Takes no more requests, waits for those that are being answered, and removes the socket. */
  close(): Promise<void>
}

export interface AdminSocketOptions {
  /** Path of the socket; the caller owns the folder's lock, so a socket that is there already is a dead one. */
  readonly path: string
  readonly run: (request: AdminRequest) => Promise<AdminResponse>
  /** Told of what `run` throws; the client gets no details. */
  readonly onError?: (error: unknown) => void
}

/** Largest request, bytes: an import of some hundred apps with their logos. */
export const maximumRequest = 16 * 1024 * 1024
/** Longest path of a unix socket, bytes (`sun_path` without the final zero; less on macOS). */
const maximumPath = process.platform === 'linux' ? 107 : 103
/** Milliseconds in which a request must be complete. */
const requestTimeout = 10_000

/** The path is longer than the system allows for unix sockets. */
export class SocketPathTooLong extends Error {
  override name = 'SocketPathTooLong'

  constructor(path: string) {
    super(
      `The path ${path} is too long for a unix socket (at most ${maximumPath} bytes), so commands cannot reach a running server. Set DATA_DIR to a shorter path.`,
    )
  }
}

/** Listens at `path`. Throws `SocketPathTooLong`, and an Error when something that is no socket is in the way. */
export async function serveAdminSocket({ path, run, onError }: AdminSocketOptions): Promise<AdminSocket> {
  assertPathFits(path)
  removeStale(path)
  const answering = new Set<Promise<void>>()
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const answer = respond(socket, run, onError).finally(() => answering.delete(answer))
    answering.add(answer)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(path, resolve)
  })
  chmodSync(path, 0o600)
  return {
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      await Promise.all([...answering])
      await closed
    },
  }
}

/** Sends a request to the server that listens at `path`; undefined when none does. Throws `SocketPathTooLong`. */
export async function callAdminSocket(path: string, request: AdminRequest): Promise<AdminResponse | undefined> {
  assertPathFits(path)
  const body = Buffer.from(JSON.stringify(request))
  if (body.length > maximumRequest) throw new Error(`The input is larger than ${maximumRequest} bytes.`)
  const socket = createConnection(path)
  try {
    await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject))
  } catch (error) {
    if (['ENOENT', 'ECONNREFUSED'].includes(String((error as NodeJS.ErrnoException).code))) return undefined
    throw error
  }
  socket.end(body)
  const answer = await readAll(socket, Number.POSITIVE_INFINITY)
  if (answer === '')
    throw new Error('The server stopped before it answered; whether the command took effect is not known.')
  return JSON.parse(answer) as AdminResponse
}

async function respond(
  socket: Socket,
  run: AdminSocketOptions['run'],
  onError: AdminSocketOptions['onError'],
): Promise<void> {
  // A client that leaves early loses its answer, nothing else.
  socket.on('error', () => undefined)
  const timer = setTimeout(() => socket.destroy(), requestTimeout)
  try {
    const request = parseRequest(await readAll(socket, maximumRequest))
    clearTimeout(timer)
    const response = request === undefined ? refused('This is no request.') : await run(request)
    await send(socket, response)
  } catch (error) {
    if (socket.destroyed) return
    if (!(error instanceof RequestTooLarge)) onError?.(error)
    const message = error instanceof RequestTooLarge ? error.message : 'The server could not do this; its log says why.'
    await send(socket, refused(message))
  } finally {
    clearTimeout(timer)
    socket.destroy()
  }
}

class RequestTooLarge extends Error {
  override name = 'RequestTooLarge'
}

async function readAll(socket: Socket, limit: number): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  return new Promise((resolve, reject) => {
    socket.on('data', (chunk: Buffer) => {
      size += chunk.length
      if (size > limit) {
        socket.pause()
        reject(new RequestTooLarge(`The input is larger than ${limit} bytes.`))
      } else chunks.push(chunk)
    })
    socket.once('end', () => resolve(Buffer.concat(chunks).toString('utf8')))
    socket.once('error', reject)
    socket.once('close', () => reject(new Error('the connection was closed early')))
  })
}

function send(socket: Socket, response: AdminResponse): Promise<void> {
  return new Promise((resolve) => {
    socket.once('close', () => resolve())
    socket.end(JSON.stringify(response), () => resolve())
  })
}

function refused(message: string): AdminResponse {
  return { stdout: '', stderr: `${message}\n`, exitCode: 1 }
}

function parseRequest(text: string): AdminRequest | undefined {
  try {
    const { argv, stdin } = JSON.parse(text) as { argv?: unknown; stdin?: unknown }
    const isRequest = Array.isArray(argv) && argv.every((word) => typeof word === 'string') && typeof stdin === 'string'
    return isRequest ? { argv, stdin } : undefined
  } catch {
    return undefined
  }
}

function assertPathFits(path: string): void {
  if (Buffer.byteLength(path) > maximumPath) throw new SocketPathTooLong(path)
}

function removeStale(path: string): void {
  const found = lstatSync(path, { throwIfNoEntry: false })
  if (found === undefined) return
  if (!found.isSocket()) throw new Error(`${path} is in the way and is no socket. Move it elsewhere.`)
  rmSync(path)
}
