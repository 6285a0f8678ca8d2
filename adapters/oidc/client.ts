/**
 * Our client at one other issuer, with the library behind it loaded when somebody first comes: where nobody does, it
 * costs neither memory nor time at start. An issuer that is down keeps nothing here from starting.
 */
import type { OidcClient, OidcClientOptions } from './contract.ts'

/** Asks nobody anything yet. */
export function oidcClient(options: OidcClientOptions): OidcClient {
  let loading: Promise<OidcClient> | undefined
  function loaded(): Promise<OidcClient> {
    loading ??= import('./loaded-client.ts').then(({ loadedClient }) => loadedClient(options))
    return loading
  }
  return {
    begin: async (input) => (await loaded()).begin(input),
    finish: async (input) => (await loaded()).finish(input),
    examine: async () => (await loaded()).examine(),
  }
}
