/** What IFTTT's platform and the pages of the house ask of us beside the protocol, with what it stands on. */
import type { Middleware } from 'koa'
import { ping } from '../../adapters/postgres/database.ts'
import { serviceKeys } from '../ifttt/service-keys.ts'
import { testSetup } from '../ifttt/test-setup.ts'
import { userInfo } from '../ifttt/user-info.ts'
import { iftttMinting } from '../oidc/ifttt-minting.ts'
import { iftttAuthorizations } from '../routes/ifttt-authorizations.ts'
import { iftttService } from '../routes/ifttt-service.ts'
import type { Parts } from './parts.ts'

/** Thirty at once, then ever fewer; a person connects once. */
const authorizationTries = { free: 30, firstDelay: 1, maxDelay: 60, forget: 60 }

export function ifttt({ foundation, stores, oauth }: Parts): readonly Middleware[] {
  const { config, store, log } = foundation
  const { issuer, productName } = config
  const { accounts, audit, clients, limits } = stores
  const { bearer, identifier } = oauth.ifttt
  const minting = iftttMinting(oauth.provider, identifier)
  return [
    iftttService({
      keys: serviceKeys({ keys: config.iftttServiceKeys, limits, audit: audit.record, log }),
      bearer,
      ping: () => ping(store.db),
      userInfo: userInfo({ issuer, productName, accounts }),
      testSetup: testSetup({ accounts, clients, minting, audit: audit.record }),
      onGrantUsed: oauth.grantUsed,
      log,
    }),
    iftttAuthorizations({
      issuer,
      bearer,
      findClient: clients.find,
      minting,
      spendTry: (accountId) => limits.spend(`ifttt-authorizations:${accountId}`, authorizationTries),
      audit: audit.record,
    }),
  ]
}
