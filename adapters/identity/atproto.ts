/**
 * Signing in where one's account lives: a handle, a DID or the address of a host leads to the person's PDS and back.
 *
 * The DID is the identity; the handle is only shown, and only as it was verified at this sign-in. Resolving makes this
 * server call addresses that a stranger chose, so tries are limited by network address. How a PDS is found and asked is
 * behind `AtprotoSlice`.
 */
import type {
  IdentityProvider,
  Json,
  Keepsake,
  PageProblem,
  Purpose,
  RefusedReason,
  StartInput,
  Step,
} from './contract.ts'
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
    keeping: undefined | { link: string } | 'held',
  ): Promise<
    | { kind: 'proven'; did: string; handle: string | undefined; keepsake?: Keepsake }
    | { kind: 'refused'; reason: RefusedReason }
  >
  keep(keepsake: string, did: string): Promise<boolean>
  discard(keepsake: string): Promise<void>
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
  /** `scopes` are asked for at the PDS beside the sign-in. */
  | { at: 'asked'; until: number; scopes: string[] }
  /** `keepFor` is the DID whose link is made, with purpose `access`; `held` that a keepsake is handed over. */
  | { at: 'away'; until: number; state: string; keepFor?: string; held: boolean }

type Asked = Extract<State, { at: 'asked' }>
type Away = Extract<State, { at: 'away' }>

/** The provider `atproto`. */
export function atproto({ client, recognise, limits, now }: AtprotoProviderNeeds): IdentityProvider {
  const seconds = () => Math.floor(now().getTime() / 1000)
  const bucket = (address: string) => `atproto:${limits.bucketOf(address)}`

  return {
    id: 'atproto',
    label: 'Bluesky or atproto',
    accepts: (hint) => recognise(hint) !== undefined,
    keepsakes: { keep: client.keep, discard: client.discard },
    async start({ purpose, access, hint, ask, address }) {
      const until = seconds() + lifetime
      if (purpose === 'access') return reach(until, access, address)
      const asked: Asked = { at: 'asked', until, scopes: [...(access?.scopes ?? [])] }
      if (hint === undefined || hint === '') return shown(asked, {})
      if (ask === true) return shown(asked, recognise(hint) === undefined ? {} : { handle: hint })
      return look(asked, hint, address)
    },
    async answer({ purpose, state, params, address }) {
      const current = readState(state)
      if (current === undefined) return refused('invalid')
      if (seconds() >= current.until) return refused('expired')
      if (current.at === 'asked') return look(current, params.get('handle') ?? '', address)
      return finish(current, purpose, params, address)
    },
  }

  /** Sends the person on to where what they typed leads, or says why it leads nowhere. */
  async function look(asked: Asked, typed: string, address: string): Promise<Step> {
    const again = (problem: PageProblem) => shown(asked, { handle: typed.slice(0, longestEcho), problem })
    const identifier = recognise(typed)
    if (identifier === undefined) return again('invalid-handle')
    const allowed = await limits.spend(bucket(address), lookups)
    if (!allowed.allowed)
      return shown(asked, { handle: identifier, problem: 'too-many-tries', retryAfter: allowed.retryAfter })
    const begun = await client.begin({ identifier, scopes: ['atproto', ...asked.scopes] })
    return begun.kind === 'problem' ? again(begun.problem) : away(asked.until, begun, { held: asked.scopes.length > 0 })
  }

  /** Sends a person whom we know to their PDS; there is nothing to type, so a problem ends the attempt. */
  async function reach(until: number, access: StartInput['access'], address: string): Promise<Step> {
    if (access?.subject === undefined) return refused('invalid')
    const allowed = await limits.spend(bucket(address), lookups)
    if (!allowed.allowed) return refused('unavailable')
    const begun = await client.begin({ identifier: access.subject, scopes: access.scopes })
    if (begun.kind === 'problem') return refused(begun.problem === 'host-unreachable' ? 'unavailable' : 'unsuitable')
    return away(until, begun, { held: false, keepFor: access.subject })
  }

  async function finish(
    { state, keepFor, held }: Away,
    purpose: Purpose,
    params: URLSearchParams,
    address: string,
  ): Promise<Step> {
    // Of two attempts in one browser each takes its own callback; what is not ours is left for whom it belongs to.
    if (params.get('state') !== state || (purpose === 'access') !== (keepFor !== undefined)) return refused('invalid')
    const finished = await client.finish(
      params,
      keepFor === undefined ? (held ? 'held' : undefined) : { link: keepFor },
    )
    if (finished.kind === 'refused') return finished
    if (keepFor !== undefined && finished.did !== keepFor) return refused('invalid')
    await limits.forgive(bucket(address), lookups)
    const { did, handle, keepsake } = finished
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
      ...(keepsake === undefined ? {} : { keepsake }),
    }
  }
}

function shown(state: Asked, page: { handle?: string; problem?: PageProblem; retryAfter?: number }): Step {
  return { kind: 'show', page: { name: 'atproto-handle', ...page }, state, tries: pageTries }
}

function away(until: number, begun: { to: URL; state: string }, purpose: Pick<Away, 'held' | 'keepFor'>): Step {
  const state: Away = { at: 'away', until, state: begun.state, ...purpose }
  return { kind: 'redirect', to: begun.to, state, returnState: begun.state }
}

function refused(reason: RefusedReason): Step {
  return { kind: 'refused', reason }
}

/** The state as this provider writes it; undefined for anything else. */
function readState(value: Json): State | undefined {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return undefined
  const { at, until, state, keepFor, held, scopes } = value
  if (typeof until !== 'number') return undefined
  if (at === 'asked') return isTexts(scopes) ? { at, until, scopes } : undefined
  if (at !== 'away' || typeof state !== 'string' || state === '' || typeof held !== 'boolean') return undefined
  if (keepFor === undefined) return { at, until, state, held }
  return typeof keepFor === 'string' ? { at, until, state, keepFor, held } : undefined
}

function isTexts(value: Json | undefined): value is string[] {
  return Array.isArray(value) && value.every((one) => typeof one === 'string')
}
