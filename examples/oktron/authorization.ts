/**
 * oktron as a client of the authorization server: the device authorization grant (RFC 8628), refreshing, revoking.
 *
 * Nothing about the chat goes there: the server learns that oktron asks, and from the person's browser who allows it.
 */
import * as client from 'openid-client'
import type { Tokens } from './vault.ts'

export interface AuthorizationOptions {
  issuer: string
  /** A client of the profile `device`. */
  clientId: string
  /** The API that the tokens are for (RFC 8707). */
  resource: string
}

export type Codes = client.DeviceAuthorizationResponse

/** Tokens, and what the person is called. */
export interface Allowed extends Tokens {
  readonly name: string
}

export interface Authorization {
  /** Asks for codes to show. */
  begin(): Promise<Codes>
  /** Waits for the person, as slowly as the server wants. Throws the reason of `signal`. */
  wait(codes: Codes, signal: AbortSignal): Promise<Allowed | 'denied' | 'expired'>
  /** New tokens; the refresh token that was used is void. `ended`: the person or the server took the access back. */
  refresh(refreshToken: string): Promise<Tokens | 'ended'>
  /** Ends the access and all tokens of it (RFC 7009). */
  revoke(refreshToken: string): Promise<void>
}

const scope = 'openid profile okto:read okto:write'

/** Asks the server for its endpoints. Throws when it does not answer. */
export async function authorization({ issuer, clientId, resource }: AuthorizationOptions): Promise<Authorization> {
  const http = issuer.startsWith('http:') ? { execute: [client.allowInsecureRequests] } : {}
  const server = await client.discovery(new URL(issuer), clientId, {}, client.None(), http)

  return {
    begin: () => client.initiateDeviceAuthorization(server, { scope, resource }),

    async wait(codes, signal) {
      const over = AbortSignal.any([signal, AbortSignal.timeout(codes.expires_in * 1000)])
      for (;;) {
        try {
          const tokens = await client.pollDeviceAuthorizationGrant(server, codes, { resource }, { signal: over })
          const name = tokens.claims()?.['name']
          return { ...kept(tokens), name: typeof name === 'string' ? name : 'somebody without a name' }
        } catch (error) {
          signal.throwIfAborted()
          if (error instanceof client.ResponseBodyError && error.error === 'access_denied') return 'denied'
          if (over.aborted || (error instanceof client.ResponseBodyError && error.error === 'expired_token'))
            return 'expired'
          // An answer that got lost is no decision: the next request will tell (RFC 8628 §3.5).
          if (!isOutage(error)) throw error
        }
      }
    },

    async refresh(refreshToken) {
      try {
        return kept(await client.refreshTokenGrant(server, refreshToken, { resource }))
      } catch (error) {
        if (error instanceof client.ResponseBodyError && error.error === 'invalid_grant') return 'ended'
        throw error
      }
    },

    revoke: (refreshToken) => client.tokenRevocation(server, refreshToken, { token_type_hint: 'refresh_token' }),
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
