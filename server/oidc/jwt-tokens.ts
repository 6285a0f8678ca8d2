/**
 * JWT access tokens of ours (RFC 9068) where they come back: told from forged ones, and found to live or not.
 *
 * They have no row. What one hangs on, a grant and perhaps a browser session, is sealed in its `jti`, so that it says no
 * more to others than that it is this token; what is kept is which of them were taken back (`denied-tokens.ts`). The
 * library refuses JWTs where tokens are introspected and revoked; here its models learn to find them (RFC 7662, RFC 7009).
 */
import type { IncomingMessage } from 'node:http'
import { createLocalJWKSet, type JWTPayload, jwtVerify } from 'jose'
import { type Configuration, Provider } from 'oidc-provider'
import type { Sealer } from '../../adapters/crypto/seal.ts'
import type { Account } from '../../adapters/postgres/accounts.ts'
import type { DeniedTokens } from '../../adapters/postgres/denied-tokens.ts'
import type { SigningKey } from '../../adapters/postgres/signing-keys.ts'
import { presentedJwt } from './presented-jwt.ts'

export type AccessToken = InstanceType<Provider['AccessToken']>
export type ClientCredentials = InstanceType<Provider['ClientCredentials']>

export interface JwtTokensOptions {
  readonly issuer: string
  readonly keys: readonly SigningKey[]
  readonly sealer: Pick<Sealer, 'seal' | 'open'>
  readonly denied: DeniedTokens
  readonly findAccount: (id: string) => Promise<Account | undefined>
  /** Keeps a grant that no row hangs on, for as long as a token names it. */
  readonly keepGrant: (id: string, until: Date) => Promise<void>
  readonly now: () => Date
}

export interface JwtTokens {
  /** Writes into a JWT what it hangs on; the library calls it for each. */
  readonly customize: NonNullable<NonNullable<Configuration['formats']>['customizers']>['jwt']
  /** The token that a text is, while it lives: as the library's model, `destroy` takes it back. Throws when the database does not answer. */
  find(provider: Provider, text: string): Promise<AccessToken | ClientCredentials | undefined>
}

/** What a token hangs on. */
interface Ties {
  readonly grant?: string
  /** `uid` of the browser session that it ends with. */
  readonly session?: string
}

const sealContext = 'jwt-access-token'

/** Seconds that a code's row stays, and with it the grant: tokens that last longer have it kept. */
const rowsStay = 60 * 60

/** Members of RFC 7517 that are nobody else's; a key that holds them cannot verify. */
const privateMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi']

const standardClaims = ['iss', 'sub', 'aud', 'exp', 'nbf', 'iat', 'jti', 'client_id', 'scope', 'cnf']

export function jwtTokens(options: JwtTokensOptions): JwtTokens {
  const { issuer, sealer, denied, findAccount, keepGrant, now } = options
  const keys = createLocalJWKSet({ keys: options.keys.map(publicPart) as never })
  const algorithms = [...new Set(options.keys.map(({ alg }) => alg))]

  /** The claims of a token that this server has signed as an access token, and that has not expired. */
  async function verified(text: string): Promise<JWTPayload | undefined> {
    try {
      const { payload } = await jwtVerify(text, keys, { issuer, typ: 'at+jwt', algorithms, currentDate: now() })
      return payload
    } catch {
      return undefined
    }
  }

  function tiesOf(id: string): Ties | undefined {
    try {
      return JSON.parse(sealer.open(id, sealContext)) as Ties
    } catch {
      return undefined
    }
  }

  return {
    async customize(_ctx, token, jwt) {
      const { grantId, sessionUid, expiresWithSession, expiration } = token as AccessToken
      const ties: Ties = {
        ...(grantId === undefined ? {} : { grant: grantId }),
        ...(expiresWithSession === true && sessionUid !== undefined ? { session: sessionUid } : {}),
      }
      jwt.payload['jti'] = sealer.seal(JSON.stringify(ties), sealContext)
      if (grantId !== undefined && expiration > rowsStay) {
        await keepGrant(grantId, new Date(now().getTime() + expiration * 1000))
      }
    },

    async find(provider, text) {
      const claims = await verified(text)
      const ties = tiesOf(claims?.jti ?? '')
      if (claims === undefined || ties === undefined || (await denied.has(String(claims.jti)))) return undefined
      const found =
        ties.grant === undefined
          ? new provider.ClientCredentials(modelOf(claims) as never)
          : await ofPerson(provider, claims, { ...ties, grant: ties.grant }, findAccount)
      return found && Object.assign(found, { destroy: () => denied.add(String(claims.jti), expiryOf(claims)) })
    },
  }
}

/** A token of a person, while its grant, its account and, where it ends with one, its browser session live. */
async function ofPerson(
  provider: Provider,
  claims: JWTPayload,
  ties: Ties & { grant: string },
  findAccount: JwtTokensOptions['findAccount'],
): Promise<AccessToken | undefined> {
  const clientId = String(claims['client_id'])
  const grant = await provider.Grant.find(ties.grant)
  if (grant?.accountId === undefined || grant.clientId !== clientId) return undefined
  const { accountId } = grant
  const account = await findAccount(accountId)
  if (account === undefined || account.disabledAt !== undefined) return undefined
  if (ties.session !== undefined) {
    const session = await provider.Session.findByUid(ties.session)
    if (session?.accountId !== accountId || session.grantIdFor(clientId) !== ties.grant) return undefined
  }
  // The types know only what a grant makes a token of.
  return new provider.AccessToken({ ...modelOf(claims), accountId, grantId: ties.grant } as never)
}

/** The claims by the names of the library's models. */
function modelOf(claims: JWTPayload): Record<string, unknown> {
  const { 'x5t#S256': x5t, jkt } = (claims['cnf'] ?? {}) as { 'x5t#S256'?: string; jkt?: string }
  const { authorization_details: rar, ...others } = claims
  const extra = Object.entries(others).filter(([name]) => !standardClaims.includes(name))
  return {
    jti: claims.jti,
    iat: claims.iat,
    exp: claims.exp,
    aud: claims.aud,
    clientId: claims['client_id'],
    scope: claims['scope'],
    ...(rar === undefined ? {} : { rar }),
    ...(x5t === undefined ? {} : { 'x5t#S256': x5t }),
    ...(jkt === undefined ? {} : { jkt }),
    ...(extra.length === 0 ? {} : { extra: Object.fromEntries(extra) }),
  }
}

function expiryOf({ exp = 0 }: JWTPayload): Date {
  return new Date(exp * 1000)
}

function publicPart(key: SigningKey): Record<string, unknown> {
  return Object.fromEntries(Object.entries(key).filter(([name]) => !privateMembers.includes(name)))
}

/** Has the library find, at its endpoints, JWTs that were presented there (`presented-jwt.ts`). */
export function findJwts(provider: Provider, jwts: JwtTokens): void {
  const found = new WeakMap<IncomingMessage, ReturnType<JwtTokens['find']>>()
  for (const model of [provider.AccessToken, provider.ClientCredentials]) {
    const findRow = model.find as (value: string, ...others: unknown[]) => Promise<unknown>
    const find = async (value: string, ...others: unknown[]): Promise<unknown> => {
      const request = Provider.ctx?.req
      const text = request && presentedJwt(request, value)
      if (request === undefined || text === undefined) return findRow.call(model, value, ...others)
      const token = found.get(request) ?? jwts.find(provider, text)
      found.set(request, token)
      const living = await token
      return living instanceof model ? living : undefined
    }
    Object.assign(model, { find })
  }
}
