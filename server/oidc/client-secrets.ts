/**
 * Client secrets: how they are made, what is stored of them, how a presented one is compared.
 *
 * A secret is 256 random bits, so one SHA-256 is enough to store it (there is nothing to guess) and cheap enough for
 * every token request. Passwords of people live elsewhere and are hashed slowly.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { hasSecret, profileOfClient } from './client-profile.ts'

/** A new client secret: 256 random bits, base64url. */
export function newClientSecret(): string {
  return randomBytes(32).toString('base64url')
}

/** What is stored of a client secret: `sha256:<base64url>`. */
export function hashClientSecret(secret: string): string {
  return `sha256:${createHash('sha256').update(secret).digest('base64url')}`
}

/** Whether a text is what is stored of a secret; no secret of ours looks like it. */
export function isSecretHash(text: string): boolean {
  return /^sha256:[A-Za-z0-9_-]{43}$/.test(text)
}

/** Whether `secret` is one of those hashed; every hash is compared, in constant time. */
export function isClientSecret(secret: string, hashes: readonly string[]): boolean {
  const presented = Buffer.from(hashClientSecret(secret))
  let found = false
  for (const hash of hashes) {
    const stored = Buffer.from(hash)
    if (stored.length === presented.length && timingSafeEqual(stored, presented)) found = true
  }
  return found
}

/** The hashes that a client of this profile and metadata keeps: none, where it proves who it is without a secret. */
export function keptHashes(
  profile: string,
  metadata: Readonly<Record<string, unknown>>,
  hashes: readonly string[],
): readonly string[] {
  const its = profileOfClient(profile, metadata)
  return its !== undefined && hasSecret(its) ? hashes : []
}

/** Whether a client can do nothing until it gets a secret. */
export function needsSecret(client: {
  profile: string
  metadata: Readonly<Record<string, unknown>>
  secretHashes: readonly string[]
}): boolean {
  return client.secretHashes.length === 0 && keptHashes(client.profile, client.metadata, ['']).length > 0
}
