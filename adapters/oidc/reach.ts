/**
 * Where an issuer may send us: to the hosts that the settings name, and to what is public on the internet.
 *
 * Its discovery document is written by somebody else, and must not lead into the network that this server stands in. An
 * issuer that by its own name stands in there itself (a company's, or one on this machine) may name its neighbours.
 */
import { boundedFetch } from './bounded-fetch.ts'
import type { OidcConnection, PublicInternet } from './contract.ts'

export interface Reach {
  /** Why an address is not asked, and nobody is sent there; undefined when nothing speaks against it. */
  objectionTo(url: URL): string | undefined
  /** Throws `Unreachable`. */
  readonly fetch: ReturnType<typeof boundedFetch>
}

export function reach(
  { issuer, endpoints }: Pick<OidcConnection, 'issuer' | 'endpoints'>,
  outside: PublicInternet,
): Reach {
  const { hostname } = new URL(issuer)
  const isNeighbour = !outside.hasHost(hostname)
  const byHand: readonly string[] = endpoints === undefined ? [] : Object.values(endpoints)
  const named = [hostname, ...byHand.map((address) => new URL(address).hostname)]
  // By https a name that leads inside gains nothing: nobody there has a certificate for it.
  const isTrusted = (url: URL) => isNeighbour || (url.protocol === 'https:' && named.includes(url.hostname))
  return {
    objectionTo: (url) => (isTrusted(url) ? undefined : outside.objectionTo(url)),
    fetch: boundedFetch((url, options) =>
      isTrusted(new URL(url)) ? fetch(url, options) : outside.fetch(url, options),
    ),
  }
}
