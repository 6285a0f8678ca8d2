/** Proofs of possession as a client makes them (RFC 9449 §4.2). */
import { createHash, randomBytes } from 'node:crypto'
import { calculateJwkThumbprint, exportJWK, type GenerateKeyPairResult, generateKeyPair, SignJWT } from 'jose'

export interface DpopKey {
  /** A fresh proof; `claims` replace what stands in it, undefined leaves a claim out. */
  proof(method: string, url: string, options?: ProofOptions): Promise<string>
  /** Thumbprint of the public key (RFC 7638). */
  thumbprint(): Promise<string>
}

export interface ProofOptions {
  /** The token that the proof goes with. */
  access?: string
  claims?: Record<string, unknown>
  header?: Record<string, unknown>
}

/** Makes a key pair of its own, or proves with one that is given (ES256). */
export async function dpopKey(keys?: GenerateKeyPairResult): Promise<DpopKey> {
  const { privateKey, publicKey } = keys ?? (await generateKeyPair('ES256', { extractable: true }))
  const jwk = await exportJWK(publicKey)
  return {
    thumbprint: () => calculateJwkThumbprint(jwk),
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
