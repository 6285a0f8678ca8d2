/**
 * The only way out of the house for addresses that people and strangers' documents name.
 *
 * Every address is checked at the moment of connecting, so that a name that resolves differently the second time gains
 * nothing. Redirects are not followed. Answers are small documents, read whole within limits of size and time, or
 * traffic that streams, with limits for silence alone. Errors are our own: the library takes some of the engine's for
 * proof that a link has ended.
 */
import { lookup as systemLookup } from 'node:dns/promises'
import type { LookupFunction } from 'node:net'
import { isPublicAddress, objectionTo } from './public-address.ts'

export type Fetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>

/** One address of a host. */
export interface Address {
  readonly address: string
  readonly family: number
}

/** All addresses of a host. */
export type Resolve = (hostname: string) => Promise<readonly Address[]>

export interface Outbound {
  /** Reads answers of at most 512 KiB whole, within 10 seconds (20 for what changes something). */
  readonly document: Fetch
  /** Streams both ways; gives up after 10 seconds without a connection or 60 of silence. */
  readonly traffic: Fetch
}

/** We do not ask there: the place is not on the public internet. */
export class ForbiddenDestination extends Error {
  override name = 'ForbiddenDestination'
}

/** Nobody answered, or not within the limits. */
export class Unreachable extends Error {
  override name = 'Unreachable'
  readonly timeout: boolean

  constructor(message: string, options: { timeout: boolean; cause?: unknown }) {
    super(message, { cause: options.cause })
    this.timeout = options.timeout
  }
}

/** Milliseconds. */
export interface Patience {
  /** For a whole document. */
  readonly question: number
  /** For a whole answer to what changes something: a refresh that was taken and not heard is lost for good. */
  readonly change: number
  /** For the next sign of life, in traffic. */
  readonly silence: number
}

const usualPatience: Patience = { question: 10_000, change: 20_000, silence: 60_000 }
/** Bytes. */
const documentSize = 512 * 1024

/**
 * Builds both. `open` lets requests reach plain http and private addresses, for a server on a developer's machine; the
 * limits stay. `resolve` is the system's resolver when absent.
 */
export function guardedFetch(
  options: { open?: boolean; resolve?: Resolve; patience?: Partial<Patience> } = {},
): Outbound {
  const patience = { ...usualPatience, ...options.patience }
  const resolve = options.resolve ?? ((name: string) => systemLookup(name, { all: true }))
  const allowed = options.open === true ? () => true : isPublicAddress
  const objectTo = options.open === true ? notWeb : objectionTo
  const guard = { lookup: lookup(resolve, allowed), checkUrl: objectTo, fetch: engine(patience.silence) }
  let guarding: Promise<Fetch> | undefined
  const dispatched = () => {
    // Three versions of the engine come with it, too much for a house that asks nobody.
    guarding ??= import('@atproto-labs/fetch-node').then(({ safeDispatchFetchWrap }) => safeDispatchFetchWrap(guard))
    return guarding
  }
  const traffic: Fetch = async (input, init) => {
    // Here too, because what is no web address never comes to a connection, where the guard would see it.
    const objection = objectTo(new URL(input instanceof Request ? input.url : input))
    if (objection !== undefined) throw new ForbiddenDestination(objection)
    const redirect = init?.redirect ?? (input instanceof Request ? input.redirect : 'error')
    const guarded = await dispatched()
    const send = () => guarded(input, { ...init, redirect: redirect === 'follow' ? 'error' : redirect })
    try {
      return await send().catch((error) => {
        if (!repeatable(input, init) || !closedEarly(error)) throw error
        return send()
      })
    } catch (error) {
      throw ourError(error)
    }
  }
  return { traffic, document: (input, init) => readWhole(traffic, patience, input, init) }
}

function notWeb({ protocol }: URL): string | undefined {
  return protocol === 'https:' || protocol === 'http:' ? undefined : 'only web addresses are asked'
}

