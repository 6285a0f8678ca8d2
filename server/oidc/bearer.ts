/**
 * Access tokens at an API of our own: reads the request, judges the token, says how to refuse it.
 *
 * Everything that ends a token elsewhere ends it here, because it is looked up, not decoded: its row comes with the state
 * of its grant and account in one statement (`adapters/postgres/artifacts.ts`). Knows no API; what a scope opens is the
 * caller's to say.
 */
import type { IncomingMessage } from 'node:http'
import type { Provider } from 'oidc-provider'
import { shownThumbprint } from '../request-info.ts'
import type { DpopNonces } from './dpop-nonce.ts'
import { dpopAlgorithms, type Proof, proofWindow, readProof } from './dpop-proof.ts'
import type { AccessToken, ClientCredentials } from './jwt-tokens.ts'
import { withinRequest } from './request-scope.ts'

export interface Access {
  readonly kind: 'granted'
  readonly clientId: string
  readonly accountId: string
  readonly grantId: string
  readonly scopes: readonly string[]
  /** Further claims of the token. */
  readonly extra: Readonly<Record<string, unknown>>
  /** How the token was presented; a refusal for its scope names the same scheme. */
  readonly scheme: Scheme
  /** A nonce for the next proof, when the one that was used grows old (RFC 9449 §8.2). */
  readonly nonce: string | undefined
}

/** How to answer a request that has no access (RFC 6750 §3.1, RFC 9449 §7.1). */
export interface AccessRefused {
  readonly kind: 'refused'
  readonly status: 400 | 401 | 403
  /** Undefined when no token was presented at all. */
  readonly error: AccessError | undefined
  readonly message: string
  /** Values for `WWW-Authenticate`. */
  readonly challenges: readonly string[]
  /** Value for `DPoP-Nonce`. */
  readonly nonce: string | undefined
}

export type AccessError =
  | 'invalid_request'
  | 'invalid_token'
  | 'insufficient_scope'
  | 'invalid_dpop_proof'
  | 'use_dpop_nonce'
export type Scheme = 'Bearer' | 'DPoP'

export interface BearerOptions {
  /** Proofs name addresses below it. */
  issuer: string
  /** What tokens have to be for: the identifier of the API, which is the issuer or an address below it (RFC 8707 §2). */
  audience: string
  provider: () => Provider
  /** Finds a token while it lives, where it is no row of its own; `jwt-tokens.ts` does. */
  find?: (provider: Provider, token: string) => Promise<AccessToken | ClientCredentials | undefined>
  nonces: DpopNonces
  now: () => Date
}

export interface Bearer {
  /**
   * Judges the token of a request; `path` without the query. Tokens in queries and bodies are none (RFC 9700 §4.3.2).
   * Throws when the database does not answer.
   */
  verify(request: IncomingMessage, path: string, query: string): Promise<Access | AccessRefused>
  /** A refusal of a token that opens too little: one of `scopes` would have opened it. */
  insufficient(access: Access, scope: string | undefined, message: string): AccessRefused
  /** A refusal of a token that was good, when what it stood for is gone. */
  ended(access: Access, message: string): AccessRefused
}

export function bearer({ issuer, audience, provider, nonces, now, find = findRow }: BearerOptions): Bearer {
  // RFC 9728 §3.1: the path of the resource follows the well-known one.
  const metadata = `${issuer}/.well-known/oauth-protected-resource${audience.slice(issuer.length)}`

  function refused(
    status: AccessRefused['status'],
    error: AccessError,
    message: string,
    { scheme = 'Bearer', scope }: { scheme?: Scheme; scope?: string | undefined } = {},
  ): AccessRefused {
    const nonce = error === 'use_dpop_nonce' ? nonces.next() : undefined
    const challenges = [
      challenge(scheme, { realm: audience, error, error_description: message, scope, ...resource(scheme) }),
    ]
    return { kind: 'refused', status, error, message, challenges, nonce }
  }

  function resource(scheme: Scheme): Record<string, string> {
    return { ...(scheme === 'DPoP' ? { algs: dpopAlgorithms.join(' ') } : {}), resource_metadata: metadata }
  }

  function absent(): AccessRefused {
    const challenges = (['Bearer', 'DPoP'] as const).map((scheme) =>
      challenge(scheme, { realm: audience, ...resource(scheme) }),
    )
    return {
      kind: 'refused',
      status: 401,
      error: undefined,
      message: 'An access token is needed',
      challenges,
      nonce: undefined,
    }
  }

  async function verify(request: IncomingMessage, path: string, query: string): Promise<Access | AccessRefused> {
    const presented = presentedToken(request, query)
    if (presented === undefined) return absent()
    if (typeof presented === 'string') return refused(400, 'invalid_request', presented)
    const { scheme, token, proof } = presented
    const judged =
      proof === undefined
        ? undefined
        : await readProof(proof, { method: request.method ?? '', url: issuer + path, accessToken: token }, nonces, now)
    if (judged?.kind === 'invalid') return refused(401, 'invalid_dpop_proof', judged.message, { scheme })
    if (judged?.kind === 'nonce') return refused(401, 'use_dpop_nonce', judged.message, { scheme })
    const found = await withinRequest(request, () => living(provider(), find, token))
    if (typeof found === 'string') return refused(401, 'invalid_token', found, { scheme })
    if (found.aud !== audience) return refused(401, 'invalid_token', 'the token is for another resource', { scheme })
    const binding = await bound(found, judged, request)
    if (binding !== undefined) return refused(401, binding.error, binding.message, { scheme: binding.scheme })
    const { clientId, accountId, grantId, scopes, extra } = found
    const nonce = judged === undefined || judged.nonce === nonces.next() ? undefined : nonces.next()
    return { kind: 'granted', clientId, accountId, grantId, scopes, extra, scheme, nonce }
  }

  /** What the token is bound to and what the request proves belong together, or neither is there; undefined when that holds. */
  async function bound(
    token: LivingToken,
    proof: Extract<Proof, { kind: 'valid' }> | undefined,
    request: IncomingMessage,
  ): Promise<{ error: AccessError; message: string; scheme: Scheme } | undefined> {
    if (token.certificate !== undefined && token.certificate !== shownThumbprint(request)) {
      // RFC 8705 §3.
      return {
        error: 'invalid_token',
        message: 'the token is bound to a certificate; show that one',
        scheme: 'Bearer',
      }
    }
    const wrong = await boundToKey(token, proof)
    return wrong && { ...wrong, scheme: 'DPoP' }
  }

  async function boundToKey(
    token: LivingToken,
    proof: Extract<Proof, { kind: 'valid' }> | undefined,
  ): Promise<{ error: AccessError; message: string } | undefined> {
    if (token.jkt === undefined && proof === undefined) return undefined
    if (token.jkt === undefined) return { error: 'invalid_token', message: 'the token is not bound to a DPoP key' }
    if (proof?.thumbprint !== token.jkt) {
      return { error: 'invalid_token', message: 'the token is bound to a DPoP key; prove that one' }
    }
    const until = Math.floor(now().getTime() / 1000) + proofWindow
    return (await provider().ReplayDetection.unique(token.clientId, proof.id, until))
      ? undefined
      : { error: 'invalid_dpop_proof', message: 'DPoP proof was used before' }
  }

  return {
    verify,
    insufficient: ({ scheme }, scope, message) => refused(403, 'insufficient_scope', message, { scheme, scope }),
    ended: ({ scheme }, message) => refused(401, 'invalid_token', message, { scheme }),
  }
}

