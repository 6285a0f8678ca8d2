/** A proven identity, as it is handed from the attempt to the step that it is for. */
import type { Identity, Keepsake } from '../../adapters/identity/contract.ts'

export interface Proof {
  identity: Identity
  /** Authentication methods (RFC 8176). */
  amr: string[]
  /** The person has just asked for a new account here. */
  registered: boolean
  /** What the sign-in brought for apps, until it is kept or given back. */
  keepsake?: Keepsake
}

/** Somebody who has signed in, before the login step is over. */
export interface Entering {
  accountId: string
  proof: Proof
  /** When they proved who they are, seconds since 1970. */
  ts: number
}
