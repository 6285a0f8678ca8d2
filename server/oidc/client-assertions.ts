/**
 * What the signed proof of a client must say (`private_key_jwt`; RFC 7523 §3 as RFC 10070 has it), beyond what the library asks.
 *
 * The audience is the issuer, alone and as one text: an assertion that names an endpoint, or several audiences, could have
 * been made for another server that a client was led to (RFC 10070). Asked after the signature was found good and before
 * the assertion counts as used.
 */
import { type Client, errors, type KoaContextWithOIDC } from 'oidc-provider'
import type { DpopNonces } from './dpop-nonce.ts'
import { readProof } from './dpop-proof.ts'
import { isJwtType } from './jwt-type.ts'

/** Seconds that an assertion may have left: it is remembered that long, and the client chooses. */
const maximumLifetime = 60 * 60
/** Seconds by which the clock of a client may run ahead. */
const clockTolerance = 60

/** Endpoints of the library at which a proof of possession may come with the assertion. */
const routesWithProofs: readonly unknown[] = ['token', 'pushed_authorization_request']

type Claims = Readonly<Record<string, unknown>>

/** The check for the library's `assertJwtClientAuthClaimsAndHeader`. Throws `InvalidClientAuth`, `UseDpopNonce`. */
export function clientAssertions(nonces: DpopNonces, now: () => Date) {
  return async (ctx: KoaContextWithOIDC, claims: Claims, header: Claims, _client: Client): Promise<void> => {
    const problem = claimsProblem(claims, header, ctx, now)
    if (problem !== undefined) throw new errors.InvalidClientAuth(problem)
    await askForNonce(ctx, nonces, now)
  }
}

function claimsProblem(
  claims: Claims,
  { typ, alg }: Claims,
  { oidc }: KoaContextWithOIDC,
  now: () => Date,
): string | undefined {
  // RFC 10070 §4.
  if (!isJwtType(typ, 'client-authentication+jwt'))
    return 'the JWT is of another type (typ) than client-authentication+jwt'
  if (claims['aud'] !== oidc.issuer) return 'audience (aud) must equal the issuer identifier, as one string'
  const epoch = now().getTime() / 1000
  const { exp, iat } = claims
  if (typeof exp !== 'number' || exp > epoch + maximumLifetime + clockTolerance) {
    return `expiration (exp) must be within ${maximumLifetime} seconds`
  }
  if (iat !== undefined && (typeof iat !== 'number' || iat > epoch + clockTolerance)) {
    return 'the JWT was issued in the future (iat)'
  }
  // FAPI 2.0 Security Profile §5.4.1.
  return alg === 'RS256' && oidc.isFapi('2.0') !== undefined ? 'RS256 is not for clients of FAPI 2.0' : undefined
}

/**
 * Says that a nonce is needed before the assertion counts as used: a client that repeats its request with the nonce and the
 * same assertion is right to do so (RFC 9449 §8).
 */
async function askForNonce(ctx: KoaContextWithOIDC, nonces: DpopNonces, now: () => Date): Promise<void> {
  const presented = ctx.get('dpop')
  const { route } = ctx.oidc
  if (presented === '' || !routesWithProofs.includes(route)) return
  const proof = await readProof(presented, { method: ctx.method, url: ctx.oidc.urlFor(route) }, nonces, now)
  if (proof.kind !== 'nonce') return
  ctx.set('dpop-nonce', nonces.next())
  throw new errors.UseDpopNonce(proof.message)
}
