/** Recovery codes and the alphabet that codes are written in. Where they are kept is not known here. */
import { createHash, randomBytes } from 'node:crypto'

const count = 10
/** 80 bits: beyond guessing even where somebody holds the hashes. */
const bytesPerCode = 10

/** Ten new codes, written like `abcd-efgh-ijkl-mnop`. */
export function newRecoveryCodes(): readonly string[] {
  return Array.from({ length: count }, () => {
    const letters = base32(randomBytes(bytesPerCode)).toLowerCase()
    return letters.replace(/(.{4})(?=.)/g, '$1-')
  })
}

/** What is stored of a code: SHA-256 over it without case, hyphens and spaces, base64url. */
export function hashRecoveryCode(code: string): string {
  const plain = code.toLowerCase().replace(/[\s-]/g, '')
  return createHash('sha256').update(plain).digest('base64url')
}

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

/** Base32 (RFC 4648 §6) without padding; the length must be a multiple of 5 bytes. */
export function base32(bytes: Buffer): string {
  let text = ''
  for (let start = 0; start < bytes.length; start += 5) {
    const group = BigInt(`0x${bytes.subarray(start, start + 5).toString('hex')}`)
    for (let shift = 35n; shift >= 0n; shift -= 5n) text += alphabet[Number((group >> shift) & 31n)]
  }
  return text
}
