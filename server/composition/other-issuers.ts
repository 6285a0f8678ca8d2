/** The other OpenID Connect issuers at which people sign in, each with our client there: Google, those of the settings, Telegram. */
import { guardedFetch, type Resolve } from '../../adapters/atproto/guarded-fetch.ts'
import { isPublicHost, objectionTo } from '../../adapters/atproto/public-address.ts'
import type { IdentityProvider } from '../../adapters/identity/contract.ts'
import { google } from '../../adapters/identity/google.ts'
import { oidc } from '../../adapters/identity/oidc.ts'
import { type TelegramOidcNeeds, telegramOidc } from '../../adapters/identity/telegram-oidc.ts'
import { oidcClient } from '../../adapters/oidc/client.ts'
import type { OidcClient, OidcConnection, PublicInternet } from '../../adapters/oidc/contract.ts'
import type { Config } from '../config.ts'

export type SharePhone = NonNullable<TelegramOidcNeeds['sharePhone']>

export interface OtherIssuer {
  readonly provider: IdentityProvider
  readonly issuer: string
  readonly client: OidcClient
}

export interface OtherIssuersNeeds {
  readonly config: Pick<Config, 'google' | 'oidcProviders' | 'telegram'>
  readonly now: () => Date
  /** Told why somebody was refused. */
  readonly report?: (provider: string, why: string) => void
  /** Told the phone number that Telegram vouches for. */
  readonly sharePhone?: SharePhone | undefined
}

/** In the order of their buttons. */
export function otherIssuers({ config, now, report, sharePhone }: OtherIssuersNeeds): readonly OtherIssuer[] {
  const needs = report === undefined ? { now } : { now, report }
  const outside = publicInternet()
  const at = (connection: OidcConnection, providerOf: (client: OidcClient) => IdentityProvider): OtherIssuer => {
    const client = oidcClient({ connection, outside, now })
    return { provider: providerOf(client), issuer: connection.issuer, client }
  }
  const { google: atGoogle, oidcProviders, telegram } = config
  const found = oidcProviders.map(({ connection, questions, trustEmail }) =>
    at(connection, (client) => oidc({ ...needs, client, questions, vouches: () => trustEmail })),
  )
  return [
    ...(atGoogle === undefined
      ? []
      : [at(atGoogle.connection, (client) => google({ ...needs, client, hostedDomains: atGoogle.hostedDomains }))]),
    ...found,
    ...(telegram?.oidc === undefined
      ? []
      : [at(telegram.oidc, (client) => telegramOidc({ ...needs, ...(sharePhone && { sharePhone }), client }))]),
  ]
}

/** The guard that stands between us and what strangers' documents name. `resolve`: the system's resolver when absent. */
export function publicInternet(resolve?: Resolve): PublicInternet {
  const { traffic } = guardedFetch(resolve === undefined ? {} : { resolve })
  return { hasHost: isPublicHost, objectionTo, fetch: traffic }
}