interface LivingToken {
  readonly clientId: string
  readonly accountId: string
  readonly grantId: string
  readonly scopes: readonly string[]
  readonly extra: Readonly<Record<string, unknown>>
  readonly aud: unknown
  readonly jkt: string | undefined
  /** Thumbprint of the certificate that it is bound to. */
  readonly certificate: string | undefined
}

/** Also asks for the browser session where the token ends with it. */
function findRow(provider: Provider, value: string): Promise<AccessToken | undefined> {
  return provider.AccessToken.find(value)
}

/** Finds a token of a person; answers why there is none that lives. */
async function living(
  provider: Provider,
  find: NonNullable<BearerOptions['find']>,
  value: string,
): Promise<LivingToken | string> {
  const token = await find(provider, value)
  if (!(token instanceof provider.AccessToken) || !token.isValid) return 'the token is unknown, expired or revoked'
  const { clientId, accountId, grantId } = token
  const grant = grantId === undefined ? undefined : await provider.Grant.find(grantId)
  if (
    clientId === undefined ||
    grantId === undefined ||
    grant === undefined ||
    grant.clientId !== clientId ||
    grant.accountId !== accountId
  ) {
    return 'the access behind the token has ended'
  }
  if ((await provider.Client.find(clientId)) === undefined) return 'the client of the token is gone'
  const { aud, jkt, extra = {}, 'x5t#S256': certificate } = token
  return { clientId, accountId, grantId, scopes: [...token.scopes], extra, aud, jkt, certificate }
}

/** What stands in the headers: a token, nothing, or a sentence about what is wrong with them. */
function presentedToken(
  request: IncomingMessage,
  query: string,
): { scheme: Scheme; token: string; proof: string | undefined } | string | undefined {
  const { authorization = [], dpop = [] } = request.headersDistinct as Record<string, string[] | undefined>
  const asParameter = new URLSearchParams(query).has('access_token')
  if (asParameter) return 'send the access token in the Authorization header, not in the address'
  if (authorization.length > 1 || dpop.length > 1) return 'send one Authorization header and at most one DPoP header'
  const [header] = authorization
  if (header === undefined) return undefined
  // RFC 9110 §11.6.2: names of schemes are case-insensitive; RFC 6750 §2.1: the alphabet of tokens.
  const [, name = '', token = ''] = /^(bearer|dpop) +([\w\-.~+/]+=*)$/i.exec(header) ?? []
  if (token === '') return 'the Authorization header must be "Bearer" or "DPoP" and one access token'
  const [proof] = dpop
  const scheme = name.toLowerCase() === 'dpop' ? 'DPoP' : 'Bearer'
  if (scheme === 'DPoP' && proof === undefined) return 'the DPoP header is missing'
  if (scheme === 'Bearer' && proof !== undefined) return 'with a DPoP header the scheme must be DPoP'
  return { scheme, token, proof }
}

function challenge(scheme: Scheme, parameters: Record<string, string | undefined>): string {
  const given = Object.entries(parameters).filter((entry): entry is [string, string] => entry[1] !== undefined)
  return `${scheme} ${given.map(([name, value]) => `${name}="${value.replace(/[\\"]/g, '\\$&')}"`).join(', ')}`
}
