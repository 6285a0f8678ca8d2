/**
 * Puts the parts together over an open, migrated database, from the ground up: each part is given those below it.
 *
 * A reader who looks for one thing finds the file that builds it among the imports. Listens nowhere, repeats nothing.
 */
import { guardedFetch, type Outbound } from '../../adapters/atproto/guarded-fetch.ts'
import type { IdentityProvider } from '../../adapters/identity/contract.ts'
import { pages as createPages, type Pages } from '../pages.ts'
import type { Foundation } from './foundation.ts'
import { type IdentityProviders, identityProviders } from './identity-providers.ts'
import { type OAuth, oauth } from './oauth.ts'
import { oneTimeCodes, type PhoneSignIn } from './one-time-codes.ts'
import { type Outside, type Pds, pds as pdsOf } from './pds.ts'
import { type Stores, stores as storesOf } from './stores.ts'
import { type Telegram, telegram as telegramOf } from './telegram.ts'
import { telegramProviders } from './telegram-providers.ts'

export interface Parts {
  readonly foundation: Foundation
  readonly stores: Stores
  readonly pds: Pds
  /** Undefined where no bot is set up. */
  readonly telegram: Telegram | undefined
  readonly phoneSignIn: PhoneSignIn | undefined
  readonly oauth: OAuth
  readonly identityProviders: IdentityProviders
  readonly pages: Pages
  /** The only way to addresses that strangers name. */
  readonly outbound: Outbound
}

/** What may be otherwise than the settings say. */
export interface Surroundings {
  readonly outside: Outside
  /** Further ways to prove who one is. */
  readonly providers: readonly IdentityProvider[]
}

export async function parts(foundation: Foundation, { outside, providers }: Surroundings): Promise<Parts> {
  const stores = storesOf(foundation)
  const pages = createPages(foundation.config.productName)
  const outbound = guardedFetch(outside)
  const pds = pdsOf(foundation, stores, outside, outbound)
  const telegram = telegramOf(foundation, stores)
  const phoneSignIn = oneTimeCodes(foundation, stores, telegram)
  return {
    foundation,
    stores,
    pds,
    telegram,
    phoneSignIn,
    oauth: await oauth({ foundation, stores, pds, pages, telegram, outbound }),
    identityProviders: identityProviders(foundation, stores, pds, telegram, outside, [
      ...telegramProviders(foundation, phoneSignIn),
      ...providers,
    ]),
    pages,
    outbound,
  }
}
