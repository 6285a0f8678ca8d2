/**
 * Nonces for proofs of possession (RFC 9449 §8), the same that the library gives out at its own endpoints.
 *
 * An app keeps one nonce for each origin, so one that it got at the token endpoint has to be good at an API on the same
 * origin. They are derived from a secret and the time: every node knows them and nobody stores them.
 */
import { hkdfSync } from 'node:crypto'

/** Seconds that one nonce is handed out. */
const step = 60

export interface DpopNonces {
  /** The nonce to hand out now. */
  next(): string
  /** Whether a nonce was handed out within the last minutes. */
  accepts(nonce: string): boolean
}

/** Nonces from a secret of 32 bytes, the same as the library's `nonceSecret`. */
export function dpopNonces(secret: Buffer, now: () => Date): DpopNonces {
  let window: { at: number; nonces: readonly string[] } | undefined
  const current = (): readonly string[] => {
    const at = Math.floor(now().getTime() / 1000 / step)
    if (window?.at !== at) window = { at, nonces: [-2, -1, 0, 1, 2].map((offset) => nonceOf(secret, at + offset)) }
    return window.nonces
  }
  return {
    next: () => current()[3] as string,
    accepts: (nonce) => current().includes(nonce),
  }
}

function nonceOf(secret: Buffer, at: number): string {
  const salt = Buffer.alloc(8)
  salt.writeBigUInt64BE(BigInt(at))
  return Buffer.from(hkdfSync('sha256', secret, salt, 'DPoP', 32)).toString('base64url')
}
