/**
 * Signing in at another OpenID Connect issuer: the person goes there and comes back with a code.
 *
 * Who they are is the pair of `iss` and `sub` (OpenID Connect Core §5.7), never an e-mail address. What the issuer says
 * beside that is what a stranger says, unless it is known to vouch for it. How an issuer is asked is behind `OidcSlice`.
 */
import { randomBytes } from 'node:crypto'
import type { Identity, IdentityProvider, Json, Step } from './contract.ts'
import { UpstreamError } from './contract.ts'
import { normalizeEmail } from './email-address.ts'

/** What this provider needs of our client at the issuer. */
export interface OidcSlice {
  begin(input: {
    callback: URL
    parameters: Readonly<Record<string, string>>
    trip: Trip
  }): Promise<{ kind: 'redirect'; to: URL } | { kind: 'unavailable'; why: string }>
  finish(input: {
    callback: URL
    params: URLSearchParams
    trip: Trip
  }): Promise<
    | { kind: 'proven'; claims: Claims; further: Claims }
    | { kind: 'refused'; reason: 'cancelled' | 'invalid'; why: string }
    | { kind: 'unavailable'; why: string }
  >
}

interface Trip {
  readonly state: string
  readonly verifier: string
  readonly nonce?: string
}

export type Claims = Readonly<Record<string, unknown>>

/** What is asked of an issuer, and how its answer is read. */
export interface OidcQuestions {
  /** Stored with every identity; lower case, digits and hyphens. */
  readonly id: string
  readonly label: string
  readonly scopes: readonly string[]
  /** Further parameters of the authorization request. */
  readonly parameters: Readonly<Record<string, string>>
  /** `off` for issuers that do not send it back. */
  readonly nonce: 'required' | 'off'
  /** Characters, 22 to 43 (132 to 258 bits), for issuers that take no long ones. */
  readonly stateLength: number
  /** The claim that identifies a person for good; other people's claims end up in their accounts when it does not. */
  readonly subjectClaim: string
  /** Which claims hold what is shown of a person. */
  readonly claims: ClaimNames
  /** The values of the claim `hd` that are let in; empty: everybody. */
  readonly hostedDomains: readonly string[]
  readonly externalBrowser?: true
  /** The issuer may say in the claim `amr` that the person has shown a second factor; others are not listened to. */
  readonly secondFactor?: true
}

export interface ClaimNames {
  readonly name: string
  readonly email: string
  readonly emailVerified: string
  /** What the person recognises their account by. */
  readonly label: string
}

export interface OidcProviderNeeds {
  readonly questions: OidcQuestions
  readonly client: OidcSlice
  /** Whether the issuer is believed that this address, which it calls verified, is the person's today. */
  readonly vouches: (address: string, claims: Claims) => boolean
  readonly now: () => Date
  /** Where other ways prove identities of the same people, too: under which name they are stored, and how a statement is read. */
  readonly shared?: {
    readonly proves: string
    readonly read: (claims: Claims) => Identity | undefined
    /** Told what the issuer has signed about somebody who was proven. */
    readonly proven?: (claims: Claims) => Promise<void>
  }
  /** Told why somebody was refused; holds nothing secret. */
  readonly report?: (provider: string, why: string) => void
}

/** Seconds in which an attempt must be finished. */
const lifetime = 600
/** Characters of a name or label that are kept. */
const longestText = 200

interface Away extends Trip {
  readonly until: number
}

/** The provider with the id of `questions`. */
export function oidc(needs: OidcProviderNeeds): IdentityProvider {
  const { questions, client, now, report = () => undefined } = needs
  const { id, label, nonce, stateLength } = questions
  const seconds = () => Math.floor(now().getTime() / 1000)

  return {
    id,
    label,
    ...(needs.shared === undefined ? {} : { proves: needs.shared.proves }),
    ...(questions.externalBrowser === true ? { externalBrowser: true } : {}),
    ...(questions.secondFactor === true ? { secondFactor: true } : {}),
    async start({ purpose, callback, hint }) {
      // Nothing of the person's at the issuer is for apps: there is no access to ask for.
      if (purpose === 'access') return refused('invalid')
      const trip = {
        state: random().slice(0, stateLength),
        verifier: random(),
        ...(nonce === 'off' ? {} : { nonce: random() }),
      }
      const begun = await client.begin({ callback, parameters: parametersOf(questions, hint), trip })
      if (begun.kind === 'unavailable') throw new UpstreamError(begun.why)
      return { kind: 'redirect', to: begun.to, state: { ...trip, until: seconds() + lifetime } }
    },
    async answer({ purpose, callback, state, params }) {
      const away = readState(state, nonce)
      // What is not the answer to this attempt is not shown to the issuer.
      if (away === undefined || purpose === 'access' || params.get('state') !== away.state) return refused('invalid')
      if (seconds() >= away.until) return refused('expired')
      const { until: _until, ...trip } = away
      const finished = await client.finish({ callback, params, trip })
      if (finished.kind === 'unavailable') throw new UpstreamError(finished.why)
      if (finished.kind === 'proven') return judge(finished)
      if (finished.reason !== 'cancelled') report(id, finished.why)
      return refused(finished.reason)
    },
  }

  async function judge({ claims, further }: { claims: Claims; further: Claims }): Promise<Step> {
    const { hostedDomains } = questions
    const hd = claims['hd'] ?? further['hd']
    if (hostedDomains.length > 0 && !(typeof hd === 'string' && hostedDomains.includes(hd.toLowerCase()))) {
      return refused('other-organisation')
    }
    const identity = identityOf(needs, claims, further)
    if (identity === undefined) {
      report(id, `the claim ${questions.subjectClaim} is missing or unusable`)
      return refused('invalid')
    }
    await needs.shared?.proven?.(claims)
    return { kind: 'proven', identity, amr: amrOf(questions, claims) }
  }
}

