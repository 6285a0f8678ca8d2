/**
 * The tokens that a grant of our own ends in, made of the library's models as its own grants make them.
 *
 * Who they are for, and whether they may have them, is the caller's to judge.
 */
import { type Client, errors, type KoaContextWithOIDC, type Provider } from 'oidc-provider'
import { clientCertificate } from '../request-info.ts'
import { addTo } from './policy.ts'
import { demandsCertificate } from './proven-key.ts'
import type { Wish } from './wish.ts'

export const accessTokenType = 'urn:ietf:params:oauth:token-type:access_token'

export interface Exchanged {
  readonly accountId: string
  readonly wish: Wish
  /** Thumbprint of the key that the tokens are bound to. */
  readonly key: string | undefined
  /** Whether there is a refresh token, too. */
  readonly refresh: boolean
  /** Further claims of the access token. */
  readonly extra?: Readonly<Record<string, unknown>>
  /** Seconds that the access token lives at most; without it as long as any for this API. */
  readonly atMost?: number
  /** Ties the new grant to what it comes from; false when that has ended. */
  readonly adopt?: (grantId: string) => Promise<boolean>
}

/** Stores a grant with its tokens; answers the body of the response (RFC 8693 §2.2.1). Throws `InvalidGrant`. */
export async function exchangedTokens(
  ctx: KoaContextWithOIDC,
  provider: Provider,
  client: Client,
  { accountId, wish: { scopes, resource }, key, refresh: withRefresh, extra, atMost, adopt }: Exchanged,
): Promise<Record<string, unknown>> {
  // Of its own for each time: what one of them loses, the others keep.
  const grant = new provider.Grant({ accountId, clientId: client.clientId } as never)
  addTo(grant, {
    scopes,
    claims: [],
    resources: resource === undefined ? {} : { [resource.identifier]: resource.scopes },
  })
  const grantId = await grant.save()
  if (adopt !== undefined && !(await adopt(grantId))) {
    throw new errors.InvalidGrant('the access that was to be exchanged has ended meanwhile')
  }
  const scope = [...scopes, ...(resource?.scopes ?? [])].join(' ')
  const common = { accountId, client, grantId, gty: 'token_exchange', expiresWithSession: false }
  const access = new provider.AccessToken({ ...common, ...(extra === undefined ? {} : { extra }) } as never)
  access.scope = (resource?.scopes ?? scopes).join(' ')
  if (resource !== undefined) access.resourceServer = resource.server as never
  const lifetime = access.expiration
  if (atMost !== undefined && atMost < lifetime) Object.assign(access, { expiresIn: atMost })
  const bound = access as unknown as { setThumbprint(name: 'jkt' | 'x5t', to: unknown): void }
  if (key !== undefined) bound.setThumbprint('jkt', key)
  if (demandsCertificate(client)) bound.setThumbprint('x5t', clientCertificate(ctx.req)?.certificate)
  ctx.oidc.entity('Grant', grant)
  ctx.oidc.entity('AccessToken', access)
  const value = await access.save()
  const refresh = withRefresh
    ? new provider.RefreshToken({
        ...common,
        ...(resource === undefined ? {} : { resource: resource.identifier }),
        ...(key === undefined ? {} : { jkt: key }),
        rotations: 0,
        scope,
      } as never)
    : undefined
  if (refresh !== undefined) ctx.oidc.entity('RefreshToken', refresh)
  return {
    access_token: value,
    issued_token_type: accessTokenType,
    token_type: access.tokenType,
    expires_in: access.expiration,
    scope: access.scope,
    ...(refresh === undefined ? {} : { refresh_token: await refresh.save() }),
  }
}
