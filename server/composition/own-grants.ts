/** What the grants that the library does not have are given: policies, and where grants come from. */
import { reached } from '../../adapters/postgres/oidc-models.ts'
import type { DpopNonces } from '../oidc/dpop-nonce.ts'
import type { OwnGrantsOptions } from '../oidc/own-grants.ts'
import type { Foundation } from './foundation.ts'
import type { Stores } from './stores.ts'
import { exchangeSubjects } from './telegram-statements.ts'

export interface OwnGrantsNeeds {
  readonly foundation: Foundation
  readonly stores: Stores
  readonly nonces: DpopNonces
}

export function ownGrants({ foundation, stores, nonces }: OwnGrantsNeeds): OwnGrantsOptions {
  const { exchangePolicies, grantDescent, audit } = stores
  return {
    nonces,
    subjects: exchangeSubjects(foundation, stores),
    policies: (clientId, target, kind) => reached(() => exchangePolicies.find(clientId, target, kind)),
    adopt: (grantId, parentId) => reached(() => grantDescent.adopt(grantId, parentId)),
    grantOf: (of) => reached(() => grantDescent.newest(of)),
    audit: (event) => reached(() => audit.record(event)),
  }
}