/** The engine's fetch, with our patience for the answer to begin and for silence in it. */
function engine(silence: number): Fetch {
  return (input, init) => {
    const { dispatcher } = init as { dispatcher: Dispatcher }
    const limited = {
      dispatch: (request: object, handler: object) =>
        dispatcher.dispatch({ ...request, headersTimeout: silence, bodyTimeout: silence }, handler),
    }
    return globalThis.fetch(input, { ...init, dispatcher: limited } as unknown as RequestInit)
  }
}

/** Whether a request changes nothing and holds nothing that is spent. */
function repeatable(input: string | URL | Request, init?: RequestInit): boolean {
  const method = init?.method ?? (input instanceof Request ? input.method : 'GET')
  return method === 'GET' || method === 'HEAD'
}

/** The other side closed a connection that was kept, at the moment it was used again (RFC 9112 §9.3.1). */
function closedEarly(error: unknown): boolean {
  return causesOf(error).some(
    (cause) => 'code' in cause && ['UND_ERR_SOCKET', 'ECONNRESET'].includes(String(cause.code)),
  )
}

/** What the engine's fetch needs of a dispatcher. */
interface Dispatcher {
  dispatch(request: object, handler: object): boolean
}

function lookup(resolve: Resolve, allowed: (address: string) => boolean): LookupFunction {
  return (hostname, options, callback) => {
    const answer = async () => {
      const addresses = await resolve(hostname)
      if (addresses.length === 0) throw Object.assign(new Error(`${hostname} has no address`), { code: 'ENOTFOUND' })
      if (!addresses.every(({ address }) => allowed(address))) {
        throw new ForbiddenDestination(`${hostname} is not a public host`)
      }
      return addresses
    }
    answer().then(
      (addresses) => {
        const family = options.family === 4 || options.family === 6 ? options.family : undefined
        const usable = addresses.filter((it) => family === undefined || it.family === family)
        const [first = addresses[0] as Address] = usable
        if (options.all) callback(null, [...usable])
        else callback(null, first.address, first.family)
      },
      (error: NodeJS.ErrnoException) => callback(error, []),
    )
  }
}

/** Reads the answer within the limits; what comes back holds it. */
async function readWhole(
  fetch: Fetch,
  patience: Patience,
  input: string | URL | Request,
  init?: RequestInit,
): Promise<Response> {
  const method = init?.method ?? (input instanceof Request ? input.method : 'GET')
  const limit = AbortSignal.timeout(method === 'GET' || method === 'HEAD' ? patience.question : patience.change)
  const given = init?.signal ?? (input instanceof Request ? input.signal : undefined)
  try {
    const response = await fetch(input, { ...init, signal: given == null ? limit : AbortSignal.any([limit, given]) })
    const body = await bytesOf(response)
    const { status, statusText, headers } = response
    return new Response(status === 204 || status === 304 ? null : body, { status, statusText, headers })
  } catch (error) {
    throw ourError(error)
  }
}

async function bytesOf(response: Response): Promise<Buffer<ArrayBuffer>> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of response.body ?? []) {
    size += chunk.length
    if (size > documentSize) throw new Unreachable('the answer is too long', { timeout: false })
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function ourError(error: unknown): Error {
  if (error instanceof Unreachable || error instanceof ForbiddenDestination) return error
  const causes = causesOf(error)
  const forbidden = causes.find((it) => it instanceof ForbiddenDestination || /^Blocked by url policy/.test(it.message))
  if (forbidden !== undefined) return new ForbiddenDestination(forbidden.message, { cause: error })
  const timeout = causes.some(
    (it) => it.name === 'TimeoutError' || ('code' in it && timeouts.includes(String(it.code))),
  )
  const [{ message } = { message: 'no answer' }] = causes.slice(-1)
  return new Unreachable(message, { timeout, cause: error })
}

const timeouts = ['UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT', 'ETIMEDOUT']

/** An error and what caused it, outermost first. */
export function causesOf(error: unknown): readonly Error[] {
  const found: Error[] = []
  for (let it = error; it instanceof Error && found.length < 10; it = it.cause) {
    found.push(it)
    if (it instanceof AggregateError) found.push(...it.errors.filter((inner) => inner instanceof Error))
  }
  return found
}
