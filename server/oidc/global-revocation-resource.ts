/**
 * The resource that administrators' programs get tokens for to end all access of a person (Global Token Revocation §7.1: a
 * scope that opens nothing else).
 *
 * Built in. Its tokens are opaque and short, and judged here: they are a program's own, without a person or a grant.
 */
import type { IncomingMessage } from 'node:http'
import type { Configuration, Provider } from 'oidc-provider'
import type { Resource } from '../../adapters/postgres/resources.ts'
import { withinRequest } from './request-scope.ts'

/** Path of the endpoint below the issuer. */
export const globalRevocationPath = '/global-token-revocation'

export const globalRevocationScope = 'global-token-revocation'

/** Lifetime of access tokens, seconds. */
const tokenTtl = 5 * 60

export interface GlobalRevocationResource {
  readonly identifier: string
  resource(registered: Resource | undefined): Resource
}

export function globalRevocationResource(issuer: string): GlobalRevocationResource {
  const identifier = issuer + globalRevocationPath
  return {
    identifier,
    resource: (registered) => ({
      identifier,
      name: 'Global token revocation',
      scopes: [globalRevocationScope],
      scopeDescriptions: {},
      tokenFormat: 'opaque',
      tokenTtl,
      clientId: registered?.clientId,
      createdAt: registered?.createdAt ?? new Date(0),
    }),
  }
}

/** What the discovery document says of it (§6). */
export function globalRevocationDiscovery(issuer: string): NonNullable<Configuration['discovery']> {
  return {
    global_token_revocation_endpoint: issuer + globalRevocationPath,
    global_token_revocation_endpoint_auth_methods_supported: ['Bearer'],
  }
}

export type ProgramAccess =
  | { readonly kind: 'granted'; readonly clientId: string }
  /** Values for `error` and its description (RFC 6750 §3.1); none when no token was presented. */
  | { readonly kind: 'refused'; readonly status: 401 | 403; readonly error?: string; readonly why?: string }

/** Judges the token of a request. Throws when the database does not answer. */
export async function programAccess(
  provider: Provider,
  request: IncomingMessage,
  identifier: string,
): Promise<ProgramAccess> {
  const { authorization = [] } = request.headersDistinct as Record<string, string[] | undefined>
  if (authorization.length === 0) return { kind: 'refused', status: 401 }
  const [, value] = /^bearer +([\w\-.~+/]+=*)$/i.exec(authorization.length === 1 ? (authorization[0] ?? '') : '') ?? []
  const token =
    value === undefined ? undefined : await withinRequest(request, () => provider.ClientCredentials.find(value))
  const invalid = (why: string) => ({ kind: 'refused', status: 401, error: 'invalid_token', why }) as const
  if (token?.clientId === undefined || !token.isValid) return invalid('the token is unknown, expired or revoked')
  if (token.aud !== identifier) return invalid('the token is for another resource')
  if ((await provider.Client.find(token.clientId)) === undefined) return invalid('the client of the token is gone')
  // Whoever presents it has proven no key.
  if (token.jkt !== undefined || token['x5t#S256'] !== undefined) return invalid('the token is bound to a key')
  return token.scopes.has(globalRevocationScope)
    ? { kind: 'granted', clientId: token.clientId }
    : { kind: 'refused', status: 403, error: 'insufficient_scope', why: `the scope ${globalRevocationScope} is needed` }
}
