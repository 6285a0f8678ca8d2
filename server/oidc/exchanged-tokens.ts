/**
 * The tokens that an exchange ends in, made of the library's models as its own grants make them.
 *
 * Who they are for, and whether they may have them, is the caller's to judge.
 */
import type { Client, KoaContextWithOIDC, Provider, ResourceServer } from 'oidc-provider'
import { addTo } from './policy.ts'

export const accessTokenType = 'urn:ietf:params:oauth:token-type:access_token'

/** What a request asks for and its client may have. */
export interface Wish {
  readonly scopes: readonly string[]
  readonly resource:
    | { readonly identifier: string; readonly server: ResourceServer; readonly scopes: readonly string[] }
    | undefined
}

/** Stores a grant with its tokens; answers the body of the response (RFC 8693 §2.2.1). */
export async function exchangedTokens(
  ctx: KoaContextWithOIDC,
  provider: Provider,
  client: Client,
  { accountId, wish: { scopes, resource }, key }: { accountId: string; wish: Wish; key: string | undefined },
): Promise<Record<string, unknown>> {
  // Of its own for each time the app is opened: what one of them loses, the others keep.
  const grant = new provider.Grant({ accountId, clientId: client.clientId } as never)
  addTo(grant, {
    scopes,
    claims: [],
    resources: resource === undefined ? {} : { [resource.identifier]: resource.scopes },
  })
  const grantId = await grant.save()
  const scope = [...scopes, ...(resource?.scopes ?? [])].join(' ')
  const common = { accountId, client, grantId, gty: 'token_exchange', expiresWithSession: false }
  const access = new provider.AccessToken({ ...common } as never)
  access.scope = (resource?.scopes ?? scopes).join(' ')
  if (resource !== undefined) access.resourceServer = resource.server as never
  if (key !== undefined)
    (access as unknown as { setThumbprint(name: 'jkt', key: string): void }).setThumbprint('jkt', key)
  ctx.oidc.entity('Grant', grant)
  ctx.oidc.entity('AccessToken', access)
  const value = await access.save()
  const refresh = client.grantTypeAllowed('refresh_token')
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
