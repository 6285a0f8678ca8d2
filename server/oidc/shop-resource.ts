/**
 * The resource that tokens of shops are for: our own `/api`, and that of the service behind us.
 *
 * Built in, so that an app of profile `otp` works as soon as it is registered. Its tokens are JWTs (RFC 9068) that name one
 * shop. No other app may be registered for its scope.
 */
import type { Resource } from '../../adapters/postgres/resources.ts'

/** Path of the API below the issuer. */
export const shopApiPath = '/api'

/** The one scope: everything in the shop that the token names. */
export const shopScope = 'shop'

/** Lifetime of access tokens, seconds. There is nothing that renews them: the next one takes another code. */
export const shopTokenTtl = 24 * 60 * 60

export interface ShopResource {
  readonly identifier: string
  /** The resource as it is, with the introspection client of the one that was registered under its identifier. */
  resource(registered: Resource | undefined): Resource
}

/** `name` is what people see: the product's. */
export function shopResource(issuer: string, name: string): ShopResource {
  const identifier = issuer + shopApiPath
  return {
    identifier,
    resource: (registered) => ({
      identifier,
      name: registered?.name ?? name,
      scopes: [shopScope],
      // The pages have words of their own for it.
      scopeDescriptions: {},
      tokenFormat: 'jwt',
      tokenTtl: shopTokenTtl,
      clientId: registered?.clientId,
      createdAt: registered?.createdAt ?? new Date(0),
    }),
  }
}
