/**
 * Tokens of ours that somebody brings to the token endpoint: whose they are and what stands behind them.
 *
 * A token that was taken back, whose grant, session or account has ended, is none: it is looked up, never only decoded.
 */
import { createLocalJWKSet, jwtVerify } from 'jose'
import type { Provider } from 'oidc-provider'
import type { SigningKey } from '../../adapters/postgres/signing-keys.ts'
import type { AccessToken, ClientCredentials, JwtTokens } from './jwt-tokens.ts'
import { publicKey } from './public-key.ts'

/** A token that lives. */
export interface OwnToken {
  /** Undefined for that of a program. */
  readonly accountId: string | undefined
  readonly clientId: string
  readonly grantId: string | undefined
  /** The API that it is for. */
  readonly audience: string | undefined
  readonly scopes: readonly string[]
  /** Seconds since 1970. */
  readonly expiresAt: number
  /** Thumbprint of the key that it is bound to. */
  readonly key: string | undefined
  /** Thumbprint of the certificate that it is bound to. */
  readonly certificate: string | undefined
  readonly claims: Readonly<Record<string, unknown>>
}

export interface OwnTokens {
  /** An access token; undefined for what is none that lives. */
  access(value: string): Promise<OwnToken | undefined>
  /** An ID token. */
  identity(value: string): Promise<OwnToken | undefined>
}

export interface OwnTokensNeeds {
  readonly issuer: string
  readonly keys: readonly SigningKey[]
  readonly jwts: Pick<JwtTokens, 'find'>
  /** Whether a person may be spoken for: their account exists and is not disabled. */
  readonly isPresent: (accountId: string) => Promise<boolean>
  /** The living grant behind an ID token. */
  readonly grantOf: (of: {
    accountId: string
    clientId: string
    sid?: string | undefined
  }) => Promise<string | undefined>
  readonly now: () => Date
}

export function ownTokens(
  provider: Provider,
  { issuer, keys, jwts, isPresent, grantOf, now }: OwnTokensNeeds,
): OwnTokens {
  const keySet = createLocalJWKSet({ keys: keys.map(publicKey) as never })

  /** JWTs have no row; how they are judged is the same wherever they come back. */
  async function found(value: string): Promise<AccessToken | ClientCredentials | undefined> {
    if (value.includes('.')) return jwts.find(provider, value)
    return (await provider.AccessToken.find(value)) ?? provider.ClientCredentials.find(value)
  }

  async function identity(value: string): Promise<OwnToken | undefined> {
    const claims = await verified(value)
    const { sub: accountId, aud: clientId, exp: expiresAt, sid } = claims ?? {}
    if (typeof accountId !== 'string' || typeof clientId !== 'string' || expiresAt === undefined) return undefined
    if ((await provider.Client.find(clientId)) === undefined || !(await isPresent(accountId))) return undefined
    const grantId = await grantOf({ accountId, clientId, sid: typeof sid === 'string' ? sid : undefined })
    if (grantId === undefined) return undefined
    const said = { accountId, clientId, grantId, expiresAt }
    return { ...said, audience: undefined, scopes: [], key: undefined, certificate: undefined, claims: claims ?? {} }
  }

  /** The claims of an ID token of ours. Whatever else we sign has a type of its own (RFC 8725 §3.11). */
  async function verified(value: string) {
    try {
      const { payload, protectedHeader } = await jwtVerify(value, keySet, {
        issuer,
        // What /userinfo signs has the same type, and says nothing of the sign-in.
        requiredClaims: ['sub', 'aud', 'exp', 'iat', 'auth_time'],
        currentDate: now(),
      })
      return protectedHeader.typ === undefined || protectedHeader.typ === 'JWT' ? payload : undefined
    } catch {
      return undefined
    }
  }

  return { access: async (value) => accessToken(provider, await found(value)), identity }
}

async function accessToken(
  provider: Provider,
  token: AccessToken | ClientCredentials | undefined,
): Promise<OwnToken | undefined> {
  if (token === undefined || !token.isValid) return undefined
  const { clientId, exp, scopes, aud, extra, jkt } = token
  // The types know one audience or several; ours have one at most.
  const audience = typeof aud === 'string' ? aud : undefined
  if (clientId === undefined || exp === undefined) return undefined
  if ((await provider.Client.find(clientId)) === undefined) return undefined
  const bound = { key: jkt, certificate: token['x5t#S256'] }
  const said = { clientId, audience, scopes: [...scopes], expiresAt: exp, ...bound, claims: extra ?? {} }
  if (!('accountId' in token)) return { ...said, accountId: undefined, grantId: undefined }
  const { accountId, grantId } = token
  const grant = grantId === undefined ? undefined : await provider.Grant.find(grantId)
  if (grant === undefined || grant.clientId !== clientId || grant.accountId !== accountId) return undefined
  return { ...said, accountId, grantId }
}
