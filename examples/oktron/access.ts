/**
 * One client of oktron's at the server: how it proves itself, what it gets, how that is renewed and ended.
 *
 * Nothing about the chat goes there: the server learns that oktron asks, and from the person who allows it.
 */
import * as client from 'openid-client'
import type { Connection, Registered, Tokens } from './vault.ts'

export interface Registration {
  readonly id: string
  /** Missing: the client is public. */
  readonly secret?: string
}

/** Tokens, and whose they are. */
export type Allowed = Connection

export type Outcome = Allowed | 'denied' | 'expired'

export interface Access {
  readonly by: Registered
  readonly server: client.Configuration
  /** The API that the tokens are for (RFC 8707). */
  readonly resource: string
}

type TokenAnswer = client.TokenEndpointResponse & client.TokenEndpointResponseHelpers

/** Asks the server for its endpoints. Throws when it does not answer. */
export async function accessOf(
  by: Registered,
  { issuer, resource }: { issuer: string; resource: string },
  { id, secret }: Registration,
): Promise<Access> {
  const http = issuer.startsWith('http:') ? { execute: [client.allowInsecureRequests] } : {}
  const proof = secret === undefined ? client.None() : client.ClientSecretBasic(secret)
  return { by, resource, server: await client.discovery(new URL(issuer), id, {}, proof, http) }
}

/** What a first answer with tokens holds. */
export function allowedBy({ by }: Access, answer: TokenAnswer): Allowed {
  const claims = answer.claims()
  if (claims === undefined) throw new Error('the server did not say who it is: ask for the scope openid')
  const { sub: subject, name } = claims
  return { subject, by, name: typeof name === 'string' ? name : 'somebody without a name', tokens: kept(answer) }
}

/** New tokens; the refresh token that was used is void. `ended`: the person or the server took the access back. */
export async function refresh({ server, resource }: Access, { refreshToken }: Tokens): Promise<Tokens | 'ended'> {
  try {
    return kept(await client.refreshTokenGrant(server, refreshToken, { resource }))
  } catch (error) {
    if (error instanceof client.ResponseBodyError && error.error === 'invalid_grant') return 'ended'
    throw error
  }
}

/** Ends the access and all tokens of it (RFC 7009). */
export function revoke({ server }: Access, { refreshToken }: Tokens): Promise<void> {
  return client.tokenRevocation(server, refreshToken, { token_type_hint: 'refresh_token' })
}

/**
 * Waits for what a person decides elsewhere, as slowly as the server wants. Throws the reason of `stopped`.
 * `seconds`: how long they may take. `poll` throws when its signal does.
 */
export async function decision(
  access: Access,
  seconds: number,
  stopped: AbortSignal,
  poll: (over: AbortSignal) => Promise<TokenAnswer>,
): Promise<Outcome> {
  const over = AbortSignal.any([stopped, AbortSignal.timeout(seconds * 1000)])
  for (;;) {
    try {
      return allowedBy(access, await poll(over))
    } catch (error) {
      stopped.throwIfAborted()
      const answer = error instanceof client.ResponseBodyError ? error.error : undefined
      if (answer === 'access_denied') return 'denied'
      if (over.aborted || answer === 'expired_token') return 'expired'
      // An answer that got lost is no decision: the next request will tell (RFC 8628 §3.5).
      if (!isOutage(error)) throw error
    }
  }
}

function kept(tokens: client.TokenEndpointResponse): Tokens {
  const { access_token: accessToken, refresh_token: refreshToken, expires_in: seconds = 0 } = tokens
  if (refreshToken === undefined) throw new Error('the server gave no refresh token: the client needs that grant type')
  return { accessToken, refreshToken, accessExpiresAt: Date.now() + seconds * 1000 }
}

/** No network, no answer in time, or an answer of 500 and above. */
function isOutage(error: unknown): boolean {
  if (error instanceof TypeError) return true
  if (error instanceof client.ResponseBodyError) return error.status >= 500
  if (!(error instanceof client.ClientError)) return false
  return error.code === 'OAUTH_TIMEOUT' || (error.cause instanceof Response && error.cause.status >= 500)
}
