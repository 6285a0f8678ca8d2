/** The part of a signing key that everybody may see. */
import type { SigningKey } from '../../adapters/postgres/signing-keys.ts'

/** The members that RFC 7518 §6 and RFC 8037 §2 call public. */
const open = ['kty', 'kid', 'alg', 'use', 'n', 'e', 'crv', 'x', 'y']

export function publicKey(key: SigningKey): Record<string, unknown> {
  return Object.fromEntries(Object.entries(key).filter(([name]) => open.includes(name)))
}
