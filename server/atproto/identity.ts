/** Which PDS account is a person's: accounts may have several atproto identities. */
import type { AccountIdentity } from '../../adapters/postgres/accounts.ts'

/** The identity provider by which people prove which PDS account is theirs. */
export const pdsProvider = 'atproto'

export interface PdsAccount {
  readonly did: string
  /** Where it was verified when the person signed in last. */
  readonly handle: string | undefined
}

/** The DID that the person signed in with last; undefined for an account without one. */
export function pdsAccountOf(identities: readonly AccountIdentity[]): PdsAccount | undefined {
  const [latest] = identities
    .filter(({ provider }) => provider === pdsProvider)
    .sort((left, right) => (right.lastUsedAt?.getTime() ?? 0) - (left.lastUsedAt?.getTime() ?? 0))
  if (latest === undefined) return undefined
  // Without a verified handle the DID is what the identity is recognised by.
  return { did: latest.subject, handle: latest.label === latest.subject ? undefined : latest.label }
}
