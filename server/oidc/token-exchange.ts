/**
 * Token exchange (RFC 8693) for Mini Apps: what Telegram told the app about the person becomes tokens of ours.
 *
 * The library has no such grant; it is made of its models as its own grants make them, so that whatever reads, renews or
 * ends the tokens elsewhere knows no difference. Who the person is, is for `subjects` to say. Nobody is there to be asked:
 * an app gets what is ours to give or what the person has agreed to before, and else is told to send them through
 * `/authorize`. What is wrong with a request is found before the subject token, which counts once, is spent.
 */
import { type Client, errors, type KoaContextWithOIDC, type Provider, type ResourceServer } from 'oidc-provider'
import type { Consent } from '../../adapters/postgres/consents.ts'
import type { DpopNonces } from './dpop-nonce.ts'
import { proofWindow, readProof } from './dpop-proof.ts'
import { accessTokenType, exchangedTokens, type Wish } from './exchanged-tokens.ts'

export const tokenExchangeGrant = 'urn:ietf:params:oauth:grant-type:token-exchange'

/** What Telegram hands to a Mini App (`initData`), as it is. */
const initDataType = 'urn:habitat:params:oauth:token-type:telegram-init-data'

const parameters = [
  'subject_token',
  'subject_token_type',
  'requested_token_type',
  'actor_token',
  'audience',
  'scope',
  'resource',
]

/** Who a subject token is about, as far as it was asked. */
export interface Subject {
  /** The person's account; undefined when they have none. */
  readonly accountId: string | undefined
  /**
   * Spends the subject token for one caller; who has no account gets one. Undefined when it was spent before, or nobody
   * new is taken.
   */
  admit(): Promise<{ accountId: string } | 'spent' | 'closed'>
}

export interface TokenExchangeNeeds {
  readonly issuer: string
  readonly nonces: DpopNonces
  readonly now: () => Date
  /** Judges a subject token for a client. `wait`: seconds, after too many that were not valid. */
  readonly subjects: (request: {
    token: string
    clientId: string
    /** The bot that the client belongs to; undefined: ours. */
    botId: string | undefined
    address: string
  }) => Promise<Subject | { refused: 'invalid' | 'stale' | 'disabled'; wait?: number }>
  readonly address: (ctx: KoaContextWithOIDC) => string
  readonly findConsent: (accountId: string, clientId: string) => Promise<Consent | undefined>
  /** Throws the library's `InvalidTarget`. */
  readonly resourceServer: (identifier: string, client: Client) => Promise<ResourceServer>
}

/** Adds the grant to a provider. */
export function addTokenExchange(provider: Provider, needs: TokenExchangeNeeds): void {
  provider.registerGrantType(
    tokenExchangeGrant,
    async (plainCtx) => {
      const ctx = plainCtx as unknown as KoaContextWithOIDC
      const client = ctx.oidc.client as Client
      const subjectToken = subjectTokenOf(ctx.oidc.params ?? {})
      const wish = await wishOf(provider, needs, client, ctx.oidc.params ?? {})
      const key = await provenKey(ctx, provider, needs, client)
      const subject = await subjectOf(ctx, needs, client, subjectToken)
      await agreed(needs, client, subject.accountId, wish)
      const admitted = await subject.admit()
      if (admitted === 'spent') throw new errors.InvalidGrant('the subject token was used before')
      if (admitted === 'closed') throw new errors.AccessDenied('nobody new is taken here')
      ctx.body = await exchangedTokens(ctx, provider, client, { accountId: admitted.accountId, wish, key })
    },
    parameters,
  )
}

function subjectTokenOf(params: Readonly<Record<string, unknown>>): string {
  const { subject_token: token, subject_token_type: type, requested_token_type: wanted } = params
  if (typeof token !== 'string' || token === '') throw new errors.InvalidRequest('subject_token is missing')
  if (type !== initDataType) throw new errors.InvalidRequest(`subject_token_type must be ${initDataType}`)
  if (wanted !== undefined && wanted !== accessTokenType) {
    throw new errors.InvalidRequest(`requested_token_type may only be ${accessTokenType}`)
  }
  if (params['actor_token'] !== undefined)
    throw new errors.InvalidRequest('nobody acts for somebody else here: no actor_token')
  if (params['audience'] !== undefined) throw new errors.InvalidTarget('name the API by resource, not by audience')
  return token
}

