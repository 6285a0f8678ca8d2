/** What people and apps type to say who or what is meant: each text is one thing, in one form, or none. */
import fc from 'fast-check'
import { describe, expect } from 'vitest'
import { readIdentifier } from '../../adapters/atproto/identifier.ts'
import { isPublicHost, objectionTo } from '../../adapters/atproto/public-address.ts'
import { normalizeEmail } from '../../adapters/identity/email-address.ts'
import { hashRecoveryCode } from '../../adapters/identity/recovery-codes.ts'
import { phoneReader } from '../../adapters/telegram/phone-number.ts'
import { typedUserCode } from '../../server/device/user-code.ts'
import { bindingMessageProblem } from '../../server/oidc/binding-message.ts'
import { isClientId } from '../../server/oidc/client-metadata.ts'
import { profiles } from '../../server/oidc/profiles.ts'
import { serviceIdProblem } from '../../server/oidc/service-id.ts'
import { always, hostileText, near } from '../support/properties.ts'

const did = 'did:plc:ewvi7nxzyoun6zhxrhs64oiz'

describe('a handle, a DID or the address of a PDS', () => {
  const typed = fc.oneof(hostileText, near('alice.bsky.social'), near(did), near('https://pds.dev/profile/alice.test'))

  always('is read as one of them in its own form, or as nothing', typed, (text) => {
    for (const allowHttp of [true, false]) {
      const read = readIdentifier(text, allowHttp)
      if (read === undefined) continue
      expect(read).toMatch(/^(https?:\/\/[^/?#@\s]+|did:(plc|web):[\w.%-]+|[a-z0-9.-]+)$/)
      if (!allowHttp) expect(read.startsWith('http:')).toBe(false)
      expect(readIdentifier(read, allowHttp)).toBe(read)
    }
  })
})

always('whatever is asked outside is a public name by https, without port and credentials', hostileText, (text) => {
  const url = URL.parse(text) ?? URL.parse(`https://${text}/`)
  if (url === null || objectionTo(url) !== undefined) return
  expect([url.protocol, url.port, url.username, url.password]).toEqual(['https:', '', '', ''])
  const labels = url.hostname.replace(/\.$/, '').split('.')
  expect(labels.length).toBeGreaterThan(1)
  expect(labels).not.toContain('')
  expect(url.hostname).not.toMatch(/[[\]:@/]/)
  expect(isPublicHost(url.hostname)).toBe(true)
  expect(['localhost', 'local', 'internal', 'onion']).not.toContain(labels.at(-1))
})

describe('an e-mail address', () => {
  always('has one form, by which it is found again', fc.oneof(hostileText, near('Alice@Example.com')), (text) => {
    const email = normalizeEmail(text)
    if (email === undefined) return
    expect(email.split('@')).toHaveLength(2)
    expect(email).not.toMatch(/[\s\p{C}]/u)
    expect(email.length).toBeLessThanOrEqual(254)
    expect(normalizeEmail(email)).toBe(email)
    expect(normalizeEmail(` ${text}`)).toBe(email)
  })
})

describe('a phone number', () => {
  const read = phoneReader(['KZ', 'US'])
  always(
    'is a number of a country that is served, in E.164, or none',
    fc.oneof(hostileText, near('+7 (701) 000-00-01'), near('8 701 000 0001'), near('tel:+77010000001;ext=1')),
    async (text) => {
      const found = await read(text)
      if (found === undefined) return
      expect(found.number).toMatch(/^\+[1-9]\d{6,14}$/)
      expect(['KZ', 'US']).toContain(found.country)
      expect(await read(found.number)).toEqual(found)
    },
  )
})

always('a user code is letters and digits, however it is typed (RFC 8628 §6.1)', hostileText, (text) => {
  const code = typedUserCode(text)
  expect(code).toMatch(/^[A-Z0-9]*$/)
  expect(typedUserCode(code)).toBe(code.slice(0, 64))
  expect(hashRecoveryCode(text)).toMatch(/^[\w-]{43}$/)
})

always(
  'a binding message is short, in one line, and leads nowhere (CIBA §7.1)',
  fc.oneof(hostileText, near('Pay 12.50 EUR to Example')),
  (text) => {
    if (bindingMessageProblem(text) !== undefined) return
    expect([...text].length).toBeLessThanOrEqual(60)
    expect(text).not.toMatch(/[\p{C}\p{Zl}\p{Zp}/\\@+<>“”"`[\]{}]|[^ ][.:]\p{L}/u)
  },
)

always('the id of a client is written in an address as it is, and is no address itself', hostileText, (text) => {
  if (!isClientId(text)) return
  expect(encodeURIComponent(text)).toBe(text)
  expect(URL.canParse(text)).toBe(false)
  expect(new URL(text, 'https://a.example/base/').href).toBe(`https://a.example/base/${text}`)
})

always('the id of a service leads its redirect URI nowhere else', fc.oneof(hostileText, near('my_service')), (text) => {
  if (serviceIdProblem(text) !== undefined) return
  const uri = new URL(profiles.ifttt.redirectUriOf?.(text) ?? '')
  expect(uri.href).toBe(`https://ifttt.com/channels/${text}/authorize`)
})
