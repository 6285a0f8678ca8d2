/**
 * How far the apps of a person get at their PDS, and what is asked there for all of them.
 *
 * Consent is given here, to one app at a time; the link to the PDS is one for all apps. It is asked for exactly what
 * stands granted, so it has to be made anew when an app is granted more.
 */
import type { LinkState } from '../../adapters/atproto/contract.ts'
import type { AccountIdentity } from '../../adapters/postgres/accounts.ts'
import type { ResourceGrant } from '../../adapters/postgres/grants.ts'
import type { PdsResource } from '../oidc/pds-resource.ts'
import { type PdsAccount, pdsAccountOf } from './identity.ts'
import { coverage, pdsScope, reduced } from './scopes.ts'

export interface PdsAccessOptions {
  resource: PdsResource
  identitiesOf: (accountId: string) => Promise<readonly AccountIdentity[]>
  linkState: (did: string) => Promise<LinkState | undefined>
  /** The grants of an account that live, as far as they reach a resource. */
  grantsAt: (accountId: string, resource: string) => Promise<readonly ResourceGrant[]>
}

export interface PdsAccess {
  account(accountId: string): Promise<PdsAccount | undefined>
  /** Whether the link of the account lives and reaches as far as `scopes`. */
  isLinked(accountId: string, scopes: readonly string[]): Promise<boolean>
  /** What has to be asked of the PDS: `atproto` and what is granted to any app, as far as that app may still have it. */
  scopesToAsk(accountId: string): Promise<readonly string[]>
}

export function pdsAccess({ resource, identitiesOf, linkState, grantsAt }: PdsAccessOptions): PdsAccess {
  const account = async (accountId: string) => pdsAccountOf(await identitiesOf(accountId))
  return {
    account,
    async isLinked(accountId, scopes) {
      const did = (await account(accountId))?.did
      const link = did === undefined ? undefined : await linkState(did)
      if (link === undefined || link.ended !== undefined) return false
      return scopes.filter((scope) => pdsScope(scope) !== undefined).every(coverage(link.scopes))
    },
    async scopesToAsk(accountId) {
      const grants = await grantsAt(accountId, resource.identifier)
      const allowed = await Promise.all(
        grants.map(({ scopes, registration }) => resource.allowed(scopes, registration)),
      )
      return ['atproto', ...reduced(allowed.flat())]
    },
  }
}
