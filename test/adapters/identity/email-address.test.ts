import { expect, test } from 'vitest'
import { normalizeEmail } from '../../../adapters/identity/email-address.ts'

test.each([
  ['alice@example.com', 'alice@example.com'],
  ['  Alice@Example.COM\n', 'alice@example.com'],
  ['ａｌｉｃｅ＠example.com', 'alice@example.com'],
  ['JOSE\u0301@example.com', 'jos\u00e9@example.com'],
  ['a.b+c@example.com', 'a.b+c@example.com'],
  ['root@localhost', 'root@localhost'],
  [`${'a'.repeat(242)}@example.com`, `${'a'.repeat(242)}@example.com`],
])('%j is looked up as %j', (typed, email) => {
  expect(normalizeEmail(typed)).toBe(email)
})

test.each([
  '',
  '@',
  'alice',
  'alice@',
  '@example.com',
  'a@b@example.com',
  'a b@example.com',
  'alice@exa mple.com',
  'alice\0@example.com',
  'alice\u200b@example.com',
  'alice@example.com\nbcc: x',
  `${'a'.repeat(243)}@example.com`,
  `${'ﷺ'.repeat(240)}@example.com`,
  'x'.repeat(1_000_000),
])('%j is no address', (typed) => {
  expect(normalizeEmail(typed)).toBeUndefined()
})
