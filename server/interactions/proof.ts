/** A proven identity, as it is handed from the attempt to sign-in. */
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
