/**
 * Signing in where one's account lives: a handle, a DID or the address of a host leads to the person's PDS and back.
 *
 * The DID is the identity; the handle is only shown, and only as it was verified at this sign-in. Resolving makes this
 * server call addresses that a stranger chose, so tries are limited by network address. How a PDS is found and asked is
 * behind `AtprotoSlice`.
 */
import type { IdentityProvider, Json, PageProblem, Purpose, RefusedReason, StartInput, Step } from './contract.ts'
import type { LimitStore } from './guess-limits.ts'

/** What this provider needs of our client at people's PDSs. */
export interface AtprotoSlice {
  begin(input: { identifier: string; scopes: readonly string[] }): Promise<
    | { kind: 'redirect'; to: URL; state: string }
    | {
        kind: 'problem'
        problem: Extract<PageProblem, 'invalid-handle' | 'unknown-handle' | 'unsuitable-host' | 'host-unreachable'>
      }
  >
  finish(
    params: URLSearchParams,
    keepFor: string | undefined,
  ): Promise<{ kind: 'proven'; did: string; handle: string | undefined } | { kind: 'refused'; reason: RefusedReason }>
}

export interface AtprotoProviderNeeds {
  client: AtprotoSlice
  /** The handle, DID or address that a text means; undefined when it is none. */
  recognise(text: string): string | undefined
  limits: Pick<LimitStore, 'spend' | 'forgive' | 'bucketOf'>
  now: () => Date
}

/** Seconds in which an attempt must be finished. */
const lifetime = 600
/** Answers that the page of one attempt takes. */
const pageTries = 20
/** Lenient, because whole offices share an address; who signs in gets the try back. Times in seconds. */
const lookups = { free: 100, firstDelay: 1, maxDelay: 60, forget: 3600 }
/** Characters of what was typed that are shown again. */
const longestEcho = 300

type State =
  | { at: 'asked'; until: number }
  /** `keepFor` is the DID whose link is made, with purpose `access`. */
  | { at: 'away'; until: number; state: string; keepFor?: string }

/** The provider `atproto`. */
export function atproto({ client, recognise, limits, now }: AtprotoProviderNeeds): IdentityProvider {
  const seconds = () => Math.floor(now().getTime() / 1000)
  const bucket = (address: string) => `atproto:${limits.bucketOf(address)}`

  return {
    id: 'atproto',
    label: 'Bluesky or atproto',
    accepts: (hint) => recognise(hint) !== undefined,
    async start({ purpose, access, hint, ask, address }) {
      const until = seconds() + lifetime
      if (purpose === 'access') return access === undefined ? refused('invalid') : reach(until, access, address)
      if (hint === undefined || hint === '') return shown(until, {})
      if (ask === true) return shown(until, recognise(hint) === undefined ? {} : { handle: hint })
      return look(until, hint, address)
    },
    async answer({ purpose, state, params, address }) {
      const current = readState(state)
      if (current === undefined) return refused('invalid')
      if (seconds() >= current.until) return refused('expired')
      if (current.at === 'asked') return look(current.until, params.get('handle') ?? '', address)
      return finish(current, purpose, params, address)
    },
  }

  /** Sends the person on to where what they typed leads, or says why it leads nowhere. */
  async function look(until: number, typed: string, address: string): Promise<Step> {
    const again = (problem: PageProblem) => shown(until, { handle: typed.slice(0, longestEcho), problem })
    const identifier = recognise(typed)
    if (identifier === undefined) return again('invalid-handle')
    const allowed = await limits.spend(bucket(address), lookups)
    if (!allowed.allowed)
      return shown(until, { handle: identifier, problem: 'too-many-tries', retryAfter: allowed.retryAfter })
    const begun = await client.begin({ identifier, scopes: ['atproto'] })
    return begun.kind === 'problem' ? again(begun.problem) : away(until, begun)
  }

  /** Sends a person whom we know to their PDS; there is nothing to type, so a problem ends the attempt. */
  async function reach(until: number, access: NonNullable<StartInput['access']>, address: string): Promise<Step> {
    const allowed = await limits.spend(bucket(address), lookups)
    if (!allowed.allowed) return refused('unavailable')
    const begun = await client.begin({ identifier: access.subject, scopes: access.scopes })
    return begun.kind === 'problem' ? refused('unavailable') : away(until, begun, access.subject)
  }

  async function finish(
    { state, keepFor }: Extract<State, { at: 'away' }>,
    purpose: Purpose,
    params: URLSearchParams,
    address: string,
  ): Promise<Step> {
    // Of two attempts in one browser each takes its own callback; what is not ours is left for whom it belongs to.
    if (params.get('state') !== state || (purpose === 'access') !== (keepFor !== undefined)) return refused('invalid')
    const finished = await client.finish(params, keepFor)
    if (finished.kind === 'refused') return finished
    if (keepFor !== undefined && finished.did !== keepFor) return refused('invalid')
    await limits.forgive(bucket(address), lookups)
    const { did, handle } = finished
    return {
      kind: 'proven',
      identity: {
        provider: 'atproto',
        subject: did,
        label: handle ?? did,
        ...(handle === undefined ? {} : { name: handle }),
      },
      // How the person proved it is between them and their PDS.
      amr: ['fed'],
    }
  }
}

function shown(until: number, page: { handle?: string; problem?: PageProblem; retryAfter?: number }): Step {
  const state: State = { at: 'asked', until }
  return { kind: 'show', page: { name: 'atproto-handle', ...page }, state, tries: pageTries }
}

function away(until: number, begun: { to: URL; state: string }, keepFor?: string): Step {
  const state: State = { at: 'away', until, state: begun.state, ...(keepFor === undefined ? {} : { keepFor }) }
  return { kind: 'redirect', to: begun.to, state, returnState: begun.state }
}

function refused(reason: RefusedReason): Step {
  return { kind: 'refused', reason }
}

/** The state as this provider writes it; undefined for anything else. */
function readState(value: Json): State | undefined {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return undefined
  const { at, until, state, keepFor } = value
  if (typeof until !== 'number') return undefined
  if (at === 'asked') return { at, until }
  if (at !== 'away' || typeof state !== 'string' || state === '') return undefined
  if (keepFor === undefined) return { at, until, state }
  return typeof keepFor === 'string' ? { at, until, state, keepFor } : undefined
}
