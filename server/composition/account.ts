/** The account pages, with what they may change. */
import type { Middleware } from 'koa'
import { accountRoutes } from '../account/routes.ts'
import { identityLabels } from '../interactions/ways.ts'
import type { Parts } from './parts.ts'

/** Tries at what is behind a sign-in already: five, then a delay that rises to a quarter of an hour. */
const accountTries = { free: 5, firstDelay: 1, maxDelay: 15 * 60, forget: 60 * 60 }

export function account({ foundation, stores, pds, oauth, identityProviders, pages }: Parts): Middleware {
  const { accounts, audit, clients, consents, grants, identities, limits, sessions } = stores
  return accountRoutes({
    issuer: foundation.config.issuer,
    provider: oauth.provider,
    pages,
    accounts,
    identities,
    clients,
    consents,
    grants,
    findResource: oauth.findResource,
    sessions,
    pds: {
      account: pds.access.account,
      linkState: pds.client.linkState,
      end: pds.client.end,
      accessEnded: pds.accessEnded,
      signedOut: pds.signedOut,
    },
    passwords: identityProviders.passwordSettings,
    spendTry: (key) => limits.spend(key, accountTries),
    clearTries: limits.clear,
    providerLabels: new Map(
      [...identityProviders.byId.values()]
        // A way that works inside another app alone is nothing to add by.
        .filter(({ inside }) => inside === undefined)
        .map(({ id, label }) => [id, label]),
    ),
    identityLabels: identityLabels(identityProviders.byId),
    audit: audit.record,
    now: foundation.now,
  })
}
