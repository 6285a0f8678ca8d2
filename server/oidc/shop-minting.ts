/**
 * Tokens for shops that no request to the library asked for: made by its models, under a grant of their own.
 *
 * Who may have one, and for which shop, is the caller's to judge.
 */
import type { Provider } from 'oidc-provider'
import { type ShopResource, shopScope, shopTokenTtl } from './shop-resource.ts'

export interface ShopTokenParties {
  readonly accountId: string
  /** A client of profile `otp`. */
  readonly clientId: string
  readonly shop: { readonly id: number; readonly name: string }
}

export interface ShopMinting {
  /** A JWT (RFC 9068) that names the shop. Throws when the database does not answer. */
  token(parties: ShopTokenParties): Promise<string>
}

export function shopMinting(provider: () => Provider, resource: ShopResource, now: () => Date): ShopMinting {
  const { identifier } = resource
  return {
    async token({ accountId, clientId, shop }) {
      const { AccessToken, Client, Grant, ResourceServer } = provider()
      const client = await Client.find(clientId)
      if (client === undefined) throw new TypeError('there is no such client')
      const grant = new Grant({ accountId, clientId, expiresIn: shopTokenTtl } as never)
      grant.addResourceScope(identifier, shopScope)
      // By it all tokens of a shop are ended; the tokens themselves have no row.
      grant.addRar({ type: shopScope, identifier: String(shop.id) } as never)
      const grantId = await grant.save()
      const iat = Math.floor(now().getTime() / 1000)
      const claims = {
        accountId,
        client,
        grantId,
        gty: 'otp',
        scope: shopScope,
        iat,
        exp: iat + shopTokenTtl,
        expiresIn: shopTokenTtl,
        extra: { shop_id: shop.id, shop_name: shop.name },
      }
      const info = { audience: identifier, scope: shopScope, accessTokenFormat: 'jwt', jwt: { sign: { alg: 'ES256' } } }
      const resourceServer = new ResourceServer(identifier, info as never)
      return new AccessToken({ ...claims, resourceServer } as never).save()
    },
  }
}
