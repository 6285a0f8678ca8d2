/** From a handle to a DID: by DNS and HTTPS as the specification says, or by a service that does so for us. */
import { Resolver } from 'node:dns/promises'
import { AtprotoHandleResolver, type HandleResolver, isAtprotoDid } from '@atproto/oauth-client-node'
import { type Fetch, Unreachable } from './guarded-fetch.ts'

/** The texts of a name's TXT records; null when there are none. */
export type ResolveTxt = (hostname: string) => Promise<string[] | null>

/** Milliseconds. */
const dnsTimeout = 3_000

/** Resolves without a service. `resolveTxt` is the system's resolver when absent. */
export function directHandles(fetch: Fetch, resolveTxt: ResolveTxt = systemTxt): HandleResolver {
  return new AtprotoHandleResolver({ fetch, resolveTxt })
}

/** Resolves by `com.atproto.identity.resolveHandle` of the service at this origin. */
export function serviceHandles(fetch: Fetch, service: string): HandleResolver {
  return {
    async resolve(handle, options) {
      const url = new URL('/xrpc/com.atproto.identity.resolveHandle', service)
      url.searchParams.set('handle', handle)
      const response = await fetch(url, { signal: options?.signal ?? null })
      // Services differ in the name of the error (InvalidRequest, HandleNotFound), not in the status.
      if (response.status === 400 || response.status === 404) return null
      if (!response.ok) throw new Unreachable('the handle resolver answers with an error', { timeout: false })
      const answer = (await response.json().catch(() => null)) as { did?: unknown } | null
      const did = answer?.did
      return typeof did === 'string' && isAtprotoDid(did) ? did : null
    },
  }
}

async function systemTxt(hostname: string): Promise<string[] | null> {
  const resolver = new Resolver({ timeout: dnsTimeout, tries: 2 })
  try {
    return (await resolver.resolveTxt(hostname)).map((parts) => parts.join(''))
  } catch {
    // The other way, by HTTPS, is asked at the same time.
    return null
  }
}
