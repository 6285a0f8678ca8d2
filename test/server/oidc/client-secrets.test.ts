import { expect, test } from 'vitest'
import { hashClientSecret, isClientSecret, newClientSecret } from '../../../server/oidc/client-secrets.ts'

test('a secret has 256 bits and is never given twice', () => {
  const secrets = Array.from({ length: 100 }, newClientSecret)
  for (const secret of secrets) expect(Buffer.from(secret, 'base64url')).toHaveLength(32)
  expect(new Set(secrets)).toHaveLength(100)
})

test('each stored hash opens for its own secret only', () => {
  const [first, second, third] = [newClientSecret(), newClientSecret(), newClientSecret()]
  const hashes = [hashClientSecret(first), hashClientSecret(second)]
  expect(isClientSecret(first, hashes)).toBe(true)
  expect(isClientSecret(second, hashes)).toBe(true)
  expect(isClientSecret(third, hashes)).toBe(false)
  expect(isClientSecret(first, [])).toBe(false)
})

test('what is stored is no secret itself, and a stolen hash opens nothing', () => {
  const secret = newClientSecret()
  const hash = hashClientSecret(secret)
  expect(hash).not.toContain(secret)
  expect(isClientSecret(hash, [hash])).toBe(false)
})
