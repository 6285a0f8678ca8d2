/** The ways to prove who one is, each given what it needs: whoever adds one adds it here. */
import { readIdentifier } from '../../adapters/atproto/identifier.ts'
import { passwordHashing } from '../../adapters/crypto/password-hash.ts'
import { atproto } from '../../adapters/identity/atproto.ts'
import type { IdentityProvider } from '../../adapters/identity/contract.ts'
import { password } from '../../adapters/identity/password.ts'
import { type PasswordSettings, passwordSettings } from '../../adapters/identity/password-settings.ts'
import type { Foundation } from './foundation.ts'
import { otherIssuers } from './other-issuers.ts'
import type { Outside, Pds } from './pds.ts'
import { sharingPhones } from './shared-phones.ts'
import type { Stores } from './stores.ts'
import type { Telegram } from './telegram.ts'
import { telegramWays } from './telegram-ways.ts'

export interface IdentityProviders {
  /** By their ids, in the order of their buttons. */
  readonly byId: ReadonlyMap<string, IdentityProvider>
  /** What people change about their passwords and second factors. */
  readonly passwordSettings: PasswordSettings
}

/** `further`: ways beyond those of this house. */
export function identityProviders(
  foundation: Foundation,
  stores: Stores,
  pds: Pds,
  telegram: Telegram | undefined,
  outside: Outside,
  further: readonly IdentityProvider[],
): IdentityProviders {
  const { config, sealer, now, log } = foundation
  const { passwords, limits, audit } = stores
  const { productName, registration } = config
  const hashing = passwordHashing()
  const local = password({ passwords, limits, hashing, sealer, now, registration, productName, audit })
  const byHandle = atproto({ client: pds.client, recognise: (text) => readIdentifier(text, outside.open), limits, now })
  const report = (provider: string, why: string) => log.info({ provider, why }, 'an answer of an issuer was refused')
  const issuers = otherIssuers({ config, now, report, sharePhone: sharingPhones(foundation, stores) }).map(
    ({ provider }) => provider,
  )
  // Of several that prove the same identity the first gives it its name.
  const ways = [local, byHandle, ...telegramWays(foundation, stores, telegram), ...issuers, ...further]
  return {
    byId: new Map(ways.map((provider) => [provider.id, provider])),
    passwordSettings: passwordSettings({ passwords, hashing, sealer, productName, now }),
  }
}
