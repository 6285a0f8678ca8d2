/** The grants that the library does not have, and what the discovery documents say of them. */
import type { IncomingMessage } from 'node:http'
import type { KoaContextWithOIDC, Provider } from 'oidc-provider'
import type { Account } from '../../adapters/postgres/accounts.ts'
import type { Resource } from '../../adapters/postgres/resources.ts'
import { resourceScopesOf } from './client-scopes.ts'
import { idJagType } from './id-jag.ts'
import { addJwtBearer, type JwtBearerNeeds } from './jwt-bearer.ts'
import { type OwnTokensNeeds, ownTokens } from './own-tokens.ts'
import { nameFor } from './pairwise.ts'
import { resourceServerInfo } from './resource-servers.ts'
import { addTokenExchange, type TokenExchangeNeeds } from './token-exchange.ts'

export interface OwnGrantsOptions
  extends Pick<TokenExchangeNeeds, 'subjects' | 'nonces' | 'policies' | 'adopt' | 'audit'>,
    Pick<JwtBearerNeeds, 'trusted' | 'issuerKeys' | 'accountOf' | 'claim'>,
    Pick<OwnTokensNeeds, 'grantOf'> {}

/** Members of the discovery documents. */
export const ownGrantsDiscovery = {
  // draft-ietf-oauth-identity-chaining §2.3, draft-ietf-oauth-identity-assertion-authz-grant §7.
  identity_chaining_requested_token_types_supported: [idJagType],
  authorization_grant_profiles_supported: ['urn:ietf:params:oauth:grant-profile:id-jag'],
}

/** What they share with the rest of the provider. */
interface Surroundings
  extends Pick<OwnTokensNeeds, 'issuer' | 'keys' | 'jwts' | 'now'>,
    Pick<TokenExchangeNeeds, 'findConsent'> {
  readonly address: (request: IncomingMessage) => string
  readonly subjectKey: Buffer
  readonly findAccount: (id: string) => Promise<Account | undefined>
  readonly findResource: (identifier: string) => Promise<Resource | undefined>
}

/** Adds them to a provider. */
export function addOwnGrants(provider: Provider, ownGrants: OwnGrantsOptions, options: Surroundings): void {
  const { issuer, keys, jwts, now, findConsent } = options
  const tokens = ownTokens(provider, {
    issuer,
    keys,
    jwts,
    now,
    grantOf: ownGrants.grantOf,
    async isPresent(accountId) {
      const account = await options.findAccount(accountId)
      return account !== undefined && account.disabledAt === undefined
    },
  })
  const shared = {
    issuer,
    keys,
    now,
    address: ({ req }: KoaContextWithOIDC) => options.address(req),
    findConsent,
    nameFor: nameFor(options.subjectKey),
    resourceServer: async (identifier: string, client: Parameters<typeof resourceScopesOf>[0]) =>
      resourceServerInfo(await options.findResource(identifier), resourceScopesOf(client)),
  }
  addTokenExchange(provider, { ...ownGrants, ...shared, tokens })
  addJwtBearer(provider, { ...ownGrants, ...shared })
}
