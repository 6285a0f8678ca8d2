/**
 * One request to a PDS with a person's token: never to another host, with a proof, and with the nonce that the PDS wants.
 *
 * A body that streams cannot be sent twice, so the nonce must be right the first time: `prepared` says whether it is.
 */
import { PdsUnreachable } from './contract.ts'
import { dpopProof } from './dpop.ts'
import { causesOf, type Fetch } from './guarded-fetch.ts'
import type { MemoryCache } from './memory-cache.ts'
import type { OpenSession } from './open-session.ts'
import { isTimeout } from './problems.ts'

export type PdsRequest = RequestInit & { duplex?: 'half' }

export interface PdsRequests {
  /** Whether a nonce is known that the PDS will take for a while. */
  prepared(session: OpenSession): boolean
  /** Throws `PdsUnreachable`, or what the caller's own signal or body throws. */
  send(session: OpenSession, path: string, init: PdsRequest): Promise<Response>
}

/** Milliseconds: a PDS takes a nonce for three minutes at most (RFC 9449 §8 leaves it to the server; atproto: 5 minutes). */
const freshNonce = 120_000

export function pdsRequests(fetch: Fetch, nonces: MemoryCache<string>): PdsRequests {
  async function sendOnce({ tokens, key, tokenHash }: OpenSession, url: URL, init: PdsRequest): Promise<Response> {
    const method = init.method ?? 'GET'
    const headers = new Headers(init.headers)
    headers.set('authorization', `DPoP ${tokens.access_token}`)
    const nonce = nonces.get(url.origin)
    headers.set('dpop', dpopProof(key, { method, url, tokenHash, nonce, at: new Date() }))
    const response = await fetch(url, { ...init, method, headers, redirect: 'error' })
    const next = response.headers.get('dpop-nonce')
    if (next !== null) nonces.set(url.origin, next)
    return response
  }

  return {
    prepared({ tokens }) {
      const age = nonces.age(new URL(tokens.aud).origin)
      return age !== undefined && age < freshNonce
    },

    async send(session, path, init) {
      const url = urlOn(session.tokens.aud, path)
      try {
        const response = await sendOnce(session, url, init)
        if (!asksForNonce(response)) return response
        await response.body?.cancel()
        if (isStream(init.body)) throw new PdsUnreachable('the PDS changed its nonce', { timeout: false })
        return await sendOnce(session, url, init)
      } catch (error) {
        if (error instanceof PdsUnreachable || init.signal?.aborted) throw error
        throw new PdsUnreachable(causesOf(error).at(-1)?.message ?? 'no answer', {
          timeout: isTimeout(error),
          cause: error,
        })
      }
    },
  }
}

/** Whether a body can be read once only. */
export function isStream(body: unknown): boolean {
  return (
    typeof body === 'object' &&
    body !== null &&
    Symbol.asyncIterator in body &&
    !(body instanceof Blob) &&
    !(body instanceof URLSearchParams)
  )
}

/** The PDS says that it does not take the token (RFC 6750 §3.1). */
export function refusesToken(response: Response): boolean {
  return challenge(response)?.includes('error="invalid_token"') ?? false
}

function asksForNonce(response: Response): boolean {
  return challenge(response)?.includes('error="use_dpop_nonce"') ?? false
}

function challenge(response: Response): string | undefined {
  return response.status === 401 ? (response.headers.get('www-authenticate') ?? undefined) : undefined
}

/** The address of an XRPC method on the PDS. Throws TypeError for a path that is none. */
function urlOn(pds: string, path: string): URL {
  const origin = new URL(pds).origin
  const url = new URL(path, origin)
  const [written = ''] = path.split(/[?#]/)
  if (url.origin !== origin || url.pathname !== written || !/^\/xrpc\/[A-Za-z0-9.-]+$/.test(written)) {
    throw new TypeError('a path on a PDS must be /xrpc/ and the name of a method')
  }
  url.hash = ''
  return url
}