async function wishOf(
  provider: Provider,
  { resourceServer }: TokenExchangeNeeds,
  client: Client,
  { scope = 'openid', resource: identifier }: Readonly<Record<string, unknown>>,
): Promise<Wish> {
  const asked = String(scope).split(' ')
  // `offline_access` is about access beyond the browser session, of which there is none.
  const own = (client.scope ?? '').split(' ').filter((one) => one !== 'offline_access')
  const scopes = own.filter((one) => asked.includes(one))
  if (identifier === undefined) {
    if (scopes.length === 0) throw new errors.InvalidScope('the client may have none of these scopes', String(scope))
    return { scopes, resource: undefined }
  }
  if (typeof identifier !== 'string') throw new errors.InvalidTarget('name one resource')
  const server = await resourceServer(identifier, client)
  const there = (server.scope ?? '').split(' ').filter((one) => one !== '' && asked.includes(one))
  if (there.length === 0) throw new errors.InvalidScope('name scopes of this resource', String(scope))
  const info = new provider.ResourceServer(identifier, server as never) as unknown as ResourceServer
  return { scopes, resource: { identifier, server: info, scopes: there } }
}

/** The key of the request's proof of possession (RFC 9449 §5). */
async function provenKey(
  ctx: KoaContextWithOIDC,
  provider: Provider,
  { issuer, nonces, now }: TokenExchangeNeeds,
  client: Client,
): Promise<string | undefined> {
  const presented = ctx.get('dpop')
  if (presented === '') {
    if (client['dpopBoundAccessTokens'] === true) throw new errors.InvalidRequest('DPoP is required of this client')
    return undefined
  }
  const proof = await readProof(presented, { method: ctx.method, url: issuer + ctx.path }, nonces, now)
  if (proof.kind === 'valid' && proof.nonce === nonces.next()) return claimed(proof)
  ctx.set('dpop-nonce', nonces.next())
  if (proof.kind === 'nonce') throw new errors.UseDpopNonce(proof.message)
  if (proof.kind === 'invalid') throw new errors.InvalidDpopProof(proof.message)
  return claimed(proof)

  async function claimed({ id, thumbprint }: { id: string; thumbprint: string }): Promise<string> {
    const until = Math.floor(now().getTime() / 1000) + proofWindow
    if (await provider.ReplayDetection.unique(client.clientId, id, until)) return thumbprint
    throw new errors.InvalidGrant('the DPoP proof was used before')
  }
}

async function subjectOf(
  ctx: KoaContextWithOIDC,
  { subjects, address }: TokenExchangeNeeds,
  client: Client,
  token: string,
): Promise<Subject> {
  const botId = client['telegram_bot_id']
  const subject = await subjects({
    token,
    clientId: client.clientId,
    botId: typeof botId === 'string' ? botId : undefined,
    address: address(ctx),
  })
  if (!('refused' in subject)) return subject
  if (subject.wait !== undefined) {
    ctx.set('retry-after', String(subject.wait))
    throw Object.assign(new errors.CustomOIDCProviderError('slow_down', 'too many invalid subject tokens'), {
      status: 429,
      statusCode: 429,
    })
  }
  if (subject.refused === 'disabled') throw new errors.AccessDenied('the account is disabled')
  // RFC 8693 §2.2.2 answers invalid_request; invalid_grant tells an app, as everywhere, to get a new one.
  throw new errors.InvalidGrant(
    subject.refused === 'stale'
      ? 'the subject token is too old: open the Mini App again'
      : 'the subject token is not valid',
  )
}

/** Refuses what the person would have to be asked about. */
async function agreed(
  { findConsent, issuer }: TokenExchangeNeeds,
  client: Client,
  accountId: string | undefined,
  { scopes, resource }: Wish,
): Promise<void> {
  if (client['first_party'] === true) return
  const consent = accountId === undefined ? undefined : await findConsent(accountId, client.clientId)
  const given = resource === undefined ? [] : (consent?.resources[resource.identifier] ?? [])
  const all =
    scopes.every((one) => consent?.scopes.includes(one)) && (resource?.scopes ?? []).every((one) => given.includes(one))
  if (all && consent !== undefined) return
  throw new errors.InteractionRequired(`the person has not agreed to this yet: send them to ${issuer}/authorize once`)
}
