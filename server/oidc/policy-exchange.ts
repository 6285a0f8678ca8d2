/**
 * Tokens of ours exchanged for other tokens of ours, where a policy names who may do so with whose (RFC 8693): for another
 * API, with fewer scopes, by somebody who acts for the person.
 *
 * Nothing is gained by an exchange: no more scopes at the same API, no longer life, no refresh token, and it ends with
 * what was exchanged. Who acts is said in the token (`act`) unless the policy itself says that it is not.
 */
import { type Client, errors, type KoaContextWithOIDC, type Provider } from 'oidc-provider'
import type { NewAuditEvent } from '../../adapters/postgres/audit.ts'
import type { ExchangeKind, ExchangePolicy } from '../../adapters/postgres/exchange-policies.ts'
import { shownThumbprint } from '../request-info.ts'
import { type Actor, actorOf, chained, type NameFor } from './actors.ts'
import { accessTokenType, exchangedTokens } from './exchanged-tokens.ts'
import type { OwnToken, OwnTokens } from './own-tokens.ts'
import { type ProvenKeyNeeds, provenKey } from './proven-key.ts'
import { type FindResourceServer, resourceModel } from './wish.ts'

const idTokenType = 'urn:ietf:params:oauth:token-type:id_token'

export interface PolicyExchangeNeeds extends ProvenKeyNeeds {
  readonly tokens: OwnTokens
  readonly nameFor: NameFor
  /** What a client may exchange for a target. */
  readonly policies: (clientId: string, target: string, kind: ExchangeKind) => Promise<readonly ExchangePolicy[]>
  /** Ties a grant to the one it comes from; false when that has ended. */
  readonly adopt: (grantId: string, parentId: string) => Promise<boolean>
  readonly resourceServer: FindResourceServer
  readonly audit: (event: NewAuditEvent) => Promise<void>
  readonly address: (ctx: KoaContextWithOIDC) => string
}

/** A person's token that was brought, and by whom it may be exchanged. */
export interface Subject extends OwnToken {
  readonly accountId: string
  readonly grantId: string
}

type Params = Readonly<Record<string, unknown>>

/** Answers a request for an access token (RFC 8693 §2.2). Throws the library's errors. */
export async function policyExchange(
  ctx: KoaContextWithOIDC,
  provider: Provider,
  needs: PolicyExchangeNeeds,
): Promise<Record<string, unknown>> {
  const client = ctx.oidc.client as Client
  const params = ctx.oidc.params ?? {}
  const wanted = params['requested_token_type']
  if (wanted !== undefined && wanted !== accessTokenType) {
    throw new errors.InvalidRequest('requested_token_type is none that is given out here')
  }
  const subject = await subjectOf(needs, client, params)
  const target = targetOf(params, subject)
  const policy = await policyFor(needs, client, subject, { target, kind: 'access-token' })
  const server = await needs.resourceServer(target, client)
  const scopes = scopesOf(params, { offered: words(server.scope), policy, subject, target })
  const actor = await actorOf(needs, client, params)
  const act = chained({ subject: subject.claims, client: client.clientId, owner: subject.clientId, actor, policy })
  const key = await boundKey(ctx, provider, needs, client, subject)
  const body = await exchangedTokens(ctx, provider, client, {
    accountId: subject.accountId,
    wish: { scopes: [], resource: { identifier: target, server: resourceModel(provider, target, server), scopes } },
    key,
    refresh: false,
    atMost: subject.expiresAt - Math.floor(needs.now().getTime() / 1000),
    extra: extraOf(subject, act, policy),
    adopt: (grantId) => needs.adopt(grantId, subject.grantId),
  })
  await record(ctx, needs, { client, subject, target, detail: { scope: scopes.join(' '), acts: act?.sub ?? null } })
  return body
}

/** Reads and judges the subject token. Throws `InvalidRequest`, `InvalidGrant`. */
export async function subjectOf(needs: PolicyExchangeNeeds, client: Client, params: Params): Promise<Subject> {
  const { subject_token: token, subject_token_type: type } = params
  if (typeof token !== 'string' || token === '') throw new errors.InvalidRequest('subject_token is missing')
  if (type !== accessTokenType && type !== idTokenType) {
    throw new errors.InvalidRequest(`subject_token_type must be ${accessTokenType} or ${idTokenType}`)
  }
  const found = await (type === idTokenType ? needs.tokens.identity(token) : needs.tokens.access(token))
  // RFC 8693 §2.2.2 answers invalid_request; invalid_grant tells a client, as everywhere, to get a new one.
  if (found === undefined) throw new errors.InvalidGrant('the subject token is not valid, has expired or was revoked')
  const { accountId, grantId } = found
  if (accountId === undefined || grantId === undefined) {
    throw new errors.InvalidGrant('the subject token is not about a person')
  }
  // An ID token tells one client who somebody is, and is shown around more freely than what opens an API.
  if (type === idTokenType && found.clientId !== client.clientId) {
    throw new errors.InvalidGrant('the ID token was issued to another client')
  }
  return { ...found, accountId, grantId }
}

