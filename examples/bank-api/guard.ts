/**
 * Who may do what at the bank, and how it says no.
 *
 * Looking takes a token that is well signed (RFC 9068). Paying takes one of which the server says that it lives (RFC 7662),
 * that came of a good and recent sign-in (RFC 9470), and that names this very payment (RFC 9396).
 */
import { isDeepStrictEqual } from 'node:util'
import { accessTokens, scopesOf, type TokenClaims, type TokenOptions } from '../access-tokens.ts'
import { Refused } from '../refused.ts'

export interface GuardOptions extends TokenOptions {
  /** The client that `habitat-auth resource add` printed. */
  readonly clientId: string
  readonly clientSecret: string
}

/** What paying takes. */
const demanded = { acr: 'urn:habitat:acr:two-factors', maxAge: 300 }

/** What a person agreed to, and what the app orders: one and the same. */
export interface Payment {
  readonly amount: { readonly value: string; readonly currency: string }
  readonly creditor: string
  readonly iban: string
}

export interface Guard {
  /** Who asks, if their token has the scope. Throws `Refused`. */
  person(authorization: string | undefined, scope: string): Promise<string>
  /** Who pays, and by which token. Throws `Refused`. */
  payer(authorization: string | undefined, payment: unknown): Promise<{ id: string; token: string; payment: Payment }>
}

export function guard(options: GuardOptions): Guard {
  const read = accessTokens(options)

  async function claimsOf(authorization: string | undefined): Promise<{ token: string; claims: TokenClaims }> {
    const [, token = ''] = /^Bearer +([\w\-.~+/]+=*)$/i.exec(authorization ?? '') ?? []
    if (token === '') throw new Refused(401, 'An access token is needed.', {})
    const claims = await read(token)
    if (claims === 'unreachable') throw new Refused(503, 'The authorization server does not answer.')
    if (claims === 'invalid') throw invalid('The access token opens nothing here.')
    return { token, claims }
  }

  return {
    async person(authorization, scope) {
      const { claims } = await claimsOf(authorization)
      if (scopesOf(claims).includes(scope)) return claims.sub
      const error_description = `The scope ${scope} is needed.`
      throw new Refused(403, error_description, { error: 'insufficient_scope', error_description, scope })
    },
    async payer(authorization, wanted) {
      const { token, claims } = await claimsOf(authorization)
      if (!(await isActive(options, token))) throw invalid('The access token was taken back.')
      if (!isGoodSignIn(claims)) {
        const error_description = 'Paying takes a second factor, shown within the last five minutes.'
        throw new Refused(401, error_description, {
          error: 'insufficient_user_authentication',
          error_description,
          acr_values: demanded.acr,
          max_age: String(demanded.maxAge),
        })
      }
      const payment = paymentsIn(claims).find((one) => isDeepStrictEqual(one, wanted))
      if (payment === undefined) throw new Refused(403, 'The person has not agreed to this payment.')
      return { id: claims.sub, token: String(claims.jti), payment }
    },
  }
}

function invalid(error_description: string): Refused {
  return new Refused(401, error_description, { error: 'invalid_token', error_description })
}

/** RFC 9470 §3: how the person signed in, and how long ago. */
function isGoodSignIn({ acr, auth_time: at }: TokenClaims): boolean {
  return acr === demanded.acr && typeof at === 'number' && Date.now() / 1000 - at <= demanded.maxAge
}

/** RFC 9396 §9.1. */
function paymentsIn({ authorization_details: details }: TokenClaims): readonly Payment[] {
  if (!Array.isArray(details)) return []
  return details.flatMap(({ type, locations: _locations, ...payment }) =>
    type === 'payment_initiation' ? [payment as Payment] : [],
  )
}

/** Asks the server whether a token lives (RFC 7662). Throws `Refused` when there is no answer. */
async function isActive({ issuer, resource, clientId, clientSecret }: GuardOptions, token: string): Promise<boolean> {
  const credentials = [clientId, clientSecret].map(encodeURIComponent).join(':')
  const answer = await fetch(`${issuer}/introspect`, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from(credentials).toString('base64')}` },
    body: new URLSearchParams({ token, token_type_hint: 'access_token' }),
    redirect: 'error',
    signal: AbortSignal.timeout(5_000),
  }).catch(() => undefined)
  if (answer?.ok !== true) throw new Refused(503, 'The authorization server does not answer.')
  const { active, aud } = (await answer.json()) as { active: boolean; aud?: string }
  return active && aud === resource
}
