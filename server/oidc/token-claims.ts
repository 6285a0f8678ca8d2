/**
 * What tokens for APIs say beside the standard claims: how and when the person behind them signed in (RFC 9068 §2.2.1,
 * RFC 9470 §6.2), and what our own minting adds. JWTs carry it, introspection shows it.
 */
import type { KoaContextWithOIDC } from 'oidc-provider'

interface Token {
  readonly kind: string
  readonly aud?: string | string[] | undefined
  readonly extra?: Record<string, unknown> | undefined
}

/** The library's `extraTokenClaims`; undefined where there is nothing to say. */
export function tokenClaims(ctx: KoaContextWithOIDC | undefined, token: Token): Record<string, unknown> | undefined {
  const claims = { ...(token.kind === 'AccessToken' && token.aud !== undefined ? signIn(ctx) : {}), ...token.extra }
  return Object.keys(claims).length === 0 ? undefined : claims
}

/** The sign-in behind what this request presents; the same after each refresh, because nobody has signed in anew. */
function signIn(ctx: KoaContextWithOIDC | undefined): Record<string, unknown> {
  const { AuthorizationCode, RefreshToken, DeviceCode, BackchannelAuthenticationRequest } = ctx?.oidc?.entities ?? {}
  const source = AuthorizationCode ?? RefreshToken ?? DeviceCode ?? BackchannelAuthenticationRequest
  if (source === undefined) return {}
  const { acr, amr, authTime } = source
  return {
    ...(acr === undefined ? {} : { acr }),
    ...(amr === undefined ? {} : { amr }),
    ...(authTime === undefined ? {} : { auth_time: authTime }),
  }
}
