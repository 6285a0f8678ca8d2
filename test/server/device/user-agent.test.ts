import { expect, test } from 'vitest'
import { programOf } from '../../../server/device/user-agent.ts'

test.each([
  ['Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0', 'Firefox', 'Linux'],
  [
    'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36',
    'Chrome',
    'Windows',
  ],
  [
    'Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0',
    'Edge',
    'Windows',
  ],
  [
    'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15',
    'Safari',
    'macOS',
  ],
  [
    'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/140.0 Mobile/15E148 Safari/604.1',
    'Chrome',
    'iOS',
  ],
  [
    'Mozilla/5.0 (SMART-TV; Linux; Tizen 8.0) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/2.2 Chrome/108.0 TV Safari/537.36',
    'Samsung Internet',
    'Tizen',
  ],
  ['Mozilla/5.0 (Firefox/1.0)', 'Firefox', undefined],
  ['oktron/1.2 (+https://okto.example)', 'oktron', undefined],
  ['Dalvik/2.1.0 (Linux; U; Android 14)', 'Dalvik', undefined],
  ['node', 'node', undefined],
])('%s', (header, name, system) => {
  expect(programOf(header)).toEqual(system === undefined ? { name } : { name, system })
})

test.each([undefined, '', 'Mozilla/5.0', '<b>Your bank</b>', `${'x'.repeat(60)}/1`, '\u202egnab', '“Your bank”/1'])(
  'of %j nothing is shown',
  (header) => {
    expect(programOf(header)).toBeUndefined()
  },
)
