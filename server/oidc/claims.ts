/** What clients learn about a person, by scope (OpenID Connect Core §5.4). */
import type { Account, AccountIdentity } from '../../adapters/postgres/accounts.ts'
import { pdsAccountOf } from '../atproto/identity.ts'

/** Claims by the scope that asks for them. */
export const claimsByScope = {
  // How and when they signed in stands in every ID token; the other answers do not have it.
  openid: ['sub', 'auth_time', 'acr', 'amr'],
  profile: ['name'],
  email: ['email', 'email_verified'],
  atproto: ['did', 'handle'],
} as const

/** Whether the claims of a request need the identities of the account; `claims` are those asked for by name (Core §5.5). */
export function wantsIdentities(scope: string, claims: object): boolean {
  return scope.split(' ').includes('atproto') || claimsByScope.atproto.some((claim) => claim in claims)
}

/** The claims of an account; what is not known is left out. */
export function claimsOf(
  account: Pick<Account, 'id' | 'name' | 'email' | 'emailVerified'>,
  identities: readonly AccountIdentity[] = [],
): { sub: string; [claim: string]: unknown } {
  return {
    sub: account.id,
    ...(account.name === undefined ? {} : { name: account.name }),
    ...(account.email === undefined ? {} : { email: account.email, email_verified: account.emailVerified }),
    ...atprotoClaims(identities),
  }
}

function atprotoClaims(identities: readonly AccountIdentity[]): { did?: string; handle?: string } {
  const account = pdsAccountOf(identities)
  if (account === undefined) return {}
  return { did: account.did, ...(account.handle === undefined ? {} : { handle: account.handle }) }
}
