/**
 * What is known of a request beside its content: its reference number and where it comes from.
 *
 * Kept by the raw request, because our pages and the protocol library each have a context of their own around it.
 */
import { randomBytes, type X509Certificate } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import ipaddr from 'ipaddr.js'
import { certificateThumbprint, readCertificate } from './client-certificate.ts'

export interface RequestInfo {
  /** Shown to the person and written to the log, so that the two find each other. */
  readonly reference: string
  /** Network address of the browser, canonical; `unknown` when it cannot be told. */
  readonly address: string
  /** The host that the browser asked for. */
  readonly host: string | undefined
  /** Where the address is, as our proxy has it (ISO 3166). */
  readonly country: string | undefined
  /** The certificate that the client showed to our proxy, as its header has it. */
  readonly certificate: { readonly value: string; readonly verified: boolean } | undefined
}

/** The header in which proxies hand on the certificate of a client, and the one that says whether a CA vouches for it. */
export interface CertificateHeaders {
  /** In lower case, as the other. */
  readonly header: string
  readonly verifyHeader: string | undefined
}

/** A certificate that a client showed. */
export interface ClientCertificate {
  readonly certificate: X509Certificate
  /** The proxy found it good by its CA. */
  readonly verified: boolean
}

/** Whom to believe what. */
export interface Proxies {
  /** Networks of our proxies (CIDR notation). */
  readonly trusted: readonly string[]
  /** The header in which they name the country, in lower case. */
  readonly countryHeader: string | undefined
  /** Undefined: they hand on no certificates. */
  readonly certificates?: CertificateHeaders | undefined
}

const noProxies: Proxies = { trusted: [], countryHeader: undefined }

const known = new WeakMap<IncomingMessage, RequestInfo>()

/** The info of a request; read once, before anyone changes its headers. */
export function requestInfo(request: IncomingMessage, proxies: Proxies = noProxies): RequestInfo {
  const found = known.get(request)
  if (found !== undefined) return found
  const { trusted, countryHeader, certificates } = proxies
  const peer = canonical(request.socket.remoteAddress)
  const behindProxy = peer !== undefined && isTrusted(peer, trusted)
  const info = {
    reference: randomBytes(5).toString('hex').toUpperCase(),
    address: (behindProxy ? forwardedAddress(request, trusted) : undefined) ?? peer ?? 'unknown',
    host: (behindProxy ? firstValue(request.headers['x-forwarded-host']) : undefined) ?? request.headers.host,
    country: behindProxy && countryHeader !== undefined ? countryOf(request.headers[countryHeader]) : undefined,
    certificate: behindProxy && certificates !== undefined ? certificateOf(request, certificates) : undefined,
  }
  known.set(request, info)
  return info
}

/** The certificate that the client of a request showed to our proxy; undefined when there is none that can be read. */
export function clientCertificate(request: IncomingMessage): ClientCertificate | undefined {
  const { certificate: handed } = requestInfo(request)
  const certificate = handed && readCertificate(handed.value)
  return certificate && { certificate, verified: handed.verified }
}

/** The thumbprint of the certificate that the client of a request showed; undefined when it showed none. */
export function shownThumbprint(request: IncomingMessage): string | undefined {
  const shown = clientCertificate(request)
  return shown && certificateThumbprint(shown.certificate)
}

/** Two values of the header say that somebody before the proxy wrote one. */
function certificateOf(
  request: IncomingMessage,
  { header, verifyHeader }: CertificateHeaders,
): RequestInfo['certificate'] {
  const [value, ...more] = request.headersDistinct[header] ?? []
  if (value === undefined || value === '' || more.length > 0) return undefined
  const answers = verifyHeader === undefined ? [] : (request.headersDistinct[verifyHeader] ?? [])
  return { value, verified: answers.length === 1 && answers[0]?.toUpperCase() === 'SUCCESS' }
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
