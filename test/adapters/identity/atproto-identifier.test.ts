import { expect, test } from 'vitest'
import { hostIdentifier } from '../../../adapters/identity/atproto-identifier.ts'

const plc = 'did:plc:ewvi7nxzyoun6zhxrhs64oiz'

test.each([
  ['alice.bsky.social', 'alice.bsky.social'],
  ['@alice.bsky.social', 'alice.bsky.social'],
  ['at://alice.bsky.social', 'alice.bsky.social'],
  [' Alice.Example.COM ', 'alice.example.com'],
  ['\u202aalice.test\u202c', 'alice.test'],
  ['xn--ls8h.test', 'xn--ls8h.test'],
  ['8.cn', '8.cn'],
  [plc, plc],
  ['did:web:alice.example', 'did:web:alice.example'],
  ['did:web:localhost%3A3000', 'did:web:localhost%3A3000'],
  ['https://bsky.social', 'https://bsky.social'],
  ['https://PDS.example/some/path?q#f', 'https://pds.example'],
  ['http://localhost:2583', 'http://localhost:2583'],
])('%j names %s', (text, identifier) => {
  expect(hostIdentifier(text)).toBe(identifier)
})

test.each([
  '',
  'alice',
  'alice@example.com',
  '@alice@mastodon.example',
  'alice bsky.social',
  'alice..test',
  '-alice.test',
  'alice-.test',
  'alice.test.',
  'john.0',
  '127.0.0.1',
  '[::1]',
  'did:plc:short',
  'did:key:zQ3shokFTS3brHcDQrn82RUDfCZESWL1ZdCEJwekUDPQiYBme',
  'did:web:',
  'https://',
  'https://user:secret@pds.example',
  'ftp://pds.example',
  'javascript:alert(1)',
  '../\0',
  `${'a'.repeat(64)}.test`,
  `${'a.'.repeat(130)}test`,
  'a'.repeat(5000),
])('%j names nobody', (text) => {
  expect(hostIdentifier(text)).toBeUndefined()
})
