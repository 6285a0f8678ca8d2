/** Scopes, as apps ask for them and as they are registered: none is added, none is read in two ways. */
import fc from 'fast-check'
import { describe, expect } from 'vitest'
import { covers, pdsScope, pdsScopeProblem, permissionOf, reduced } from '../../server/atproto/scopes.ts'
import { readScopes } from '../../server/commands/resource-scopes.ts'
import { isOpenidScope, scopesOf, splitScopes, words } from '../../server/oidc/client-scopes.ts'
import { profiles } from '../../server/oidc/profiles.ts'
import { always, hostileText, near } from '../support/properties.ts'

const pdsText = fc.oneof(
  hostileText,
  near('repo:app.bsky.feed.post?action=create'),
  near('rpc:app.bsky.feed.getTimeline?aud=did:web:api.bsky.app%23bsky_appview'),
  near('blob:image/*'),
  near('account:email?action=manage'),
  near('transition:generic'),
)

describe('a scope of a PDS', () => {
  always('has one form, in which it is the same scope', pdsText, (text) => {
    const scope = pdsScope(text)
    pdsScopeProblem(text)
    expect(permissionOf(text) === undefined).toBe(scope === undefined)
    if (scope === undefined) return
    expect(scope).toMatch(/^[\x21\x23-\x5b\x5d-\x7e]+$/)
    expect(pdsScope(scope)).toBe(scope)
    expect(covers([scope], text)).toBe(true)
    expect(covers([], text)).toBe(false)
  })

  always('is not lost and not added when what is covered is left out', fc.array(pdsText, { maxLength: 6 }), (texts) => {
    const kept = reduced(texts)
    expect(reduced(kept)).toEqual(kept)
    expect([...reduced([...texts].reverse())].sort()).toEqual([...kept].sort())
    const forms = texts.map(pdsScope).filter((scope) => scope !== undefined)
    for (const scope of forms) expect(covers(kept, scope)).toBe(true)
    for (const scope of kept) expect(forms).toContain(scope)
  })
})

always(
  'what a client is registered for is what was given, in two lists',
  fc.array(fc.oneof(hostileText, fc.constantFrom('openid', 'email', 'notes:read', 'transition:generic')), {
    maxLength: 5,
  }),
  (texts) => {
    const scope = texts.join(' ')
    const given = words(scope)
    const stored = scopesOf(splitScopes({ scope }, profiles.web))
    const implied = ['openid', 'atproto']
    for (const one of given) expect(stored).toContain(isOpenidScope(one) ? one : (pdsScope(one) ?? one))
    for (const one of stored) {
      expect(given.map((it) => pdsScope(it) ?? it).concat(given, implied)).toContain(one)
    }
  },
)

always(
  'the scopes of an API are printable ASCII, or the problem is said (RFC 6749 §3.3)',
  fc.array(fc.oneof(hostileText, near('notes:read=Read your notes')), { minLength: 1, maxLength: 4 }),
  (texts) => {
    const { scopes, descriptions, problems } = readScopes(texts)
    if (problems.length > 0) return
    for (const scope of scopes) {
      expect(scope).toMatch(/^[\x21\x23-\x5b\x5d-\x7e]{1,100}$/)
      expect(isOpenidScope(scope)).toBe(false)
    }
    for (const text of Object.values(descriptions)) expect(text).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}\u202e]/u)
    for (const scope of Object.keys(descriptions)) expect(scopes).toContain(scope)
  },
)
