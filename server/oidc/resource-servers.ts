/** Resource indicators (RFC 8707): which APIs there are, what their tokens look like, who may introspect them. */

import { type Client, errors, type KoaContextWithOIDC, type ResourceServer } from 'oidc-provider'
import type { Resource } from '../../adapters/postgres/resources.ts'
import { detailsOf } from './authorization-details.ts'
import { behaviourOf } from './client-behaviour.ts'
import { resourceScopesOf, words } from './client-scopes.ts'

/**
 * What the library wants to know of a resource server, for a client that may ask for the scopes in `allowed` there:
 * an app gets no power over an API that it was not registered for, with or without a person who would consent. Throws
 * `InvalidTarget` (RFC 8707 §2).
 */
export function resourceServerInfo(resource: Resource | undefined, allowed: readonly string[]): ResourceServer {
  if (resource === undefined) throw new errors.InvalidTarget('this resource is not registered here')
  const scopes = resource.scopes.filter((scope) => allowed.includes(scope))
  if (scopes.length === 0 && resource.scopes.length > 0) {
    throw new errors.InvalidTarget('this client is registered for no scope of this resource')
  }
  return {
    scope: scopes.join(' '),
    audience: resource.identifier,
    accessTokenTTL: resource.tokenTtl,
    accessTokenFormat: resource.tokenFormat,
    // RFC 9068 §2.1; ES256 signs several times faster than RS256.
    ...(resource.tokenFormat === 'jwt' ? { jwt: { sign: { alg: 'ES256' } } } : {}),
  } as ResourceServer
}

/**
 * The same for a request that names the API. Throws `InvalidScope` where it asks for nothing there (RFC 6749 §3.3): nobody
 * would be asked about it, and an API that looks at the audience of a token alone would let the app in.
 */
export function namedResourceServer(
  { oidc }: KoaContextWithOIDC,
  resource: Resource | undefined,
  client: Client,
): ResourceServer {
  const server = resourceServerInfo(resource, resourceScopesOf(client))
  const { params = {}, requestParamScopes, entities } = oidc
  const offered = words(server.scope)
  // What a code or a refresh token stands for was judged when it was asked for.
  const isAnew = params['grant_type'] === undefined || params['grant_type'] === 'client_credentials'
  if (offered.length === 0 || (params['scope'] === undefined && !isAnew)) return server
  const { authorizationTypes: types = {} } = resource ?? {}
  const details = detailsOf(params) ?? entities.RefreshToken?.rar ?? []
  const asked =
    offered.some((scope) => requestParamScopes.has(scope)) || details.some(({ type }) => Object.hasOwn(types, type))
  if (!asked) throw new errors.InvalidScope(`name scopes of ${server.audience}`, String(params['scope'] ?? ''))
  return server
}

/** Whether a client may learn of a token: its own, or one that was issued for its resource (RFC 7662 §4). */
export function mayIntrospect(
  clientId: string,
  token: { clientId?: string | undefined; aud?: string | string[] | undefined },
  resource: Resource | undefined,
): boolean {
  return token.clientId === clientId || (resource !== undefined && resource.clientId === clientId)
}

/** Throws `InvalidTarget` for a request that names no API, where the profile of its client demands one. */
export function demandResource({ client }: KoaContextWithOIDC['oidc']): void {
  if (client === undefined || behaviourOf(client).resourceRequired !== true) return
  throw new errors.InvalidTarget("name the API by the parameter 'resource' (RFC 8707 §2)")
}
