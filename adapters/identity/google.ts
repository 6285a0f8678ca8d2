/**
 * Signing in with Google: what is asked of it, and what it can vouch for.
 *
 * Google lets people use any address they once received mail at; only for its own and those of organisations that it
 * hosts does it know who holds them today. It turns away browsers that are part of another app.
 */
import type { IdentityProvider } from './contract.ts'
import { type OidcProviderNeeds, oidc } from './oidc.ts'

export interface GoogleProviderNeeds extends Omit<OidcProviderNeeds, 'questions' | 'vouches'> {
  /** Organisations (Google Workspace) whose people are let in, in lower case; empty: everybody with a Google account. */
  readonly hostedDomains: readonly string[]
}

/** The provider `google`. */
export function google({ hostedDomains, ...needs }: GoogleProviderNeeds): IdentityProvider {
  const [domain] = hostedDomains
  return oidc({
    ...needs,
    questions: {
      id: 'google',
      label: 'Google',
      scopes: ['openid', 'email', 'profile'],
      parameters: {
        // Whoever has several accounts there chooses one; nobody is signed in by an address alone.
        prompt: 'select_account',
        // Shortens Google's list of accounts; what counts is the claim.
        ...(domain !== undefined && hostedDomains.length === 1 ? { hd: domain } : {}),
      },
      nonce: 'required',
      stateLength: 43,
      subjectClaim: 'sub',
      claims: { name: 'name', email: 'email', emailVerified: 'email_verified', label: 'email' },
      hostedDomains,
      externalBrowser: true,
    },
    vouches: (address, { hd }) => /@(gmail|googlemail)\.com$/.test(address) || (typeof hd === 'string' && hd !== ''),
  })
}
