/** Adds a proven identity to an account, and leaves a trace of it; what belongs to another account stays there. */
import type { Identity } from '../../adapters/identity/contract.ts'
import type { Accounts } from '../../adapters/postgres/accounts.ts'
import type { NewAuditEvent } from '../../adapters/postgres/audit.ts'

export interface AddingOptions {
  accounts: Pick<Accounts, 'addIdentity'>
  audit: (event: NewAuditEvent) => Promise<void>
}

/** Where it happens. */
export interface At {
  readonly client: { readonly id: string }
  readonly address: string
}

export type Adding = ReturnType<typeof adding>

export function adding({ accounts, audit }: AddingOptions) {
  async function record(event: 'identity.added' | 'identity.refused', at: At, accountId: string, identity: Identity) {
    const detail = { provider: identity.provider }
    await audit({ event, accountId, clientId: at.client.id, address: at.address, detail })
  }

  return {
    /** `taken`: it belongs to another account. */
    async add(at: At, accountId: string, identity: Identity): Promise<'added' | 'taken'> {
      const { provider, subject } = identity
      const outcome = await accounts.addIdentity(accountId, { provider, subject, label: labelOf(identity) })
      await record(outcome === 'added' ? 'identity.added' : 'identity.refused', at, accountId, identity)
      return outcome
    },

    /** Somebody tried to add what belongs to another account. */
    refused: (at: At, accountId: string, identity: Identity) => record('identity.refused', at, accountId, identity),
  }
}

/** What a person recognises an identity by. */
export function labelOf({ label, email, name }: Identity): string | undefined {
  return label ?? email?.address ?? name
}