/** The policy under which a token may be exchanged. Throws `InvalidTarget`. */
export async function policyFor(
  needs: PolicyExchangeNeeds,
  { clientId }: Client,
  subject: Subject,
  { target, kind }: { target: string; kind: ExchangeKind },
): Promise<ExchangePolicy> {
  const sources = [subject.clientId, subject.audience]
  const fitting = (await needs.policies(clientId, target, kind)).filter(({ source }) => sources.includes(source))
  // Who may do it either way says who acts.
  const policy = fitting.find(({ impersonate }) => !impersonate) ?? fitting[0]
  if (policy === undefined) throw new errors.InvalidTarget('this client may not exchange this token for that')
  return policy
}

/** Records an exchange. */
export async function record(
  ctx: KoaContextWithOIDC,
  { audit, address }: PolicyExchangeNeeds,
  of: { client: Client; subject: Subject; target: string; detail: NonNullable<NewAuditEvent['detail']> },
): Promise<void> {
  await audit({
    event: 'token.exchanged',
    accountId: of.subject.accountId,
    clientId: of.client.clientId,
    address: address(ctx),
    detail: { of: of.subject.clientId, target: of.target, ...of.detail },
  })
}

/** The API that the new token is for: named as `resource` or as `audience`, or the one that the old token is for. */
function targetOf({ resource, audience }: Params, subject: Subject): string {
  const [named = subject.audience, other = named] = [resource, audience].filter((one) => one !== undefined)
  if (typeof named !== 'string' || named !== other) {
    throw new errors.InvalidTarget('name one API, as resource or as audience')
  }
  return named
}

function scopesOf(
  { scope }: Params,
  of: { offered: readonly string[]; policy: ExchangePolicy; subject: Subject; target: string },
): readonly string[] {
  const { offered, policy, subject, target } = of
  const held = subject.audience === target ? subject.scopes : offered
  const possible = offered.filter((one) => policy.scopes.includes(one) && held.includes(one))
  const asked = scope === undefined ? possible : words(scope)
  const beyond = asked.filter((one) => !possible.includes(one))
  if (beyond.length > 0) throw new errors.InvalidScope('this exchange does not give these scopes', beyond.join(' '))
  if (asked.length === 0 && offered.length > 0)
    throw new errors.InvalidScope('this exchange gives none of the scopes', '')
  return [...new Set(asked)]
}

/** A token that is bound to a key of the client's own is exchanged with that key; another's key nobody else can have. */
async function boundKey(
  ctx: KoaContextWithOIDC,
  provider: Provider,
  needs: PolicyExchangeNeeds,
  client: Client,
  subject: Subject,
): Promise<string | undefined> {
  const key = await provenKey(ctx, provider, needs, client)
  if (subject.key !== undefined && subject.clientId === client.clientId && subject.key !== key) {
    throw new errors.InvalidGrant('the subject token is bound to a DPoP key; prove that one')
  }
  const thumbprint = shownThumbprint(ctx.req)
  if (subject.certificate !== undefined && subject.clientId === client.clientId && subject.certificate !== thumbprint) {
    throw new errors.InvalidGrant('the subject token is bound to a certificate; show that one')
  }
  return key
}

function extraOf({ claims }: Subject, act: Actor | undefined, { mayAct }: ExchangePolicy): Record<string, unknown> {
  const kept = ['auth_time', 'acr', 'amr'].filter((name) => claims[name] !== undefined)
  return {
    ...Object.fromEntries(kept.map((name) => [name, claims[name]])),
    ...(act === undefined ? {} : { act }),
    ...(mayAct === undefined ? {} : { may_act: { sub: mayAct, client_id: mayAct } }),
  }
}

function words(text: unknown): readonly string[] {
  return typeof text === 'string' ? text.split(' ').filter((one) => one !== '') : []
}
