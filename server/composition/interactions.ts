/** What stands between a request for authorization and its code: sign-in, the link to the PDS, consent. */
import type { Middleware } from 'koa'
import { pdsProvider } from '../atproto/identity.ts'
import { attemptDriver } from '../interactions/attempt.ts'
import { consent } from '../interactions/consent.ts'
import { attemptCookies } from '../interactions/cookies.ts'
import { pdsStep } from '../interactions/pds.ts'
import { interactionRoutes } from '../interactions/router.ts'
import { signIn } from '../interactions/sign-in.ts'
import type { Parts } from './parts.ts'

export function interactions({ foundation, stores, pds, oauth, identityProviders, pages }: Parts): Middleware {
  const { config, now } = foundation
  const { issuer, registration } = config
  const { accounts, consents } = stores
  const audit = stores.audit.record
  const providers = identityProviders.byId
  const cookies = attemptCookies(issuer.startsWith('https:'))
  const attempts = attemptDriver(stores.attempts, providers)
  return interactionRoutes({
    provider: oauth.provider,
    pages,
    cookies,
    restartOf: oauth.restartOf,
    signIn: signIn({ issuer, providers, attempts, accounts, audit, cookies, registration, now }),
    consent: consent({
      findAccount: accounts.find,
      findResource: oauth.findResource,
      pds: pds.resource,
      findPdsAccount: pds.access.account,
      remember: consents.add,
      audit,
    }),
    pds: pdsStep({ issuer, provider: providers.get(pdsProvider), attempts, cookies, access: pds.access, audit }),
  })
}
