/** Keys of clients, and what they sign with them, as any client can make it. */

import { randomUUID } from 'node:crypto'
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from 'jose'

export interface ClientKey {
  readonly privateKey: CryptoKey
  /** The key set to register. */
  readonly jwks: { keys: JWK[] }
  readonly alg: string
  readonly kid: string
}

export async function clientKey(alg = 'ES256', kid: string = randomUUID()): Promise<ClientKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
  return { privateKey, jwks: { keys: [{ ...(await exportJWK(publicKey)), kid, use: 'sig' }] }, alg, kid }
}

/** A JWT by this key; claims that are undefined are left out. */
export function signed(key: ClientKey, claims: Record<string, unknown>, header: Record<string, unknown> = {}) {
  const { alg, kid } = key
  return new SignJWT(JSON.parse(JSON.stringify(claims)) as JWTPayload)
    .setProtectedHeader({ alg, kid, ...header })
    .sign(key.privateKey)
}

/** Claims of a client assertion that is good at `issuer` (RFC 7523 §3), for a minute. */
export function assertionClaims(clientId: string, issuer: string, now = new Date()): Record<string, unknown> {
  const iat = Math.floor(now.getTime() / 1000)
  return { iss: clientId, sub: clientId, aud: issuer, jti: randomUUID(), iat, exp: iat + 60 }
}

/** The parameters by which a client presents it. */
export function presented(assertion: string): Record<string, string> {
  return {
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: assertion,
  }
}
