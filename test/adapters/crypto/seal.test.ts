/** Secrets at rest: they open only whole, only in their own place, and only with the ring. */
import { describe, expect, test } from 'vitest'
import { SealBroken, sealer } from '../../../adapters/crypto/seal.ts'

const first = 'the first secret of the ring, 32 characters or more'
const second = 'the second secret of the ring, 32 characters or more'
const context = 'totp:alice'

describe('a sealed value', () => {
  const { seal, open } = sealer([first])

  test.for(['', 'a', 'JBSWY3DPEHPK3PXP', 'ключ 🔑', 'x'.repeat(100_000)])(
    'opens to what was sealed (%#)',
    (plaintext) => {
      expect(open(seal(plaintext, context), context)).toBe(plaintext)
    },
  )

  test('shows nothing of what it holds, and is never the same twice', () => {
    const sealed = seal('JBSWY3DPEHPK3PXP', context)
    expect(sealed).not.toContain('JBSWY3DPEHPK3PXP')
    expect(sealed).not.toContain(Buffer.from('JBSWY3DPEHPK3PXP').toString('base64url'))
    expect(seal('JBSWY3DPEHPK3PXP', context)).not.toBe(sealed)
  })

  test('does not open in another place', () => {
    const sealed = seal('secret', context)
    for (const other of ['totp:bob', 'totp:alic', '', 'signing-key:alice']) {
      expect(() => open(sealed, other)).toThrow(SealBroken)
    }
  })

  test('does not open when any bit of it was changed', () => {
    const [head, id, data = ''] = seal('secret', context).split('.')
    const bytes = Buffer.from(data, 'base64url')
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const damaged = Buffer.from(bytes)
      damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      expect(() => open(`${head}.${id}.${damaged.toString('base64url')}`, context)).toThrow(SealBroken)
    }
  })

  test('does not open when it was cut short or is none', () => {
    const sealed = seal('secret', context)
    for (let length = 0; length < sealed.length; length += 1) {
      expect(() => open(sealed.slice(0, length), context)).toThrow(SealBroken)
    }
    for (const none of ['plain text', '..', `${sealed}.more`, sealed.replace('v1', 'v2')]) {
      expect(() => open(none, context)).toThrow(SealBroken)
    }
  })

  test('says nothing of the secret when it does not open', () => {
    try {
      open(seal('JBSWY3DPEHPK3PXP', context), 'elsewhere')
      expect.unreachable()
    } catch (error) {
      expect(`${error} ${(error as Error).cause}`).not.toContain('JBSWY3DPEHPK3PXP')
    }
  })
})

describe('the ring', () => {
  test('goes on opening what an older secret sealed, and seals under the newest', () => {
    const old = sealer([first]).seal('secret', context)
    const rotated = sealer([second, first])
    expect(rotated.open(old, context)).toBe('secret')
    expect(sealer([second]).open(rotated.seal('secret', context), context)).toBe('secret')
  })

  test('does not open what a removed secret sealed', () => {
    const old = sealer([first]).seal('secret', context)
    expect(() => sealer([second]).open(old, context)).toThrow(SealBroken)
  })

  test('gives keyed hashes newest first, bound to their context, so that an older one is still found', () => {
    const [before] = sealer([first]).fingerprints('alice@example.com', 'limit')
    const [newest, older] = sealer([second, first]).fingerprints('alice@example.com', 'limit')
    expect(older).toBe(before)
    expect(newest).not.toBe(before)
    expect(sealer([first]).fingerprints('alice@example.com', 'other')).not.toContain(before)
    expect(sealer([first]).fingerprints('bob@example.com', 'limit')).not.toContain(before)
  })

  test('derives 32 bytes for each purpose, and other bytes for another', () => {
    const [cookies] = sealer([first]).derive('cookies')
    expect(cookies).toHaveLength(32)
    expect(sealer([second, first]).derive('cookies')[1]).toEqual(cookies)
    expect(sealer([first]).derive('pairwise')[0]).not.toEqual(cookies)
    expect(sealer([first]).derive('seal')[0].toString('hex')).not.toContain(first)
  })

  test('must not be empty', () => {
    expect(() => sealer([])).toThrow(TypeError)
  })
})
