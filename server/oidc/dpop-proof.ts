/**
 * Reads a proof of possession at an API of our own (RFC 9449 §4.3), by the rules that the library has at its endpoints.
 *
 * Knows neither tokens' rows nor requests: the caller says what the proof has to be for, and remembers its id.
 */
import { createHash } from 'node:crypto'
import { calculateJwkThumbprint, decodeProtectedHeader, EmbeddedJWK, errors, type JWK, jwtVerify } from 'jose'
import type { DpopNonces } from './dpop-nonce.ts'

/** Signature algorithms of proofs; the provider is configured with the same. */
export const dpopAlgorithms = ['ES256', 'Ed25519', 'EdDSA'] as const

/** Seconds that a proof without a nonce may be old, or early. */
export const proofWindow = 300

export type Proof =
  | { kind: 'valid'; thumbprint: string; id: string; nonce: string | undefined }
  | { kind: 'invalid'; message: string }
  /** The proof needs a nonce of ours. */
  | { kind: 'nonce'; message: string }

export interface ProofFor {
  method: string
  /** Without query and fragment. */
  url: string
  /** The token that the proof goes with, where there is one. */
  accessToken?: string
}

/** Judges one proof against what it has to be for; whether it was seen before is not asked here. */
export async function readProof(
  proof: string,
  expected: ProofFor,
  nonces: DpopNonces,
  now: () => Date,
): Promise<Proof> {
  const invalid = (message: string): Proof => ({ kind: 'invalid', message: `DPoP proof ${message}` })
  let verified: Awaited<ReturnType<typeof verifiedProof>>
  try {
    verified = await verifiedProof(proof, now)
  } catch (error) {
    if (error instanceof errors.JOSEError || error instanceof TypeError) return invalid('is not valid')
    throw error
  }
  const { payload, jwk } = verified
  const { iat, jti, nonce } = payload
  if (typeof iat !== 'number') return invalid('has no time')
  if (typeof jti !== 'string' || jti === '') return invalid('has no id')
  if (nonce !== undefined && typeof nonce !== 'string') return invalid('has a nonce that is no text')
  if (payload['htm'] !== expected.method) return invalid('is for another method')
  if (withoutQuery(payload['htu']) !== new URL(expected.url).href) return invalid('is for another address')
  if (expected.accessToken !== undefined && payload['ath'] !== hashOf(expected.accessToken)) {
    return invalid('is for another access token')
  }
  if (nonce === undefined && Math.abs(now().getTime() / 1000 - iat) > proofWindow) {
    return { kind: 'nonce', message: 'DPoP proof is not recent; use a nonce' }
  }
  if (nonce !== undefined && !nonces.accepts(nonce)) {
    return { kind: 'nonce', message: 'DPoP proof holds a nonce that is not valid any more' }
  }
  return { kind: 'valid', thumbprint: await calculateJwkThumbprint(jwk), id: jti, nonce }
}

/** Thumbprint of the key that a proof was made with, once somebody has found the proof valid; undefined without a proof. */
export async function keyOfProof(proof: string): Promise<string | undefined> {
  if (proof === '') return undefined
  return calculateJwkThumbprint(decodeProtectedHeader(proof)['jwk'] as JWK)
}

/** The library of proofs refuses private and symmetric keys as embedded ones. */
async function verifiedProof(proof: string, now: () => Date) {
  const { payload, protectedHeader } = await jwtVerify(proof, EmbeddedJWK, {
    algorithms: [...dpopAlgorithms],
    typ: 'dpop+jwt',
    currentDate: now(),
  })
  if (protectedHeader.jwk === undefined) throw new TypeError('no key')
  return { payload, jwk: protectedHeader.jwk }
}

/** RFC 9449 §4.2. */
function hashOf(accessToken: string): string {
  return createHash('sha256').update(accessToken).digest('base64url')
}

function withoutQuery(address: unknown): string | undefined {
  const url = typeof address === 'string' ? URL.parse(address) : null
  if (url === null) return undefined
  url.hash = ''
  url.search = ''
  return url.href
}
