/**
 * How the library asks other hosts: for the keys and lists that clients name, and to tell them of log-outs.
 *
 * Everything goes through the guarded fetch. The library brings a guard of its own as a dispatcher, which would take the
 * place of ours: it judges a connection after it is made, and knows nothing of a server on a developer's machine.
 *
 * Anybody may have us ask for the keys of a client by an assertion that they made up. What was found is kept by the library;
 * an address that had nothing to give is left alone for a moment, so that nobody is flooded through us.
 */
import type { Configuration } from 'oidc-provider'
import type { Fetch } from '../../adapters/atproto/guarded-fetch.ts'

/** Milliseconds. */
const pause = 10_000
/** Most addresses that are left alone at a time; the first goes first. */
const size = 1_000

/** The library's `fetch`. Its limits of time (2.5 seconds) and size hold beside those of `fetch`. */
export function outboundFetch(fetch: Fetch, now: () => Date): NonNullable<Configuration['fetch']> {
  const alone = new Map<string, number>()

  function leaveAlone(address: string): void {
    alone.delete(address)
    alone.set(address, now().getTime() + pause)
    if (alone.size > size) alone.delete(alone.keys().next().value as string)
  }

  return async (url, options) => {
    const { dispatcher: _, ...init } = options as RequestInit & { dispatcher?: unknown }
    if (init.method !== 'GET') return fetch(url, init)
    const address = String(url)
    if ((alone.get(address) ?? 0) > now().getTime()) throw new Error(`${address} had nothing to give a moment ago`)
    try {
      const response = await fetch(url, init)
      if (!(await isJson(response))) leaveAlone(address)
      return response
    } catch (error) {
      leaveAlone(address)
      throw error
    }
  }
}

/** Throws what reading throws. */
async function isJson(response: Response): Promise<boolean> {
  const text = await response.clone().text()
  try {
    return response.ok && typeof JSON.parse(text) === 'object'
  } catch {
    return false
  }
}
