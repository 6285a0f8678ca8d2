/** What clients learn about a person, by scope (OpenID Connect Core §5.4). */
import type { Account } from '../../adapters/postgres/accounts.ts'

/** Claims by the scope that asks for them. */
export const claimsByScope = {
  openid: ['sub'],
  profile: ['name'],
  email: ['email', 'email_verified'],
} as const

/** The claims of an account; what is not known is left out. */
export function claimsOf(account: Pick<Account, 'id' | 'name' | 'email' | 'emailVerified'>): {
  sub: string
  [claim: string]: unknown
} {
  return {
    sub: account.id,
    ...(account.name === undefined ? {} : { name: account.name }),
    ...(account.email === undefined ? {} : { email: account.email, email_verified: account.emailVerified }),
  }
}
