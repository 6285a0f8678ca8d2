/** The key that a request to the token endpoint proves, for grants of our own: the library proves it for its own alone. */
import { type Client, errors, type KoaContextWithOIDC, type Provider } from 'oidc-provider'
import { clientCertificate } from '../request-info.ts'
import type { DpopNonces } from './dpop-nonce.ts'
import { proofWindow, readProof } from './dpop-proof.ts'

export interface ProvenKeyNeeds {
  readonly issuer: string
  readonly nonces: DpopNonces
  readonly now: () => Date
}

/**
 * The key of the request's proof of possession (RFC 9449 §5); undefined where there is none and none is demanded. Spends
 * the proof. A client whose tokens are bound to its certificate has to show one, too. Throws the library's errors.
 */
export async function provenKey(
  ctx: KoaContextWithOIDC,
  provider: Provider,
  { issuer, nonces, now }: ProvenKeyNeeds,
  client: Client,
): Promise<string | undefined> {
  if (demandsCertificate(client) && clientCertificate(ctx.req) === undefined) {
    throw new errors.InvalidGrant('mutual TLS client certificate not provided')
  }
  const presented = ctx.get('dpop')
  if (presented === '') {
    if (client['dpopBoundAccessTokens'] === true) throw new errors.InvalidRequest('DPoP is required of this client')
    return undefined
  }
  const proof = await readProof(presented, { method: ctx.method, url: issuer + ctx.path }, nonces, now)
  if (proof.kind === 'valid' && proof.nonce === nonces.next()) return claimed(proof)
  ctx.set('dpop-nonce', nonces.next())
  if (proof.kind === 'nonce') throw new errors.UseDpopNonce(proof.message)
  if (proof.kind === 'invalid') throw new errors.InvalidDpopProof(proof.message)
  return claimed(proof)

  async function claimed({ id, thumbprint }: { id: string; thumbprint: string }): Promise<string> {
    const until = Math.floor(now().getTime() / 1000) + proofWindow
    if (await provider.ReplayDetection.unique(client.clientId, id, until)) return thumbprint
    throw new errors.InvalidGrant('the DPoP proof was used before')
  }
}

/** Whether what a client gets is bound to its certificate (RFC 8705 §3.4). */
export function demandsCertificate(client: Client): boolean {
  return client['tlsClientCertificateBoundAccessTokens'] === true
}
