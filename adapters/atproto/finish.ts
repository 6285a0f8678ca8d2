/**
 * The way back: from the callback to a proven DID.
 *
 * The library would revoke what its store holds for the DID, so it is given an empty one: a sign-in must not touch the
 * link that apps use. What it stores there is captured, and revoked, kept or held.
 */
import {
  type NodeSavedSession,
  OAuthCallbackError,
  OAuthResponseError,
  type OAuthSession,
} from '@atproto/oauth-client-node'
import type { Background } from './background.ts'
import type { SavedState } from './begin.ts'
import type { AtprotoClient, Finished, Keeping, Keepsake } from './contract.ts'
import type { Custody } from './custody.ts'
import { causesOf } from './guarded-fetch.ts'
import { type Library, memoryStore } from './library.ts'
import type { OwnClient } from './own-client.ts'
import { isOutage } from './problems.ts'
import type { Revoke } from './revocation.ts'
import type { SavedSession } from './saved-session.ts'
import { isInactive } from './standing.ts'
import type { States } from './stores.ts'

/** Milliseconds that a login waits for the handle; it is shown only. */
const handlePatience = 5_000

export function finish(options: {
  own: OwnClient
  library: Library
  states: States
  custody: Custody
  revoke: Revoke
  background: Background
  report: (message: string, error: unknown) => void
}): AtprotoClient['finish'] {
  const { own, library, states, custody, revoke, background, report } = options

  return async (params, keeping) => {
    const state = params.get('state')
    if (state === null) return { kind: 'refused', reason: 'invalid' }
    const taken = await states.take(state)
    if (taken === undefined) return { kind: 'refused', reason: 'expired' }
    const { clientId, state: saved } = JSON.parse(taken) as SavedState
    const held = memoryStore<NodeSavedSession>()
    const client = library.client(await own.known(clientId), { state: memoryStore(saved), session: held })
    let opened: OAuthSession
    try {
      opened = (await client.callback(params)).session
    } catch (error) {
      return { kind: 'refused', reason: refusal(params, error) }
    }
    const inactive = await isInactive(opened)
    if (held.entry === undefined) throw new Error('the library kept no session')
    const session: SavedSession = { clientId, session: held.entry.value }
    const did = session.session.tokenSet.sub
    if (inactive) {
      background.start(() => revoke(session))
      return { kind: 'refused', reason: 'inactive' }
    }
    if (typeof keeping === 'object' && keeping.link !== did) {
      background.start(() => revoke(session))
      return { kind: 'refused', reason: 'invalid' }
    }
    const keepsake = await settle(session, keeping)
    const handle = await verifiedHandle(client, did)
    return { kind: 'proven', did, handle, ...(keepsake === undefined ? {} : { keepsake }) }
  }

  async function settle(session: SavedSession, keeping: Keeping): Promise<Keepsake | undefined> {
    if (keeping === 'held') {
      return { id: await custody.hold(session), scopes: session.session.tokenSet.scope.split(' ') }
    }
    if (keeping === undefined) background.start(() => revoke(session))
    else await custody.link(session)
    return undefined
  }

  /** Resolved a moment ago by the library, past the caches: this finds it there. */
  async function verifiedHandle(client: ReturnType<Library['client']>, did: string): Promise<string | undefined> {
    try {
      const { handle } = await client.identityResolver.resolve(did, { signal: AbortSignal.timeout(handlePatience) })
      return handle === 'handle.invalid' ? undefined : handle
    } catch {
      return undefined
    }
  }

  function refusal(params: URLSearchParams, error: unknown): Extract<Finished, { kind: 'refused' }>['reason'] {
    const told = params.get('error')
    if (told === 'access_denied') return 'cancelled'
    if (told === 'server_error' || told === 'temporarily_unavailable' || isOutage(error)) return 'unavailable'
    const refused = causesOf(error).find((cause) => cause instanceof OAuthResponseError)
    // The code has a few minutes, like the sign-in itself.
    if (refused?.error === 'invalid_grant') return 'expired'
    report('a callback was refused', error instanceof OAuthCallbackError ? (error.cause ?? error) : error)
    return 'invalid'
  }
}
