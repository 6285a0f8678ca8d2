/** The stored form of an id that is itself a secret. */
import { hash } from 'node:crypto'

/** SHA-256, base64url. Enough for ids of 256 random bits; values that a person types need a keyed hash instead. */
export function hashed(id: string): string {
  return hash('sha256', id, 'base64url')
}