function parametersOf({ scopes, parameters }: OidcQuestions, hint: string | undefined): Record<string, string> {
  // Only what can be an address: other hints are about accounts elsewhere and nobody's business at the issuer.
  const address = hint === undefined ? undefined : normalizeEmail(hint)
  return {
    scope: scopes.join(' '),
    ...(address === undefined ? {} : { login_hint: address }),
    ...parameters,
  }
}

function identityOf(needs: OidcProviderNeeds, claims: Claims, further: Claims): Identity | undefined {
  const { questions, shared, vouches } = needs
  const { id, subjectClaim, claims: names } = questions
  const all = { ...further, ...claims }
  if (shared !== undefined) return shared.read(all)
  const issuer = claims['iss']
  const subject = subjectOf(all[subjectClaim])
  if (typeof issuer !== 'string' || subject === undefined) return undefined
  const name = textOf(all[names.name])
  // The two belong together: what one place verified says nothing of an address that another one states.
  const addressed = claims[names.email] === undefined ? further : claims
  const email = emailOf(addressed[names.email], addressed[names.emailVerified])
  const label = textOf(all[names.label]) ?? email?.address ?? name
  return {
    provider: id,
    // No identifier of an issuer holds a space, so no two pairs are written alike.
    subject: `${issuer} ${subject}`,
    ...(name === undefined ? {} : { name }),
    ...(label === undefined ? {} : { label }),
    ...(email === undefined
      ? {}
      : { email: { address: email.address, verified: email.verified && vouches(email.address, claims) } }),
  }
}

/**
 * How the person proved it is between them and the issuer, but for a second factor, where the signed ID token says so; what
 * is not said did not happen (ASVS 5 §6.8.4).
 */
function amrOf({ secondFactor }: OidcQuestions, { amr }: Claims): string[] {
  const stated = secondFactor === true && Array.isArray(amr) && amr.includes('mfa')
  return stated ? ['fed', 'mfa'] : ['fed']
}

/** At most 255 ASCII characters (OpenID Connect Core §2); some issuers number their people. */
function subjectOf(value: unknown): string | undefined {
  const text = typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : value
  return typeof text === 'string' && /^[\x20-\x7e]{1,255}$/.test(text) && text.trim() === text ? text : undefined
}

function emailOf(value: unknown, verified: unknown): { address: string; verified: boolean } | undefined {
  const address = typeof value === 'string' ? normalizeEmail(value) : undefined
  if (address === undefined) return undefined
  // What was verified is the address as it was written: one that only looks like it after normalising is another one.
  const same = typeof value === 'string' && value.toLowerCase() === address
  return { address, verified: same && (verified === true || verified === 'true') }
}

function textOf(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined
  const text = value
    .slice(0, longestText)
    .replaceAll(/[\p{Cc}\p{Cs}]/gu, '')
    .trim()
  return text === '' ? undefined : text
}

/** 256 bits, as 43 characters that every issuer takes. */
function random(): string {
  return randomBytes(32).toString('base64url')
}

function refused(reason: Extract<Step, { kind: 'refused' }>['reason']): Step {
  return { kind: 'refused', reason }
}

/** The state as this provider writes it; undefined for anything else. */
function readState(value: Json, nonceMode: OidcQuestions['nonce']): Away | undefined {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return undefined
  const { until, state, verifier, nonce } = value
  if (typeof until !== 'number' || !isFilled(state) || !isFilled(verifier)) return undefined
  if (nonceMode === 'off') return nonce === undefined ? { until, state, verifier } : undefined
  return isFilled(nonce) ? { until, state, verifier, nonce } : undefined
}

function isFilled(value: Json | undefined): value is string {
  return typeof value === 'string' && value !== ''
}
