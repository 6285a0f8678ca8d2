import { expect, test } from 'vitest'
import type { AccountIdentity } from '../../../adapters/postgres/accounts.ts'
import { claimsOf, wantsIdentities } from '../../../server/oidc/claims.ts'

const account = { id: 'usr_1', name: undefined, email: undefined, emailVerified: false }

function identity(subject: string, label: string | undefined, lastUsed: number, provider = 'atproto'): AccountIdentity {
  return { provider, subject, label, createdAt: new Date(0), lastUsedAt: new Date(lastUsed) }
}

test('an account without an atproto identity has neither did nor handle', () => {
  expect(claimsOf(account, [identity('pw_1', 'alice@example.com', 1, 'password')])).toEqual({ sub: 'usr_1' })
})

test('did and handle are of the identity that was used last', () => {
  const identities = [
    identity('did:plc:old', 'old.test', 1),
    identity('did:plc:new', 'new.test', 3),
    identity('did:plc:mid', 'mid.test', 2),
  ]
  expect(claimsOf(account, identities)).toEqual({ sub: 'usr_1', did: 'did:plc:new', handle: 'new.test' })
})

test('a handle that was not verified is no claim', () => {
  expect(claimsOf(account, [identity('did:plc:a', 'did:plc:a', 1)])).toEqual({ sub: 'usr_1', did: 'did:plc:a' })
  expect(claimsOf(account, [identity('did:plc:a', undefined, 1)])).toEqual({ sub: 'usr_1', did: 'did:plc:a' })
})

test('identities are read only when the scope or a claim asks for them (OIDC Core §5.4, §5.5)', () => {
  expect(wantsIdentities('openid profile email offline_access', {})).toBe(false)
  expect(wantsIdentities('openid', { name: null })).toBe(false)
  expect(wantsIdentities('openid atproto', {})).toBe(true)
  expect(wantsIdentities('openid', { handle: { essential: true } })).toBe(true)
})
