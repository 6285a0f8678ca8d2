/**
 * Our client at people's PDSs: signing in, and links by which apps reach a PDS.
 *
 * Where nobody has a handle nothing of this is ever used, and the library behind it takes more memory than the rest of the
 * house: so it is loaded with the first call that needs it. Knows no database, only stores and a lock that it is given.
 */
import { background as createBackground } from './background.ts'
import type { AtprotoClient } from './contract.ts'
import { custody as createCustody } from './custody.ts'
import type { AtprotoClientOptions, LoadedClient } from './loaded-client.ts'
import { redirectUriOf } from './own-addresses.ts'

export interface RunningAtprotoClient extends AtprotoClient {
  /** Gives back what sign-ins brought and nobody came for. */
  discardExpired(): Promise<void>
  /** Answers once tokens that nobody needs any more are given back. */
  settled(): Promise<void>
}

export function atprotoClient(options: AtprotoClientOptions): RunningAtprotoClient {
  const report = options.report ?? (() => undefined)
  const background = createBackground((error) => report('work in the background failed', error))
  const custody = createCustody({
    ...options,
    background,
    revoke: async (session) => (await loaded()).revoke(session),
  })
  let loading: Promise<LoadedClient> | undefined
  function loaded(): Promise<LoadedClient> {
    loading ??= import('./loaded-client.ts').then(({ loadedClient }) =>
      loadedClient(options, { report, background, custody }),
    )
    return loading
  }
  return {
    redirectUri: redirectUriOf(options.issuer),
    documents: async () => (await loaded()).documents(),
    begin: async (input) => (await loaded()).begin(input),
    finish: async (params, keeping) => (await loaded()).finish(params, keeping),
    keep: custody.keep,
    discard: custody.discard,
    discardExpired: custody.discardExpired,
    async linkState(did) {
      const state = await options.sessions.state(did)
      return state && { did, scopes: state.scope.split(' '), since: state.since, ended: state.ended }
    },
    link: async (did) => (await loaded()).link(did),
    end: async (did, cause) => (await loaded()).end(did, cause),
    settled: background.settled,
  }
}
