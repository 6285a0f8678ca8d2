/**
 * Proofs that we hold the key a token is bound to (RFC 9449 §4.2), for requests to a PDS.
 *
 * Made here and not by the library, because every proxied request needs one: signing in place takes a fraction of the
 * time, and the key is imported once.
 */
import { createPrivateKey, hash, type JsonWebKey, type KeyObject, randomUUID, sign } from 'node:crypto'

export interface DpopKey {
  readonly key: KeyObject
  /** The first part of every proof, which does not change. */
  readonly header: string
}

/** Imports a private P-256 key. Throws when it is of another kind. */
export function dpopKey(jwk: object): DpopKey {
  const { kty, crv, x, y } = jwk as JsonWebKey
  if (crv !== 'P-256') throw new TypeError('a DPoP key must be on P-256')
  const header = encoded({ typ: 'dpop+jwt', alg: 'ES256', jwk: { kty, crv, x, y } })
  return { key: createPrivateKey({ key: jwk as JsonWebKey, format: 'jwk' }), header }
}

/** SHA-256 of an access token as a proof names it (`ath`). */
export function tokenHash(token: string): string {
  return hash('sha256', token, 'base64url')
}

/** A proof for one request. `at` is the time by the real clock, which the other side compares with its own. */
export function dpopProof(
  { key, header }: DpopKey,
  request: { method: string; url: URL; tokenHash: string; nonce: string | undefined; at: Date },
): string {
  const { method, url, nonce, at } = request
  const claims = {
    jti: randomUUID(),
    htm: method,
    htu: `${url.origin}${url.pathname}`,
    iat: Math.floor(at.getTime() / 1000),
    ath: request.tokenHash,
    ...(nonce === undefined ? {} : { nonce }),
  }
  const content = `${header}.${encoded(claims)}`
  return `${content}.${sign('sha256', Buffer.from(content), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`
}

function encoded(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}
