/**
 * What a request asks for and its client may have, as it is shown to a person and as it is given when they agree.
 *
 * Held once, so that what is shown is what is given.
 */
import type { Consent } from '../../adapters/postgres/consents.ts'
import type { Resource } from '../../adapters/postgres/resources.ts'
import type { Metadata } from './client-metadata.ts'
import { openidScopes, resourceScopesOf } from './client-scopes.ts'
import type { PdsResource } from './pds-resource.ts'

export interface AccessRequest {
  /** Parameters of the authorization request. */
  readonly params: Readonly<Record<string, unknown>>
  /** The registration of the client. */
  readonly registration: Metadata
}

export interface RequestedAccess {
  /** The registered resources that the request names. */
  readonly resources: readonly Resource[]
  readonly scopes: readonly string[]
  /** Scopes by resource; that of the PDS stands among them where it is named. */
  readonly scopesOf: Consent['resources']
}

export interface RequestedAccessOptions {
  findResource: (identifier: string) => Promise<Resource | undefined>
  pds: PdsResource
}

export async function requestedAccess(
  { params, registration }: AccessRequest,
  { findResource, pds }: RequestedAccessOptions,
): Promise<RequestedAccess> {
  const asked = String(params['scope'] ?? '').split(' ')
  const named = [params['resource'] ?? []].flat().map(String)
  const resources = (await Promise.all(named.map(findResource))).filter((resource) => resource !== undefined)
  const registered = resourceScopesOf(registration)
  return {
    resources,
    scopes: openidScopes.filter((scope) => asked.includes(scope)),
    scopesOf: Object.fromEntries([
      ...resources.map(({ identifier, scopes }) => [
        identifier,
        scopes.filter((scope) => asked.includes(scope) && registered.includes(scope)),
      ]),
      ...(named.includes(pds.identifier) ? [[pds.identifier, await pds.allowed(asked, registration)]] : []),
    ]),
  }
}
