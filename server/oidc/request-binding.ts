/**
 * What ties the answer of an authorization request to the browser that asked: PKCE, or where a client knows none, `state`.
 */
import { type Client, errors, type KoaContextWithOIDC } from 'oidc-provider'
import { behaviourOf } from './client-behaviour.ts'

/**
 * Whether a request without a code challenge has to have one. Without either of the two a stranger's code could be slipped
 * into a person's browser (RFC 6749 §10.12, RFC 9700 §4.7), so a client that is excused from PKCE sends `state`. Throws
 * `InvalidRequest`.
 */
export function pkceRequired({ oidc }: KoaContextWithOIDC, client: Client): boolean {
  if (behaviourOf(client).pkceRequired) return true
  const state = oidc.params?.['state']
  if (typeof state !== 'string' || state === '') {
    throw new errors.InvalidRequest("missing required parameter 'state', which protects the person in place of PKCE")
  }
  return false
}
