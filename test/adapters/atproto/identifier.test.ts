import { expect, test } from 'vitest'
import { readIdentifier } from '../../../adapters/atproto/identifier.ts'

const did = 'did:plc:ewvi7nxzyoun6zhxrhs64oiz'

test.each([
  ['alice.bsky.social', 'alice.bsky.social'],
  ['  Alice.Bsky.Social\n', 'alice.bsky.social'],
  ['@alice.test', 'alice.test'],
  ['at://alice.test', 'alice.test'],
  ['AT://alice.test/', 'alice.test'],
  ['\u202aalice.test\u202c', 'alice.test'],
  ['\u200ealice.test\u200b', 'alice.test'],
  ['\ufeff@alice.test', 'alice.test'],
  ['alice.test.', 'alice.test'],
  ['ａｌｉｃｅ．test', 'alice.test'],
  ['alice。test', 'alice.test'],
  ['at://alice.test/app.bsky.feed.post/3k2a', 'alice.test'],
  [`at://${did}/app.bsky.feed.post/3k2a`, did],
  ['https://bsky.app/profile/Alice.test', 'alice.test'],
  [`https://bsky.app/profile/${did}/post/3k2a?x#y`, did],
  ['https://pds.dev/profile/settings', 'https://pds.dev'],
  ['xn--bcher-kva.test', 'xn--bcher-kva.test'],
  [did, did],
  [` at://${did}`, did],
  [did.toUpperCase(), did],
  ['did:web:pds.dev', 'did:web:pds.dev'],
  ['https://pds.dev', 'https://pds.dev'],
  ['HTTPS://PDS.dev/account?x#y', 'https://pds.dev'],
])('%j is %s', (typed, meant) => {
  expect(readIdentifier(typed, false)).toBe(meant)
})

test.each([
  '',
  ' ',
  '@',
  'alice',
  'alice@example.com',
  'al ice.test',
  'alice..test',
  '-alice.test',
  'alice.test-',
  'alice.1',
  `${'a'.repeat(64)}.test`,
  `${'a.'.repeat(130)}test`,
  'did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK',
  'did:plc:short',
  'did:web:',
  'https://',
  'https://alice:secret@pds.dev',
  'at:///alice.test',
  'http://pds.dev',
  'javascript:alert(1)',
  'x'.repeat(2_001),
])('%j is nobody', (typed) => {
  expect(readIdentifier(typed, false)).toBeUndefined()
})

test('plain http is taken on a developer’s machine', () => {
  expect(readIdentifier('http://localhost:2583/', true)).toBe('http://localhost:2583')
})
