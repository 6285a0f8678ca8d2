/**
 * What is known of a request beside its content: its reference number and where it comes from.
 *
 * Kept by the raw request, because our pages and the protocol library each have a context of their own around it.
 */
import { randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import ipaddr from 'ipaddr.js'

export interface RequestInfo {
  /** Shown to the person and written to the log, so that the two find each other. */
  readonly reference: string
  /** Network address of the browser, canonical; `unknown` when it cannot be told. */
  readonly address: string
  /** The host that the browser asked for. */
  readonly host: string | undefined
  /** Where the address is, as our proxy has it (ISO 3166). */
  readonly country: string | undefined
}

/** Whom to believe what. */
export interface Proxies {
  /** Networks of our proxies (CIDR notation). */
  readonly trusted: readonly string[]
  /** The header in which they name the country, in lower case. */
  readonly countryHeader: string | undefined
}

const noProxies: Proxies = { trusted: [], countryHeader: undefined }

const known = new WeakMap<IncomingMessage, RequestInfo>()

/** The info of a request; read once, before anyone changes its headers. */
export function requestInfo(request: IncomingMessage, { trusted, countryHeader }: Proxies = noProxies): RequestInfo {
  const found = known.get(request)
  if (found !== undefined) return found
  const peer = canonical(request.socket.remoteAddress)
  const behindProxy = peer !== undefined && isTrusted(peer, trusted)
  const info = {
    reference: randomBytes(5).toString('hex').toUpperCase(),
    address: (behindProxy ? forwardedAddress(request, trusted) : undefined) ?? peer ?? 'unknown',
    host: (behindProxy ? firstValue(request.headers['x-forwarded-host']) : undefined) ?? request.headers.host,
    country: behindProxy && countryHeader !== undefined ? countryOf(request.headers[countryHeader]) : undefined,
  }
  known.set(request, info)
  return info
}

/** The last address in `X-Forwarded-For` that is not a proxy of ours; anything left of it may be invented. */
function forwardedAddress(request: IncomingMessage, trusted: readonly string[]): string | undefined {
  const hops = String(request.headers['x-forwarded-for'] ?? '')
    .split(',')
    .map((hop) => canonical(hop.trim()))
  let found: string | undefined
  for (const hop of hops.reverse()) {
    if (hop === undefined) break
    found = hop
    if (!isTrusted(hop, trusted)) break
  }
  return found
}

function firstValue(header: string | string[] | undefined): string | undefined {
  return (Array.isArray(header) ? header[0] : header)?.split(',')[0]?.trim()
}

/** Proxies have codes of their own for "unknown" and the like: XX, T1. */
function countryOf(header: string | string[] | undefined): string | undefined {
  const code = firstValue(header)?.toUpperCase() ?? ''
  return /^[A-Z]{2}$/.test(code) && code !== 'XX' ? code : undefined
}

/** IPv4-mapped IPv6 becomes IPv4, so that one address has one form. */
function canonical(address: string | undefined): string | undefined {
  return address !== undefined && ipaddr.isValid(address) ? ipaddr.process(address).toString() : undefined
}

function isTrusted(address: string, trusted: readonly string[]): boolean {
  const parsed = ipaddr.parse(address)
  return trusted.some((network) => {
    const [range, bits] = ipaddr.parseCIDR(network)
    return range.kind() === parsed.kind() && parsed.match([range, bits] as never)
  })
}
