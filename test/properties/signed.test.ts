/** What somebody has signed or sealed: no change of it passes, and nothing that is none breaks the reader. */
import fc from 'fast-check'
import { describe, expect } from 'vitest'
import { SealBroken, sealer } from '../../adapters/crypto/seal.ts'
import { readState } from '../../adapters/identity/password-state.ts'
import { initData, telegramKeys } from '../../adapters/telegram/init-data.ts'
import { widgetData } from '../../adapters/telegram/login-widget.ts'
import { dpopNonces } from '../../server/oidc/dpop-nonce.ts'
import { readProof } from '../../server/oidc/dpop-proof.ts'
import { dpopKey } from '../support/dpop.ts'
import { aigerim, initDataOf, testBotToken } from '../support/fakes/mini-app.ts'
import { always, hostileJson, hostileText, near } from '../support/properties.ts'

const now = () => new Date()

describe('a proof of possession (RFC 9449 §4.3)', async () => {
  const key = await dpopKey()
  const nonces = dpopNonces(Buffer.alloc(32, 1), now)
  const expected = { method: 'GET', url: 'https://auth.example/userinfo', accessToken: 'token' }
  const sound = await key.proof(expected.method, expected.url, { access: 'token' })
  const thumbprint = await key.thumbprint()

  always(
    'that is none is called invalid, and nothing is thrown',
    fc.oneof(hostileText, near(sound)),
    async (proof) => {
      const answer = await readProof(proof, expected, nonces, now)
      // Of the signature there are several spellings (RFC 4648 §3.5); what is signed has one.
      if (answer.kind !== 'valid') return
      expect(proof.split('.').slice(0, 2)).toEqual(sound.split('.').slice(0, 2))
      expect(answer.thumbprint).toBe(thumbprint)
    },
    { runs: 400, examples: [sound] },
  )

  const part = (value: unknown) => Buffer.from(JSON.stringify(value) ?? '').toString('base64url')
  always(
    'in whose parts stands anything at all is invalid without the signature',
    fc.tuple(hostileJson, hostileJson, hostileText),
    async ([header, payload, signature]) => {
      const proof = `${part(header)}.${part(payload)}.${Buffer.from(signature).toString('base64url')}`
      expect((await readProof(proof, expected, nonces, now)).kind).toBe('invalid')
    },
    { runs: 400 },
  )

  const claims = fc.dictionary(fc.constantFrom('jti', 'htm', 'htu', 'iat', 'ath', 'nonce'), hostileJson, { minKeys: 1 })
  always(
    'that is rightly signed has to say what it is for, in the right types',
    claims,
    async (wrong) => {
      const proof = await key.proof(expected.method, expected.url, { access: 'token', claims: wrong })
      const answer = await readProof(proof, expected, nonces, now)
      if (answer.kind !== 'valid') return
      expect(Object.keys(wrong)).not.toContain('ath')
      expect(Object.keys(wrong)).not.toContain('nonce')
      expect(answer.id).not.toBe('')
    },
    { runs: 300 },
  )
})

describe('what Telegram signs', () => {
  const at = Date.parse('2026-11-20T12:00:00Z')
  const clock = () => new Date(at)
  const reader = initData({ botToken: testBotToken, publicKeys: Object.values(telegramKeys), now: clock })
  const sound = initDataOf({ at })
  const right = reader.own(sound)

  always(
    'says only what was signed, however it is changed',
    fc.oneof(hostileText, near(sound)),
    (text) => {
      const read = reader.own(text)
      // The same fields may be written in another order or another encoding; what is said stays the same.
      if (read.kind === 'valid') expect(read).toEqual(right)
      expect(reader.of('42', text).kind).toBe('invalid')
    },
    { examples: [sound] },
  )

  const widget = widgetData({ botToken: testBotToken, now: clock })
  always(
    'for the login of old bots, too',
    fc.tuple(hostileText, fc.array(fc.tuple(hostileText, hostileText), { maxLength: 5 }), hostileJson),
    ([text, fields, json]) => {
      expect(widget.ofResult(text).kind).toBe('invalid')
      expect(widget.ofParameters(fields).kind).toBe('invalid')
      expect(widget.ofResult(Buffer.from(JSON.stringify(json) ?? '').toString('base64url')).kind).toBe('invalid')
    },
  )

  always('about a person who is not the one that opened it, nothing', fc.nat(2 ** 30), (id) => {
    const forged = sound.replace(String(aigerim.id), String(id))
    if (forged !== sound) expect(reader.own(forged).kind).toBe('invalid')
  })
})

describe('what is sealed', () => {
  const ring = sealer(['x'.repeat(40)])
  always(
    'opens to what was put in, in its own place alone',
    fc.tuple(hostileText, hostileText, hostileText),
    ([text, place, other]) => {
      const sealed = ring.seal(text, place)
      expect(ring.open(sealed, place)).toBe(text.toWellFormed())
      if (Buffer.from(place).equals(Buffer.from(other))) return
      expect(() => ring.open(sealed, other)).toThrow(SealBroken)
    },
  )

  always(
    'and is none breaks nothing but itself',
    fc.oneof(hostileText, near(ring.seal('text', 'another place'))),
    (text) => {
      expect(() => ring.open(text, 'place')).toThrow(SealBroken)
    },
  )
})

always('what a step remembers is a step, or nothing', hostileJson, (json) => {
  const state = readState(json as never)
  if (state !== undefined) expect(['sign-in', 'register', 'add', 'second-factor']).toContain(state.at)
})
