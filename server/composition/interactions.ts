/** What stands between a request for authorization and its code: sign-in, the link to the PDS, consent. */
import type { Middleware } from 'koa'
import { pdsProvider } from '../atproto/identity.ts'
import { describe } from '../describe-error.ts'
import { accountChoice as createAccountChoice } from '../interactions/account-choice.ts'
import { adding as createAdding } from '../interactions/adding.ts'
import { admission as createAdmission } from '../interactions/admission.ts'
import { attemptDriver } from '../interactions/attempt.ts'
import { connecting as createConnecting } from '../interactions/connecting.ts'
import { consent } from '../interactions/consent.ts'
import { attemptCookies } from '../interactions/cookies.ts'
import { linkStep } from '../interactions/link.ts'
import { oneTrip as createOneTrip } from '../interactions/one-trip.ts'
import { otherBrowser as createOtherBrowser } from '../interactions/other-browser.ts'
import { pdsStep } from '../interactions/pds.ts'
import { interactionRoutes } from '../interactions/router.ts'
import { signIn } from '../interactions/sign-in.ts'
import { waiting } from '../interactions/waiting.ts'
import type { Parts } from './parts.ts'

export function interactions(
  { foundation, stores, pds, oauth, identityProviders, pages }: Parts,
  stopping: AbortSignal,
): Middleware {
  const { config, now, log } = foundation
  const { issuer, registration } = config
  const { accounts, consents, identities } = stores
  const audit = stores.audit.record
  const providers = identityProviders.byId
  const cookies = attemptCookies(issuer.startsWith('https:'))
  const attempts = attemptDriver(stores.attempts, providers, (provider, error) =>
    log.warn({ provider, error: describe(error) }, 'an identity provider could not reach whom it asks'),
  )
  const atPds = providers.get(pdsProvider)
  const { resource, access } = pds
  const oneTrip = createOneTrip({ resource, access, keepsakes: atPds?.keepsakes })
  const adding = createAdding({ accounts, audit })
  const connecting = createConnecting({ providers, attempts, cookies, accounts, adding })
  const admission = createAdmission({
    providers,
    attempts,
    accounts,
    identities,
    connecting,
    audit,
    cookies,
    oneTrip,
    registration,
    now,
  })
  const accountChoice = createAccountChoice(accounts.find)
  const otherBrowser = createOtherBrowser({ issuer, providers })
  return interactionRoutes({
    provider: oauth.provider,
    pages,
    cookies,
    restartOf: oauth.restartOf,
    elsewhereOf: oauth.elsewhereOf,
    admission,
    accountChoice,
    signIn: signIn({
      issuer,
      providers,
      attempts,
      cookies,
      oneTrip,
      admission,
      accountChoice,
      connecting,
      otherBrowser,
    }),
    link: linkStep({ issuer, providers, attempts, cookies, accounts, identities, adding, otherBrowser, now }),
    otherBrowser,
    waiting: waiting({ attempts, cookies, stopping }),
    consent: consent({
      findAccount: accounts.find,
      findResource: oauth.findResource,
      pds: resource,
      findPdsAccount: access.account,
      remember: consents.add,
      audit,
    }),
    pds: pdsStep({ issuer, provider: atPds, attempts, cookies, access, oneTrip, audit }),
  })
}
