/**
 * What a signed authorization request must say of itself (RFC 9101), beyond what the library asks: it ends, soon, and it is
 * nothing else that the client has signed. The library holds issuer, audience and signature.
 *
 * A pushed request that was not signed comes here as one that the library made itself.
 */
import { type Client, errors, type KoaContextWithOIDC } from 'oidc-provider'
import { isJwtType } from './jwt-type.ts'

/** Seconds between the beginning or now, and the end of a request. */
const maximumLifetime = 60 * 60
/** Seconds by which the clock of a client may run ahead. */
const clockTolerance = 60

/** Where the id of a request waits for its signature to be verified. */
const stateName = 'requestObject'

interface Signed {
  readonly jti: string
  /** Seconds since 1970. */
  readonly exp: number
}

type Claims = Readonly<Record<string, unknown>>

/** The check for the library's `requestObjects.assertJwtClaimsAndHeader`. Throws `InvalidRequestObject`. */
export function requestObjects(now: () => Date) {
  return async (ctx: KoaContextWithOIDC, claims: Claims, header: Claims, client: Client): Promise<void> => {
    const fapi = ctx.oidc.isFapi('2.0') !== undefined
    const pushed = 'PushedAuthorizationRequest' in ctx.oidc.entities
    const backchannel = ctx.oidc.route === 'backchannel_authentication'
    const problem =
      missingProblem(claims, [...(fapi ? ['nbf'] : []), ...(backchannel ? ['iat', 'nbf', 'jti'] : [])]) ??
      timeProblem(claims, now().getTime() / 1000, fapi) ??
      kindProblem(claims, header, client) ??
      (fapi && !pushed && header['alg'] === 'RS256' ? 'RS256 is not for clients of FAPI 2.0' : undefined)
    if (problem !== undefined) throw new errors.InvalidRequestObject(problem)
    // The signature comes next: whoever forges one must not use up what the client has signed.
    ctx.state[stateName] = { jti: String(claims['jti']), exp: Number(claims['exp']) } satisfies Signed
  }
}

/**
 * Takes the signed request that was just verified, if there was one, for the only time (OpenID CIBA §7.1.1): a phone rings
 * once for it. Pushed requests count once by themselves. Throws `InvalidRequestObject`.
 */
export async function useOnce({ oidc, state }: KoaContextWithOIDC): Promise<void> {
  const signed = state[stateName] as Signed | undefined
  if (signed === undefined || oidc.client === undefined) return
  const until = signed.exp + clockTolerance
  if (await oidc.provider.ReplayDetection.unique(oidc.client.clientId, signed.jti, until)) return
  throw new errors.InvalidRequestObject('the request object was used before')
}

/** FAPI 2.0 Message Signing §5.3.1; OpenID CIBA §7.1.1. */
function missingProblem(claims: Claims, names: readonly string[]): string | undefined {
  const missing = ['exp', ...names].find((name) => claims[name] === undefined)
  return missing && `the request object has no '${missing}'`
}

function timeProblem({ exp, nbf, iat }: Claims, epoch: number, fapi: boolean): string | undefined {
  if (typeof exp !== 'number' || exp > epoch + maximumLifetime + clockTolerance) {
    return `the request object must end within ${maximumLifetime} seconds`
  }
  if (iat !== undefined && (typeof iat !== 'number' || iat > epoch + clockTolerance)) {
    return 'the request object was issued in the future'
  }
  return fapi && (typeof nbf !== 'number' || nbf < epoch - maximumLifetime)
    ? `the request object began more than ${maximumLifetime} seconds ago`
    : undefined
}

/** RFC 9101 §10.8: with the client as its subject it could be presented as a client assertion. */
function kindProblem({ sub }: Claims, { typ }: Claims, client: Client): string | undefined {
  if (!isJwtType(typ, 'oauth-authz-req+jwt')) return 'the JWT is of another type (typ) than oauth-authz-req+jwt'
  return sub === client.clientId ? 'the subject of a request object is not the client' : undefined
}
