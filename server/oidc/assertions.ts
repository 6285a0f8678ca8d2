/**
 * Assertions of other issuers about people (RFC 7523 §3, RFC 10070), and those that are made for us (ID-JAG): told from
 * forged, old and misdirected ones. Whom one is about and what it is good for is the caller's to say.
 */
import { decodeJwt, type JWTPayload, errors as joseErrors, jwtVerify } from 'jose'
import { errors } from 'oidc-provider'
import type { TrustedIssuer } from '../../adapters/postgres/trusted-issuers.ts'
import { clientAlgorithms } from './authentication-methods.ts'
import { type IssuerKeys, KeysUnavailable } from './issuer-keys.ts'

/** The `typ` of an assertion that another server's sign-in of the person was made into for us. */
export const idJagHeader = 'oauth-id-jag+jwt'

/** Types of other assertions: RFC 10070's, and what is said by those that know none. */
const otherHeaders = [undefined, 'JWT', 'authorization-grant+jwt']

/** Seconds that an assertion may live. */
const longest = 5 * 60
/** Seconds that clocks may differ. */
const tolerance = 10

export interface Assertion {
  readonly issuer: TrustedIssuer
  readonly kind: 'id-jag' | 'other'
  readonly subject: string
  readonly id: string
  readonly claims: JWTPayload
}

export interface AssertionNeeds {
  /** Our identifier: the one audience that is taken. */
  readonly issuer: string
  readonly trusted: (issuer: string) => Promise<TrustedIssuer | undefined>
  readonly issuerKeys: IssuerKeys
  readonly now: () => Date
}

/** Judges an assertion that a client brings. Throws `InvalidGrant`, `InvalidRequest`; 503 while the issuer's keys cannot be had. */
export async function judgeAssertion(needs: AssertionNeeds, clientId: string, text: unknown): Promise<Assertion> {
  if (typeof text !== 'string' || text === '') throw new errors.InvalidRequest('assertion is missing')
  const named = issuerOf(text)
  const issuer = named === undefined || named === needs.issuer ? undefined : await needs.trusted(named)
  if (issuer === undefined || !issuer.clients.includes(clientId)) {
    throw new errors.InvalidGrant('assertions of this issuer are not taken from this client')
  }
  const { payload, typ } = await verified(needs, issuer, text)
  const kind = typ === idJagHeader ? 'id-jag' : 'other'
  if (kind === 'other' && !otherHeaders.includes(typ)) throw refused('the assertion is a token of another type')
  const { sub, jti, iat = 0, exp = 0 } = payload
  if (typeof sub !== 'string' || sub === '' || typeof jti !== 'string' || jti === '') {
    throw refused('the assertion says not whom it is about, or has no name')
  }
  if (!isFor(needs.issuer, payload, kind))
    throw refused('the audience of the assertion must be this issuer and nobody else')
  if (exp - iat > longest) throw refused(`an assertion lives ${longest} seconds at most`)
  if (iat > epoch(needs) + tolerance) throw refused('the assertion was issued in the future')
  const bearer = payload['client_id']
  if (bearer === undefined ? kind === 'id-jag' : bearer !== clientId) {
    throw refused('the assertion is for another client')
  }
  if (payload['act'] !== undefined) throw refused('an assertion by which somebody else acts is not taken')
  return { issuer, kind, subject: sub, id: jti, claims: payload }
}

/** Whom an assertion claims to be from; nothing of it is believed yet. */
function issuerOf(text: string): string | undefined {
  try {
    const { iss } = decodeJwt(text)
    return typeof iss === 'string' ? iss : undefined
  } catch {
    throw refused('the assertion is no JWT')
  }
}

async function verified({ issuerKeys, now }: AssertionNeeds, { issuer, jwksUri }: TrustedIssuer, text: string) {
  try {
    const { payload, protectedHeader } = await jwtVerify(text, issuerKeys(jwksUri), {
      issuer,
      algorithms: [...clientAlgorithms],
      requiredClaims: ['sub', 'aud', 'exp', 'iat', 'jti'],
      clockTolerance: tolerance,
      currentDate: now(),
    })
    return { payload, typ: protectedHeader.typ }
  } catch (error) {
    if (error instanceof KeysUnavailable) {
      const unavailable = new errors.CustomOIDCProviderError(
        'temporarily_unavailable',
        'the issuer’s keys cannot be had',
      )
      throw Object.assign(unavailable, { status: 503, statusCode: 503 })
    }
    if (error instanceof joseErrors.JOSEError) throw refused('the assertion is not valid or has expired')
    throw error
  }
}

/** RFC 10070: one text. ID-JAG §4.4.1 lets the same text stand alone in a list. */
function isFor(issuer: string, { aud }: JWTPayload, kind: Assertion['kind']): boolean {
  return aud === issuer || (kind === 'id-jag' && Array.isArray(aud) && aud.length === 1 && aud[0] === issuer)
}

function refused(why: string): Error {
  return new errors.InvalidGrant(why)
}

function epoch({ now }: AssertionNeeds): number {
  return Math.floor(now().getTime() / 1000)
}
