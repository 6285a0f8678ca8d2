/**
 * What of a request goes on to a PDS, and what of its answer comes back: lists of what is let through, nothing else is.
 *
 * The answer appears on our own origin, where people sign in: whatever it says it is, no browser may run it here.
 */
import type { IncomingHttpHeaders } from 'node:http'

const toPds = [
  'accept',
  'accept-language',
  'atproto-accept-labelers',
  'atproto-proxy',
  'content-type',
  'x-atproto-bsky-topics',
  'x-bsky-topics',
] as const

const toApp = ['atproto-content-labelers', 'atproto-repo-rev', 'content-language', 'retry-after'] as const

/** What scripts in a browser may read of an answer, besides what they always may. */
export const exposedHeaders = [
  'www-authenticate',
  'dpop-nonce',
  'atproto-repo-rev',
  'atproto-content-labelers',
  'content-disposition',
  'content-length',
  'ratelimit-limit',
  'ratelimit-remaining',
  'ratelimit-reset',
  'ratelimit-policy',
  'retry-after',
  'x-request-id',
] as const

/** What scripts in a browser may send. */
export const acceptedHeaders = ['authorization', 'dpop', ...toPds] as const

/** Headers for the PDS. Lengths and encodings stay what they are: nobody on the way changes the bytes. */
export function headersForPds(headers: IncomingHttpHeaders): Record<string, string> {
  const kept = toPds.flatMap((name): [string, string][] => {
    const value = headers[name]
    return typeof value === 'string' ? [[name, value]] : []
  })
  return { ...Object.fromEntries(kept), 'accept-encoding': 'identity' }
}

/** Headers for the PDS with JSON of ours. The app's own type could name a charset in which the same bytes are other JSON. */
export function headersForJson(headers: IncomingHttpHeaders): Record<string, string> {
  return { ...headersForPds(headers), 'content-type': 'application/json' }
}

/** Headers for the app. */
export function headersForApp(headers: Headers): Record<string, string> {
  const answer: Record<string, string> = {
    'cache-control': 'no-store',
    'content-security-policy': "default-src 'none'; sandbox",
    'x-content-type-options': 'nosniff',
  }
  for (const [name, value] of headers) {
    if (toApp.some((one) => one === name) || name.startsWith('ratelimit-')) answer[name] = value
  }
  const type = headers.get('content-type')
  if (type !== null) answer['content-type'] = safeType(type)
  // Bytes that were packed have been unpacked on the way here, so that their length is another one.
  const length = headers.get('content-encoding') === null ? headers.get('content-length') : null
  if (length !== null && /^\d{1,15}$/.test(length)) answer['content-length'] = length
  if (type === null || !isJson(type)) answer['content-disposition'] = disposition(headers.get('content-disposition'))
  return answer
}

function isJson(type: string): boolean {
  return /^application\/json *(;|$)/i.test(type)
}

function safeType(type: string): string {
  return /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+( *; *[\w-]+=[\w".+-]+)*$/.test(type) ? type : 'application/octet-stream'
}

/** A PDS names files by their hash. */
function disposition(given: string | null): string {
  return given !== null && /^attachment; filename="[\w.-]{1,200}"$/.test(given) ? given : 'attachment'
}
