/**
 * A code for IFTTT without a page of ours: `POST /third-party/ifttt/v1/authorizations`.
 *
 * For an app of the house that has signed the person in and asked them itself. The access token alone says who the person
 * is and which app asked; cookies are not looked at, so no other site can do this in somebody's name, and any origin may
 * call. What the code is worth then, `/token` decides as for every other one.
 */
import type { Context, Middleware } from 'koa'
import type { Audit } from '../../adapters/postgres/audit.ts'
import type { Client } from '../../adapters/postgres/clients.ts'
import type { LimitAnswer } from '../../adapters/postgres/limits.ts'
import { Refusal } from '../errors.ts'
import { readParameters } from '../ifttt/parameters.ts'
import type { Access, AccessRefused, Bearer } from '../oidc/bearer.ts'
import { isClientId } from '../oidc/client-metadata.ts'
import { resourceScopesOf } from '../oidc/client-scopes.ts'
import type { IftttMinting } from '../oidc/ifttt-minting.ts'
import { iftttScope } from '../oidc/ifttt-resource.ts'
import { requestInfo } from '../request-info.ts'

export interface IftttAuthorizationsOptions {
  issuer: string
  bearer: Bearer
  findClient: (id: string) => Promise<Client | undefined>
  minting: Pick<IftttMinting, 'code'>
  /** Counts a request of an account. */
  spendTry: (accountId: string) => Promise<LimitAnswer>
  audit: Audit['record']
}

const path = '/third-party/ifttt/v1/authorizations'
const longestState = 1_000

export function iftttAuthorizations(options: IftttAuthorizationsOptions): Middleware {
  return async (ctx, next) => {
    if (ctx.path !== path) return next()
    ctx.set({
      'access-control-allow-origin': '*',
      'access-control-expose-headers': 'WWW-Authenticate, DPoP-Nonce, Retry-After',
      'cache-control': 'no-store',
    })
    if (ctx.method === 'OPTIONS') return preflight(ctx)
    if (ctx.method !== 'POST') {
      ctx.set('allow', 'POST, OPTIONS')
      return refuse(ctx, 405, 'invalid_request', 'use POST')
    }
    const access = await options.bearer.verify(ctx.req, ctx.path, ctx.querystring)
    if (access.kind === 'refused') return refuseToken(ctx, access)
    if (access.nonce !== undefined) ctx.set('dpop-nonce', access.nonce)
    await authorized(ctx, access, options)
  }
}

function preflight(ctx: Context): void {
  ctx.set({
    'access-control-allow-methods': 'POST',
    'access-control-allow-headers': 'Authorization, Content-Type, DPoP',
    'access-control-max-age': '7200',
  })
  ctx.status = 204
}

async function authorized(ctx: Context, access: Access, options: IftttAuthorizationsOptions): Promise<void> {
  const { bearer, spendTry } = options
  if (!access.scopes.includes(iftttScope)) {
    return refuseToken(ctx, bearer.insufficient(access, iftttScope, `the token lacks the scope ${iftttScope}`))
  }
  if (!mayAuthorize(await options.findClient(access.clientId))) {
    return refuse(ctx, 403, 'unauthorized_client', 'only an app of this house that is registered for IFTTT may do this')
  }
  const counted = await spendTry(access.accountId)
  if (!counted.allowed) {
    ctx.set('retry-after', String(counted.retryAfter))
    return refuse(ctx, 429, 'temporarily_unavailable', 'too many requests for this account')
  }
  const asked = await readRequest(ctx, options.findClient)
  const answer = await decide(asked, access, options)
  const { address } = requestInfo(ctx.req)
  await options.audit({
    event: asked.allowed ? 'ifttt.authorized' : 'ifttt.denied',
    accountId: access.accountId,
    clientId: asked.client.id,
    address,
    detail: { firstParty: access.clientId },
  })
  ctx.body = answer
}

/** Whether people of a client need not be asked by us, and it is still registered for this. */
function mayAuthorize(client: Client | undefined): boolean {
  return (
    client !== undefined &&
    client.disabledAt === undefined &&
    client.firstParty &&
    resourceScopesOf(client.metadata).includes(iftttScope)
  )
}

interface Asked {
  readonly allowed: boolean
  readonly client: Client
  readonly redirectUri: string
  readonly state: string | undefined
}

/** Throws `Refusal`. */
async function readRequest(ctx: Context, findClient: IftttAuthorizationsOptions['findClient']): Promise<Asked> {
  const parameter = await readParameters(ctx)
  const decision = parameter('decision') ?? 'allow'
  if (decision !== 'allow' && decision !== 'deny') throw new Refusal('invalid', 'decision must be "allow" or "deny"')
  const state = parameter('state')
  if ((state?.length ?? 0) > longestState) {
    throw new Refusal('invalid', `state must have at most ${longestState} characters`)
  }
  const id = parameter('client_id') ?? ''
  const client = isClientId(id) ? await findClient(id) : undefined
  if (client === undefined || client.profile !== 'ifttt' || client.disabledAt !== undefined) {
    throw new Refusal('invalid', 'client_id must be that of an IFTTT client which is registered here')
  }
  return { allowed: decision === 'allow', client, redirectUri: redirectUriOf(client, parameter('redirect_uri')), state }
}

/** Exactly a registered one (RFC 9700 §2.1). Throws `Refusal`. */
function redirectUriOf({ metadata }: Client, asked: string | undefined): string {
  const registered = metadata['redirect_uris'] as readonly string[]
  const found = asked === undefined ? registered[0] : registered.find((uri) => uri === asked)
  if (found === undefined) throw new Refusal('invalid', 'redirect_uri is not registered for this client')
  return found
}

async function decide(
  { allowed, client, redirectUri, state }: Asked,
  { accountId }: Access,
  { issuer, minting }: IftttAuthorizationsOptions,
): Promise<{ code?: string; redirect_to: string }> {
  const code = allowed ? await minting.code({ accountId, clientId: client.id, redirectUri }) : undefined
  const target = new URL(redirectUri)
  // RFC 6749 §4.1.2 and §4.1.2.1; RFC 9207 §2.
  const outcome = code === undefined ? { error: 'access_denied' } : { code }
  const parameters = { ...outcome, ...(state === undefined ? {} : { state }), iss: issuer }
  for (const [name, value] of Object.entries(parameters)) target.searchParams.append(name, value)
  return { ...(code === undefined ? {} : { code }), redirect_to: target.href }
}

function refuseToken(ctx: Context, { status, error, message, challenges, nonce }: AccessRefused): void {
  ctx.set('www-authenticate', [...challenges])
  if (nonce !== undefined) ctx.set('dpop-nonce', nonce)
  refuse(ctx, status, error ?? 'invalid_token', message)
}

function refuse(ctx: Context, status: number, error: string, description: string): void {
  ctx.status = status
  ctx.body = { error, error_description: description }
}
