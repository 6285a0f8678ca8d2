/**
 * One trip to the PDS in place of two, for apps where nothing is asked here: consent follows from their registration, so
 * what they ask for is known to be granted when the person signs in.
 *
 * The sign-in asks the PDS for it too, and what comes back waits in the provider's custody until the account is known and
 * the grant stands. It becomes the link only where it reaches as far as everything that is granted to any app of the
 * person; otherwise it is given back, and the way is the usual one.
 */
import type { InteractionResults } from 'oidc-provider'
import type { IdentityProvider, Keepsake } from '../../adapters/identity/contract.ts'
import type { PdsAccess } from '../atproto/access.ts'
import { pdsProvider } from '../atproto/identity.ts'
import { coverage, pdsScope, reduced } from '../atproto/scopes.ts'
import type { PdsResource } from '../oidc/pds-resource.ts'
import type { Desk } from './desk.ts'

export interface OneTripOptions {
  resource: PdsResource
  access: PdsAccess
  keepsakes: IdentityProvider['keepsakes']
}

export type OneTrip = ReturnType<typeof oneTrip>

export function oneTrip({ resource, access, keepsakes }: OneTripOptions) {
  /** What a sign-in with this provider asks for beside the identity. */
  async function scopes(desk: Desk, provider: string): Promise<readonly string[]> {
    const named = [desk.params['resource'] ?? []].flat()
    if (provider !== pdsProvider || !desk.client.firstParty || !named.includes(resource.identifier)) return []
    return reduced(await resource.allowed(String(desk.params['scope'] ?? '').split(' '), desk.registration))
  }

  async function discard(keepsake: Keepsake | undefined): Promise<void> {
    if (keepsake !== undefined) await keepsakes?.discard(keepsake.id)
  }

  return {
    scopes,
    discard,

    /** What the next steps have to know, once the account is; a link that is far enough already is left alone. */
    async carried(desk: Desk, accountId: string, keepsake: Keepsake | undefined): Promise<InteractionResults> {
      if (keepsake === undefined) return {}
      if (!(await access.isLinked(accountId, await scopes(desk, pdsProvider)))) return { pds: { keepsake } }
      await discard(keepsake)
      return {}
    },

    /** Makes the link of what the sign-in brought, now that the grant stands; the DID, or undefined where that is not enough. */
    async kept(desk: Desk, accountId: string): Promise<string | undefined> {
      const keepsake = carriedBy(desk)
      if (keepsake === undefined) return undefined
      const did = (await access.account(accountId))?.did
      const granted = (await access.scopesToAsk(accountId)).filter((scope) => pdsScope(scope) !== undefined)
      const reaches = granted.every(coverage(keepsake.scopes))
      if (did !== undefined && reaches && (await keepsakes?.keep(keepsake.id, did)) === true) return did
      await discard(keepsake)
      return undefined
    },
  }
}

/** Written by `carried`, into the interaction that only this server writes. */
function carriedBy({ submitted }: Desk): Keepsake | undefined {
  return (submitted['pds'] as { keepsake?: Keepsake } | undefined)?.keepsake
}
