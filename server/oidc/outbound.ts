/**
 * How the library asks other hosts: for the keys, lists and documents that clients name, and to tell them of log-outs.
 *
 * Everything goes through the guarded fetch. The library brings a guard of its own as a dispatcher, which would take the
 * place of ours: it judges a connection after it is made, and knows nothing of a server on a developer's machine.
 */
import type { Configuration } from 'oidc-provider'
import type { Fetch } from '../../adapters/atproto/guarded-fetch.ts'

/** The library's `fetch`. Its limits of time (2.5 seconds) and size hold beside those of `fetch`. */
export function outboundFetch(fetch: Fetch): NonNullable<Configuration['fetch']> {
  return (url, options) => {
    const { dispatcher: _, ...init } = options as RequestInit & { dispatcher?: unknown }
    return fetch(url, init)
  }
}
