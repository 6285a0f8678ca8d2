/**
 * Reads the access tokens of an API: JWTs that the authorization server signed (RFC 9068 §4).
 *
 * Nobody is asked about single tokens, so one that was revoked opens until it expires (ten minutes, unless set
 * otherwise); an API that cannot wait that long introspects (`examples/ifttt-service/tokens.ts`).
 */
import { createRemoteJWKSet, errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose'

export interface TokenOptions {
  issuer: string
  /** What stands in the tokens as their audience: the identifier given to `habitat-auth resource add`. */
  resource: string
}

/** What a token says. */
export type TokenClaims = JWTPayload & { readonly sub: string; readonly exp: number }

/** Reads a token, or answers why that cannot be: it opens nothing here, or the server's keys could not be had. */
export type ReadToken = (token: string) => Promise<TokenClaims | 'invalid' | 'unreachable'>

export function accessTokens({ issuer, resource }: TokenOptions): ReadToken {
  let found: Promise<JWTVerifyGetKey> | undefined

  /** The keys of the server. When it does not tell where they are, it is asked again the next time. */
  function serverKeys(): Promise<JWTVerifyGetKey> {
    found ??= keysOf(issuer).catch((error: unknown) => {
      found = undefined
      throw error
    })
    return found
  }

  return async (token) => {
    const keys = await serverKeys().catch(() => undefined)
    if (keys === undefined) return 'unreachable'
    const rules = { issuer, audience: resource, typ: 'at+jwt', algorithms: ['ES256'], requiredClaims: ['exp', 'sub'] }
    try {
      const { payload } = await jwtVerify<TokenClaims>(token, keys, rules)
      // A token that is bound to a key opens nothing without a proof of it (RFC 9449 §7.2).
      return 'cnf' in payload || typeof payload.sub !== 'string' ? 'invalid' : payload
    } catch (error) {
      return meansInvalid(error) ? 'invalid' : 'unreachable'
    }
  }
}

/** The scopes of a token. */
export function scopesOf({ scope }: JWTPayload): readonly string[] {
  return typeof scope === 'string' ? scope.split(' ') : []
}

async function keysOf(issuer: string): Promise<JWTVerifyGetKey> {
  const signal = AbortSignal.timeout(5_000)
  const answer = await fetch(`${issuer}/.well-known/openid-configuration`, { redirect: 'error', signal })
  const { jwks_uri: address } = (await answer.json()) as { jwks_uri: string }
  return createRemoteJWKSet(new URL(address))
}

/** A token whose keys could not be had is not called wrong: that costs a connection. */
function meansInvalid(error: unknown): boolean {
  const server = ['ERR_JOSE_GENERIC', errors.JWKSTimeout.code, errors.JWKSInvalid.code]
  return error instanceof errors.JOSEError && !server.includes(error.code)
}
