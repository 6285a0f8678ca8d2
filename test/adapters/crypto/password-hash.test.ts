import { expect, test } from 'vitest'
import { HashingOverloaded, passwordHashing } from '../../../adapters/crypto/password-hash.ts'

test('a password is hashed with argon2id at the cost that OWASP asks for, never twice the same', async () => {
  const hashing = passwordHashing()
  const [one, two] = await Promise.all([hashing.hash('correct horse'), hashing.hash('correct horse')])
  expect(one).toMatch(/^\$argon2id\$v=19\$m=19456,(t=2,p=1|p=1,t=2)\$/)
  expect(one).not.toBe(two)
  expect(hashing.needsRehash(one)).toBe(false)
})

test.each([
  ['spaces at its ends', '  correct horse  ', 'correct horse'],
  ['upper case', 'Correct Horse', 'correct horse'],
  ['a tail beyond 72 bytes', `${'x'.repeat(100)}a`, `${'x'.repeat(100)}b`],
  ['a NUL inside', 'correct\0horse', 'correct\0house'],
  ['a composed letter', 'caf\u00e9 society', 'cafe\u0301 society'],
])('a password is compared exactly as received: %s counts (ASVS 5 §6.2.8)', async (_, password, other) => {
  const hashing = passwordHashing()
  const hash = await hashing.hash(password)
  expect(await hashing.verify(hash, password)).toBe(true)
  expect(await hashing.verify(hash, other)).toBe(false)
})

test('no password is right where there is no hash', async () => {
  const hashing = passwordHashing()
  for (const password of ['', 'hash', 'habitat-auth hash of nothing']) {
    expect(await hashing.verify(undefined, password)).toBe(false)
  }
})

test('where there is no hash the answer takes as long as where there is one', async () => {
  const hashing = passwordHashing({ atOnce: 1 })
  const hash = await hashing.hash('correct horse')
  const milliseconds = async (stored: string | undefined) => {
    const before = process.hrtime.bigint()
    await hashing.verify(stored, 'battery staple')
    return Number(process.hrtime.bigint() - before) / 1e6
  }
  const known: number[] = []
  const unknown: number[] = []
  for (let round = 0; round < 15; round += 1) {
    known.push(await milliseconds(hash))
    unknown.push(await milliseconds(undefined))
  }
  // The fastest rounds: other work on the machine only ever adds.
  const ratio = Math.min(...unknown) / Math.min(...known)
  expect(ratio).toBeGreaterThan(0.7)
  expect(ratio).toBeLessThan(1.4)
})

test('beyond 1024 characters nothing is hashed', async () => {
  const hashing = passwordHashing({ atOnce: 1, waiting: 0 })
  const long = 'x'.repeat(1025)
  const hash = await hashing.hash('x'.repeat(1024))
  await expect(hashing.hash(long)).rejects.toThrow(RangeError)
  const busy = hashing.hash('something')
  // With the only place taken, whatever hashes is turned away.
  expect(await hashing.verify(hash, long)).toBe(false)
  expect(await hashing.verify(undefined, long)).toBe(false)
  await busy
})

test('few hashes run at a time, some wait, the rest is turned away at once; then all is well again', async () => {
  const hashing = passwordHashing({ atOnce: 1, waiting: 3 })
  const all = await Promise.allSettled(Array.from({ length: 10 }, () => hashing.hash('correct horse')))
  const refused = all.flatMap((it) => (it.status === 'rejected' ? [it.reason] : []))
  expect(refused).toHaveLength(6)
  for (const error of refused) {
    expect(error).toBeInstanceOf(HashingOverloaded)
    expect(hashing.isOverload(error)).toBe(true)
  }
  expect(hashing.isOverload(new Error('other'))).toBe(false)
  await expect(hashing.hash('correct horse')).resolves.toContain('argon2id')
})

test('a hash of another cost or kind is to be made anew', async () => {
  const { needsRehash } = passwordHashing()
  const tail = '$c2FsdHNhbHRzYWx0c2FsdA$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g'
  expect(needsRehash(`$argon2id$v=19$m=4096,t=2,p=1${tail}`)).toBe(true)
  expect(needsRehash(`$argon2i$v=19$m=19456,t=2,p=1${tail}`)).toBe(true)
  expect(needsRehash(`$argon2id$v=19$m=19456,t=2,p=1${tail}`)).toBe(false)
})

test('a failing hash gives its place back', async () => {
  const hashing = passwordHashing({ atOnce: 1, waiting: 0 })
  await expect(hashing.verify('no hash at all', 'x')).rejects.toThrow()
  await expect(hashing.hash('correct horse')).resolves.toContain('argon2id')
})
