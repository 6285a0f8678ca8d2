/**
 * Whose access token it is: read from the token itself, a JWT that the authorization server signed (RFC 9068).
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

/** Who asks may not, or what they ask for is wrong; `challenge` is for `WWW-Authenticate` (RFC 6750 §3). */
export class Refused extends Error {
  override name = 'Refused'
  readonly status: number
  readonly challenge: Readonly<Record<string, string>> | undefined

  constructor(status: number, message: string, challenge?: Readonly<Record<string, string>>) {
    super(message)
    this.status = status
    this.challenge = challenge
  }
}

/** Who asks, by their permanent id, if their token has the scope. Throws `Refused`. */
export type PersonOf = (authorization: string | undefined, scope: string) => Promise<string>

export function personOf({ issuer, resource }: TokenOptions): PersonOf {
  let found: Promise<JWTVerifyGetKey> | undefined

  /** The keys of the server. When it does not tell where they are, it is asked again the next time. */
  function serverKeys(): Promise<JWTVerifyGetKey> {
    found ??= keysOf(issuer).catch((error: unknown) => {
      found = undefined
      throw error
    })
    return found
  }

  return async (authorization, scope) => {
    const [, token] = /^Bearer +(\S+)$/i.exec(authorization ?? '') ?? []
    if (token === undefined) throw new Refused(401, 'This needs an access token.', { scope })
    const rules = { issuer, audience: resource, typ: 'at+jwt', algorithms: ['ES256'], requiredClaims: ['exp', 'sub'] }
    const { payload } = await jwtVerify(token, await serverKeys().catch(unreachable), rules).catch(refuse)
    // A token that is bound to a key opens nothing without a proof of it (RFC 9449 §7.2).
    if (payload.sub === undefined || 'cnf' in payload) throw invalidToken()
    if (scopesOf(payload).includes(scope)) return payload.sub
    throw new Refused(403, `This needs the scope ${scope}.`, { error: 'insufficient_scope', scope })
  }
}

async function keysOf(issuer: string): Promise<JWTVerifyGetKey> {
  const signal = AbortSignal.timeout(5_000)
  const answer = await fetch(`${issuer}/.well-known/openid-configuration`, { redirect: 'error', signal })
  const { jwks_uri: address } = (await answer.json()) as { jwks_uri: string }
  return createRemoteJWKSet(new URL(address))
}

/** A token that is wrong is refused; one whose keys could not be had is not called wrong: that costs a connection. */
function refuse(error: unknown): never {
  const server = ['ERR_JOSE_GENERIC', errors.JWKSTimeout.code, errors.JWKSInvalid.code]
  if (error instanceof errors.JOSEError && !server.includes(error.code)) throw invalidToken()
  if (error instanceof Refused) throw error
  return unreachable()
}

function unreachable(): never {
  throw new Refused(503, 'Please try again later.')
}

function invalidToken(): Refused {
  return new Refused(401, 'The access token does not open this API.', { error: 'invalid_token' })
}

function scopesOf({ scope }: JWTPayload): readonly string[] {
  return typeof scope === 'string' ? scope.split(' ') : []
}
