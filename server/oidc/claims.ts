/** What clients learn about a person, by scope (OpenID Connect Core §5.4). */
import type { Account, AccountIdentity } from '../../adapters/postgres/accounts.ts'

/** Claims by the scope that asks for them. */
export const claimsByScope = {
  openid: ['sub'],
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

/** The DID that the person signed in with last, and its handle where that was verified then. */
function atprotoClaims(identities: readonly AccountIdentity[]): { did?: string; handle?: string } {
  const [latest] = identities
    .filter(({ provider }) => provider === 'atproto')
    .sort((left, right) => (right.lastUsedAt?.getTime() ?? 0) - (left.lastUsedAt?.getTime() ?? 0))
  if (latest === undefined) return {}
  // Without a verified handle the DID is what the identity is recognised by.
  const handle = latest.label === latest.subject ? undefined : latest.label
  return { did: latest.subject, ...(handle === undefined ? {} : { handle }) }
}
