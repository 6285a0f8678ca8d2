/** Proofs of possession as a client makes them (RFC 9449 §4.2). */
import { createHash, randomBytes } from 'node:crypto'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'

export interface DpopKey {
  /** A fresh proof; `claims` replace what stands in it, undefined leaves a claim out. */
  proof(method: string, url: string, options?: ProofOptions): Promise<string>
}

export interface ProofOptions {
  /** The token that the proof goes with. */
  access?: string
  claims?: Record<string, unknown>
  header?: Record<string, unknown>
}

/** Makes a key pair of its own. */
export async function dpopKey(): Promise<DpopKey> {
  const { privateKey, publicKey } = await generateKeyPair('ES256')
  const jwk = await exportJWK(publicKey)
  return {
    proof(method, url, { access, claims, header } = {}) {
      const ath = access === undefined ? undefined : createHash('sha256').update(access).digest('base64url')
      const iat = Math.floor(Date.now() / 1000)
      const jti = randomBytes(16).toString('hex')
      return new SignJWT({ jti, htm: method, htu: url, iat, ...(ath === undefined ? {} : { ath }), ...claims })
        .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk, ...header })
        .sign(privateKey)
    },
  }
}
