/**
 * Two more addresses for the standard endpoints, as a service on IFTTT may have configured them long ago.
 *
 * `GET /third-party/ifttt/authorize` is `/authorize` for those who say neither `response_type` nor `scope`;
 * `POST /third-party/ifttt/v1/tokens` is `/token`, which takes JSON as well and answers with `token` too. Requests are put
 * into the form that the library reads, and it judges them like all others: an address gives nobody any rights.
 */
import type { Context, Middleware } from 'koa'
import { errors, type KoaContextWithOIDC } from 'oidc-provider'
import { readBody } from '../request-body.ts'
import { readFlatJson } from './flat-json.ts'
import { giveBody } from './given-body.ts'
import { iftttScope } from './ifttt-resource.ts'

const authorizePath = '/third-party/ifttt/authorize'
const tokenPath = '/third-party/ifttt/v1/tokens'

/** Bytes of JSON; many times what a code, a token or an address needs. */
const bodyLimit = 16 * 1024

/** A middleware for the provider, before those that look at the standard paths; `onError` is told what is refused here. */
export function iftttAddresses(onError: (ctx: KoaContextWithOIDC, error: unknown) => void): Middleware {
  return async (ctx, next) => {
    const forToken = ctx.path === tokenPath
    if (!forToken && ctx.path !== authorizePath) return next()
    const refusal = forToken ? await asTokenRequest(ctx) : asAuthorizationRequest(ctx)
    if (refusal !== undefined) {
      ctx.body = { error: refusal.message, error_description: refusal.error_description }
      ctx.status = refusal.statusCode
      ctx.set('cache-control', 'no-store')
      return onError(ctx as unknown as KoaContextWithOIDC, refusal)
    }
    await next()
    if (forToken && ctx.status === 200) nameTypeTwice(ctx)
  }
}

/** Adds what such a request leaves out; whatever is there stays, also twice, for the library to refuse. */
function asAuthorizationRequest(ctx: Context): errors.OIDCProviderError | undefined {
  if (!['GET', 'HEAD'].includes(ctx.method)) return wrongMethod(ctx, 'GET, HEAD')
  const query = new URLSearchParams(ctx.querystring)
  for (const [name, value] of Object.entries({ response_type: 'code', scope: iftttScope })) {
    // RFC 6749 §3.1: a parameter without a value counts as left out.
    if (query.getAll(name).join() === '') query.set(name, value)
  }
  ctx.path = '/authorize'
  ctx.querystring = query.toString()
  return undefined
}

async function asTokenRequest(ctx: Context): Promise<errors.OIDCProviderError | undefined> {
  if (!['POST', 'OPTIONS'].includes(ctx.method)) return wrongMethod(ctx, 'POST, OPTIONS')
  if (ctx.method === 'POST' && ctx.is('application/json')) {
    const form = await formFromJson(ctx)
    if (form === undefined)
      return new errors.InvalidRequest('the body must be a JSON object of strings, each name once')
    giveBody(ctx.req, Buffer.from(form))
    ctx.req.headers['content-type'] = 'application/x-www-form-urlencoded'
  }
  ctx.path = '/token'
  return undefined
}

/** The body as a form; undefined when it is no flat JSON in UTF-8, or too long. */
async function formFromJson(ctx: Context): Promise<string | undefined> {
  if (!['', 'utf-8'].includes(ctx.request.charset.toLowerCase())) return undefined
  const body = await readBody(ctx.req, bodyLimit)
  const members = typeof body === 'string' ? undefined : readFlatJson(body)
  return members && new URLSearchParams([...members]).toString()
}

/** The type of the token under both names that clients look for. */
function nameTypeTwice(ctx: Context): void {
  const body = ctx.body as { token_type: string }
  ctx.body = { ...body, token: body.token_type }
}

function wrongMethod(ctx: Context, allowed: string): errors.OIDCProviderError {
  ctx.set('allow', allowed)
  return new errors.InvalidRequest(`only ${allowed} is answered here`, 405)
}
