/** Where clients are held to less than RFC 9700 demands, and that it is said of each that is. */
import { expect, test } from 'vitest'
import { exceptionsOf } from '../../../server/oidc/exceptions.ts'
import { profiles } from '../../../server/oidc/profiles.ts'

/** The sections that a client departs from. */
function sections(profile: string, metadata: Record<string, unknown> = {}): string[] {
  return exceptionsOf({ profile, metadata }).map(({ from }) => from.split(/[ :]/)[2] ?? '')
}

const published = { redirect_uris: ['https://app.example/cb'] }

test('of each profile it is known what it is excused from', () => {
  const all = Object.fromEntries(Object.keys(profiles).map((name) => [name, sections(name, published)]))
  expect(all).toEqual({
    web: [],
    fapi2: [],
    service: [],
    resource: [],
    ifttt: ['§2.1.1', '§2.2.2', '§4.14.2'],
    otp: ['§2.4'],
    // Without a secret: a used refresh token brings the same successor again for seconds.
    spa: ['§4.14.2'],
    native: ['§4.14.2'],
    device: ['§4.14.2'],
    mcp: ['§4.14.2'],
    'mini-app': ['§4.14.2'],
  })
})

test('http is said of apps under development, and of none that may listen on this machine (§2.6)', () => {
  const local = { redirect_uris: ['http://localhost:8080/cb'] }
  expect(sections('web', local)).toEqual(['§2.6'])
  expect(sections('spa', local)).toContain('§2.6')
  expect(sections('native', local)).not.toContain('§2.6')
  expect(sections('mcp', local)).not.toContain('§2.6')
})

test('a device that keeps a secret is excused from nothing', () => {
  expect(sections('device', { approve_in_chat: true })).toEqual([])
})

test('each says what stands in the place of what is not demanded, and why', () => {
  const clients = Object.keys(profiles).map((profile) => ({ profile, metadata: published }))
  for (const { from, instead, because } of clients.flatMap(exceptionsOf)) {
    expect(from).toMatch(/^RFC 9700 §[\d.]+: ./)
    expect(instead.length, from).toBeGreaterThan(20)
    expect(because.length, from).toBeGreaterThan(20)
  }
})
