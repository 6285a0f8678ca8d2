/**
 * Fetches the picture that an app names as its logo, once, when the app is registered.
 *
 * The address was written by somebody else: it may not lead into the network of those who administer. So it is
 * https, no redirect is followed, every address that the name resolves to must be public, and the one that was judged
 * is the one that is connected to (a name may resolve to another one a moment later).
 */
import { lookup } from 'node:dns/promises'
import { request } from 'node:https'
import ipaddr from 'ipaddr.js'
import { Refusal } from '../errors.ts'
import { encodeLogo, maximumLogoSize } from '../oidc/logo.ts'

const defaultPatience = 5_000

interface NetworkAddress {
  readonly address: string
  readonly family: number
}

export interface DownloadOptions {
  /** Whether addresses of this machine and of private networks are taken: for a server that is being developed. */
  readonly allowPrivate: boolean
  /** Every address of a host; the system's resolver when absent. */
  readonly resolve?: (host: string) => Promise<readonly NetworkAddress[]>
  /** The one certificate authority to trust, PEM; those of the system when absent. */
  readonly authority?: string
  /** Milliseconds for all of it. */
  readonly patience?: number
}

/** The picture at `address` in its stored form. Throws `Refusal` with the reason when there is none to be had. */
export async function downloadPicture(address: string, options: DownloadOptions): Promise<string> {
  const url = URL.parse(address)
  if (url?.protocol !== 'https:') throw new Refusal('invalid', 'The address is not https.')
  const { patience = defaultPatience } = options
  const signal = AbortSignal.timeout(patience)
  try {
    const target = await untilAborted(publicAddress(url, options), signal)
    return encodeLogo(await download(url, target, signal, options.authority))
  } catch (error) {
    if (error instanceof Refusal) throw error
    if (signal.aborted) throw new Refusal('unavailable', `It did not answer within ${patience / 1000} seconds.`)
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
    throw new Refusal('unavailable', `It could not be reached (${code}).`, { cause: error })
  }
}

/** The address to connect to. Throws `Refusal` when any of the host's addresses is not public. */
async function publicAddress(url: URL, { allowPrivate, resolve = systemResolver }: DownloadOptions) {
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const found = ipaddr.isValid(host) ? [{ address: host, family: host.includes(':') ? 6 : 4 }] : await resolve(host)
  const [first] = found
  if (first === undefined) throw new Refusal('unavailable', 'The host has no address.')
  if (!found.every(({ address }) => mayConnect(address, allowPrivate))) {
    throw new Refusal('forbidden', 'The host is not on the public internet.')
  }
  return first
}

function systemResolver(host: string): Promise<readonly NetworkAddress[]> {
  return lookup(host, { all: true })
}

/** Link-local addresses stay closed to everybody: clouds give out credentials there. */
function mayConnect(address: string, allowPrivate: boolean): boolean {
  if (!ipaddr.isValid(address)) return false
  const range = ipaddr.process(address).range()
  return range === 'unicast' || (allowPrivate && ['loopback', 'private', 'uniqueLocal'].includes(range))
}

function download(url: URL, target: NetworkAddress, signal: AbortSignal, authority?: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, {
      agent: false,
      signal,
      headers: { accept: 'image/png, image/jpeg, image/webp, image/gif' },
      // What was judged is what is connected to; the name still goes into the TLS handshake.
      lookup: (_host, { all }, done) =>
        all === true ? done(null, [{ ...target }]) : done(null, target.address, target.family),
      ...(authority === undefined ? {} : { ca: authority }),
    })
    outgoing.on('error', reject)
    outgoing.on('response', (response) => {
      const status = response.statusCode ?? 0
      const refuse = (refusal: Refusal) => {
        reject(refusal)
        outgoing.destroy()
      }
      if (status >= 300 && status < 400) return refuse(new Refusal('invalid', 'It redirects, which is not followed.'))
      if (status !== 200) return refuse(new Refusal('invalid', `It answers with status ${status}.`))
      const chunks: Buffer[] = []
      let size = 0
      response.on('error', reject)
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk)
        size += chunk.length
        if (size > maximumLogoSize) refuse(new Refusal('too-large', 'The picture is larger than 64 KiB.'))
      })
      response.on('end', () => resolve(Buffer.concat(chunks)))
    })
    outgoing.end()
  })
}

function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
    work.then(resolve, reject)
  })
}
