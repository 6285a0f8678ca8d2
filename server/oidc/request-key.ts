/**
 * A request that a program makes by itself, for a person who answers later, is bound to the key that it proves to have,
 * as one is that names the key in `dpop_jkt` (what RFC 9449 §10.1 says of pushed requests).
 *
 * The library does it for pushed requests alone, and asks here when it looks at its further parameters.
 */
import { errors, type KoaContextWithOIDC } from 'oidc-provider'
import type { DpopNonces } from './dpop-nonce.ts'
import { proofWindow, readProof } from './dpop-proof.ts'

/** Names the key that the tokens are to be bound to. */
export const keyParam = 'dpop_jkt'

/** By the library's names. */
const routes: readonly unknown[] = ['device_authorization', 'backchannel_authentication']

/** Checks the parameter against the proof, or fills it in. Throws the errors of RFC 9449 §5, §8. */
export function requestKey(nonces: DpopNonces, now: () => Date) {
  return async (ctx: KoaContextWithOIDC, named: unknown): Promise<void> => {
    const { client, params, provider, route } = ctx.oidc
    const presented = ctx.get('dpop')
    if (presented === '' || client === undefined || params === undefined || !routes.includes(route)) return
    const proof = await readProof(presented, { method: ctx.method, url: ctx.oidc.urlFor(route) }, nonces, now)
    if (proof.kind === 'invalid') throw new errors.InvalidDpopProof(proof.message)
    if (proof.kind === 'nonce') {
      ctx.set('dpop-nonce', nonces.next())
      throw new errors.UseDpopNonce(proof.message)
    }
    const until = Math.floor(now().getTime() / 1000) + proofWindow
    if (!(await provider.ReplayDetection.unique(client.clientId, proof.id, until))) {
      throw new errors.InvalidDpopProof('DPoP proof was used before')
    }
    if (named !== undefined && named !== proof.thumbprint) {
      throw new errors.InvalidRequest('DPoP proof key thumbprint does not match dpop_jkt')
    }
    params[keyParam] = proof.thumbprint
  }
}
