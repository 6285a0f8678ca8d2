/**
 * Carries one request to a PDS and its answer back: as a stream where it may be large, in whole where it is small.
 *
 * Small requests are held whole, because the link can repeat them when the PDS wants a newer proof of possession; a stream
 * it cannot. Whoever goes away, the app or the PDS, takes the other connection along.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Link } from '../../adapters/atproto/contract.ts'
import { headersForJson, headersForPds } from './relay-headers.ts'

/** Bytes up to which bodies are held in memory. */
const small = 65_536

/** Milliseconds without any progress until a PDS counts as too slow. */
const defaultPatience = 30_000

/** Milliseconds in which an app may take nothing of an answer. */
const defaultIdle = 120_000

export interface Sent {
  response: Response
  /** Call when the answer has been read or given up. */
  done(): void
}

/** The app has gone away. */
class AppGone extends Error {
  override name = 'AppGone'
}

/** The PDS was asked and said nothing for too long. */
class PdsSilent extends Error {
  override name = 'PdsSilent'
}

export interface Outgoing {
  request: IncomingMessage
  response: ServerResponse
  path: string
  /** JSON that is sent instead of the request's own body. */
  json?: string
  /** Milliseconds. */
  patience?: number
}

/** Sends the request and waits for the head of the answer. Throws `AppGone`, `PdsSilent` and what the link throws. */
export async function send(link: Link, outgoing: Outgoing): Promise<Sent> {
  const { request, response, path } = outgoing
  const method = request.method ?? 'GET'
  const abort = new AbortController()
  const { signal } = abort
  const waiting = stopwatch(outgoing.patience ?? defaultPatience, () => abort.abort(new PdsSilent('no answer in time')))
  const closed = () => response.writableFinished || abort.abort(new AppGone('the app has gone away'))
  response.once('close', closed)
  const done = () => void response.off('close', closed)
  try {
    const { json } = outgoing
    const body = json === undefined ? (method === 'POST' ? await bodyOf(request) : undefined) : Buffer.from(json)
    const headers = json === undefined ? headersForPds(request.headers) : headersForJson(request.headers)
    const init = { method, headers, signal, redirect: 'manual' } as const
    waiting.begin()
    if (body !== 'large')
      return { response: await link.fetch(path, body === undefined ? init : { ...init, body }), done }
    const length = request.headers['content-length']
    const sized = length === undefined ? headers : { ...headers, 'content-length': length }
    const chunks = ReadableStream.from(chunksOf(request, waiting)) as ReadableStream
    return { response: await link.fetch(path, { ...init, headers: sized, body: chunks, duplex: 'half' }), done }
  } catch (error) {
    done()
    throw signal.aborted ? signal.reason : error
  } finally {
    waiting.pause()
  }
}

interface Stopwatch {
  begin(): void
  pause(): void
}

/** Runs while the PDS is waited for; `late` is called when that takes too long at a stretch. */
function stopwatch(milliseconds: number, late: () => void): Stopwatch {
  let timer: NodeJS.Timeout | undefined
  return {
    begin() {
      clearTimeout(timer)
      timer = setTimeout(late, milliseconds)
    },
    pause: () => clearTimeout(timer),
  }
}

/** The body in whole if it is small, undefined if there is none. */
async function bodyOf(request: IncomingMessage): Promise<Uint8Array<ArrayBuffer> | 'large' | undefined> {
  const { 'content-length': length, 'transfer-encoding': coding } = request.headers
  if (coding === undefined && (length === undefined || length === '0')) return undefined
  if (coding !== undefined || Number(length) > small) return 'large'
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

/** Leaves the request open when the PDS stops reading it: its answer says why. A slow app is not a slow PDS. */
async function* chunksOf(request: IncomingMessage, waiting: Stopwatch): AsyncGenerator<Buffer> {
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    waiting.begin()
    yield chunk as Buffer
    waiting.pause()
  }
  waiting.begin()
}

/** A small answer in whole; undefined when it is to be streamed. */
export async function wholeBody(response: Response): Promise<Buffer | undefined> {
  const length = response.headers.get('content-length')
  if (length === null || length === '0' || Number(length) > small || response.headers.has('content-encoding'))
    return undefined
  return Buffer.from(await response.arrayBuffer())
}

/**
 * Streams the answer to the app, no faster than the app takes it. When the PDS breaks off, the connection to the app is
 * destroyed: a short answer must not look like a whole one. So it is when the app takes nothing for `idle` milliseconds,
 * because it would hold a connection to the PDS for as long as it likes. Throws what broke it.
 */
export async function stream(from: Response, to: ServerResponse, idle = defaultIdle): Promise<void> {
  to.flushHeaders()
  to.setTimeout(idle, () => to.destroy())
  const { promise: closed, resolve: close } = Promise.withResolvers<void>()
  // Its errors show as its end, and one that nobody hears ends the process.
  to.once('close', close).on('error', () => close())
  try {
    for await (const chunk of from.body ?? []) {
      if (to.destroyed) throw new AppGone('the app has gone away')
      if (!to.write(chunk)) await Promise.race([new Promise((resume) => to.once('drain', resume)), closed])
    }
    to.end()
  } catch (error) {
    to.destroy()
    throw error
  }
}
