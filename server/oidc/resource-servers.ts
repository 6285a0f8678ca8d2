/** Resource indicators (RFC 8707): which APIs there are, what their tokens look like, who may introspect them. */

import { errors, type KoaContextWithOIDC, type ResourceServer } from 'oidc-provider'
import type { Resource } from '../../adapters/postgres/resources.ts'
import { behaviourOf } from './client-behaviour.ts'

/**
 * What the library wants to know of a resource server, for a client that may ask for the scopes in `allowed` there:
 * an app gets no power over an API that it was not registered for, with or without a person who would consent. It gets
 * no token without scopes either: an API that looks at the audience alone would let it in. Throws `InvalidTarget`
 * (RFC 8707 §2).
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
