/**
 * What Telegram told a Mini App about the person (`initData`) becomes tokens of ours.
 *
 * Who the person is, is for `subjects` to say. Nobody is there to be asked: an app gets what is ours to give or what the
 * person has agreed to before, and else is told to send them through `/authorize`. What is wrong with a request is found
 * before the subject token, which counts once, is spent.
 */
import { type Client, errors, type KoaContextWithOIDC, type Provider } from 'oidc-provider'
import type { Consent } from '../../adapters/postgres/consents.ts'
import { accessTokenType, exchangedTokens } from './exchanged-tokens.ts'
import { type ProvenKeyNeeds, provenKey } from './proven-key.ts'
import { type FindResourceServer, type Wish, wishOf } from './wish.ts'

const initDataType = 'urn:habitat:params:oauth:token-type:telegram-init-data'

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

export interface InitDataExchangeNeeds extends ProvenKeyNeeds {
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
  readonly resourceServer: FindResourceServer
}

/** Answers a request of a Mini App (RFC 8693 §2.2). Throws the library's errors. */
export async function initDataExchange(
  ctx: KoaContextWithOIDC,
  provider: Provider,
  needs: InitDataExchangeNeeds,
): Promise<Record<string, unknown>> {
  const client = ctx.oidc.client as Client
  const params = ctx.oidc.params ?? {}
  const subjectToken = subjectTokenOf(params)
  const wish = await wishOf(provider, needs, client, params)
  const key = await provenKey(ctx, provider, needs, client)
  const subject = await subjectOf(ctx, needs, client, subjectToken)
  await agreed(needs, client, subject.accountId, wish)
  const admitted = await subject.admit()
  if (admitted === 'spent') throw new errors.InvalidGrant('the subject token was used before')
  if (admitted === 'closed') throw new errors.AccessDenied('nobody new is taken here')
  const refresh = client.grantTypeAllowed('refresh_token')
  return exchangedTokens(ctx, provider, client, { accountId: admitted.accountId, wish, key, refresh })
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

async function subjectOf(
  ctx: KoaContextWithOIDC,
  { subjects, address }: InitDataExchangeNeeds,
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
  { findConsent, issuer }: InitDataExchangeNeeds,
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
