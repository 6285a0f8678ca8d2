/** What the grants that the library does not have are given: policies, and where grants come from. */
import { reached } from '../../adapters/postgres/oidc-models.ts'
import type { DpopNonces } from '../oidc/dpop-nonce.ts'
import type { IssuerKeys } from '../oidc/issuer-keys.ts'
import type { OwnGrantsOptions } from '../oidc/own-grants.ts'
import type { Foundation } from './foundation.ts'
import type { Stores } from './stores.ts'
import { exchangeSubjects } from './telegram-statements.ts'

export interface OwnGrantsNeeds {
  readonly foundation: Foundation
  readonly stores: Stores
  readonly nonces: DpopNonces
  readonly issuerKeys: IssuerKeys
}

export function ownGrants({ foundation, stores, nonces, issuerKeys }: OwnGrantsNeeds): OwnGrantsOptions {
  const { exchangePolicies, grantDescent, trustedIssuers, identities, accounts, replays, audit } = stores
  return {
    nonces,
    issuerKeys,
    subjects: exchangeSubjects(foundation, stores),
    policies: (clientId, target, kind) => reached(() => exchangePolicies.find(clientId, target, kind)),
    adopt: (grantId, parentId) => reached(() => grantDescent.adopt(grantId, parentId)),
    grantOf: (of) => reached(() => grantDescent.newest(of)),
    trusted: (issuer) => reached(() => trustedIssuers.find(issuer)),
    claim: (name) => reached(() => replays.claim(name)),
    accountOf: (provider, subject) =>
      reached(async () => {
        const owner = await identities.ownerOf(provider, subject)
        const account = owner === undefined ? undefined : await accounts.find(owner)
        return account?.disabledAt === undefined ? account?.id : undefined
      }),
    audit: (event) => reached(() => audit.record(event)),
  }
}
