/**
 * `/xrpc`: an app reaches the PDS of its person with the token that it has from us.
 *
 * Judges the token, then the call, then carries it to the PDS by the person's link. The app never sees a token of the
 * PDS, and the PDS never one of ours; which PDS it is, the link says and nobody else. Every answer has the shape that apps
 * of atproto know: `error` and `message`.
 */
import type { IncomingMessage } from 'node:http'
import type { Context, Middleware } from 'koa'
import type { Link } from '../../adapters/atproto/contract.ts'
import type { PdsAccount } from '../atproto/identity.ts'
import { isNsid, type Method, methodOf, readsBody } from '../atproto/methods.ts'
import { judge, opensMoreThanIdentity } from '../atproto/permissions.ts'
import { send, stream, wholeBody } from '../atproto/relay.ts'
import { acceptedHeaders, exposedHeaders, headersForApp } from '../atproto/relay-headers.ts'
import { sessionFor } from '../atproto/session-answer.ts'
import { failureOf, hasName, refusal, unexpected, XrpcError } from '../atproto/xrpc-error.ts'
import { describe } from '../describe-error.ts'
import type { Log } from '../log.ts'
import type { Access, Bearer } from '../oidc/bearer.ts'
import { readBody } from '../request-body.ts'
import { requestInfo } from '../request-info.ts'

export interface PdsProxyOptions {
  bearer: Bearer
  /** The atproto identity of an account. */
  identityOf: (accountId: string) => Promise<PdsAccount | undefined>
  /** Opens the link of a DID; undefined when there is none any more. */
  link: (did: string) => Promise<Link | undefined>
  log: Pick<Log, 'debug' | 'info' | 'error'>
  /** Milliseconds that a PDS may say nothing before it answers. */
  patience?: number
  /** Milliseconds that an app may take nothing of an answer. */
  idle?: number
}

/** Bytes; a write has to be read before it is known what it writes. The reference PDS takes 150 KiB. */
const longestWrite = 1_000_000

const prefix = '/xrpc/'
const signInAgain = 'the link to the PDS of this account has ended; the person has to sign in again'

export function pdsProxy(options: PdsProxyOptions): Middleware {
  return async (ctx, next) => {
    if (!ctx.path.startsWith(prefix)) return next()
    const name = ctx.path.slice(prefix.length)
    ctx.set({
      'access-control-allow-origin': '*',
      'access-control-expose-headers': exposedHeaders.join(', '),
      'cache-control': 'no-store',
    })
    if (ctx.method === 'OPTIONS') return preflight(ctx)
    const begun = performance.now()
    const seen: Seen = { clientId: undefined }
    try {
      await proxied(ctx, name, seen, options)
    } catch (error) {
      answerFailure(ctx, error, options.log)
    }
    // What proxies write for an app that did not wait.
    const status = ctx.res.destroyed && !ctx.res.headersSent ? 499 : ctx.status
    const duration = Math.round(performance.now() - begun)
    // A line costs a tenth of a call, and nobody reads those of calls that went well unless they look for something.
    options.log[status < 400 ? 'debug' : 'info'](
      { method: isNsid(name) ? name : 'invalid', clientId: seen.clientId, status, duration },
      'xrpc',
    )
  }
}

/** What the log line says, as far as the request got. */
interface Seen {
  clientId: string | undefined
}

function preflight(ctx: Context): void {
  ctx.set({
    'access-control-allow-methods': 'GET, HEAD, POST',
    'access-control-allow-headers': acceptedHeaders.join(', '),
    'access-control-max-age': '7200',
  })
  ctx.status = 204
}

async function proxied(ctx: Context, name: string, seen: Seen, options: PdsProxyOptions): Promise<void> {
  const { bearer } = options
  if (!['GET', 'HEAD', 'POST'].includes(ctx.method)) {
    throw new XrpcError(405, 'InvalidRequest', 'Use GET or POST', { allow: 'GET, HEAD, POST, OPTIONS' })
  }
  if (!isNsid(name)) throw new XrpcError(400, 'InvalidRequest', 'The path must be /xrpc/ and the name of a method')
  const access = await bearer.verify(ctx.req, ctx.path, ctx.querystring)
  if (access.kind === 'refused') throw refusal(access)
  seen.clientId = access.clientId
  if (access.nonce !== undefined) ctx.set('dpop-nonce', access.nonce)
  const method = methodOf(name)
  if (method === undefined) throw new XrpcError(403, 'Forbidden', `${name} is not open to apps`)
  if (ctx.method === 'POST' ? !method.does : !method.asks) {
    const allow = method.does ? 'POST, OPTIONS' : 'GET, HEAD, OPTIONS'
    throw new XrpcError(405, 'InvalidRequest', `Use ${method.does ? 'POST' : 'GET'} for ${name}`, { allow })
  }
  const json = await judged(ctx, { name, method }, access, options)
  const identity = await options.identityOf(access.accountId)
  if (identity === undefined) throw refusal(bearer.ended(access, 'this account has no atproto identity'))
  if (method.need.on === 'session' && !opensMoreThanIdentity(access.scopes)) {
    ctx.body = identity
    return
  }
  const link = await options.link(identity.did)
  if (link === undefined) throw refusal(bearer.ended(access, signInAgain))
  await carried(ctx, { link, access, method, json }, options)
}

/**
 * Throws unless the token opens the call; answers the JSON that was judged, as text: read, it takes twenty times the
 * memory, for as long as the PDS is waited for.
 */
async function judged(
  ctx: Context,
  { name, method }: { name: string; method: Method },
  access: Access,
  options: PdsProxyOptions,
): Promise<string | undefined> {
  const body = readsBody(method) ? await jsonBody(ctx.req) : undefined
  allowed(ctx, { name, method, body: body?.value }, access, options)
  return body?.text
}

/** Throws unless the scopes of the token open the call. */
function allowed(
  ctx: Context,
  { name, method, body }: { name: string; method: Method; body: unknown },
  access: Access,
  { bearer }: PdsProxyOptions,
): void {
  const encoding = ctx.get('content-encoding')
  if (ctx.method === 'POST' && !['', 'identity'].includes(encoding.toLowerCase())) {
    throw new XrpcError(415, 'InvalidRequest', 'Send the body without Content-Encoding')
  }
  const service = ctx.req.headers['atproto-proxy']
  if (service !== undefined && !isService(service)) {
    throw new XrpcError(400, 'InvalidRequest', 'atproto-proxy must be a DID and the id of one of its services')
  }
  const call = {
    name,
    method,
    query: new URLSearchParams(ctx.querystring),
    service: service as string | undefined,
    contentType: ctx.req.headers['content-type'],
    body,
  }
  const judgement = judge(call, access.scopes)
  if (judgement.kind === 'malformed') throw new XrpcError(400, 'InvalidRequest', judgement.message)
  if (judgement.kind === 'missing') {
    throw refusal(bearer.insufficient(access, judgement.scope, `the token lacks the scope ${judgement.scope}`))
  }
}

function isService(header: string | string[]): boolean {
  return typeof header === 'string' && /^did:[a-z]+:[\w.:%-]{1,250}#[\w-]{1,100}$/.test(header)
}

interface Carried {
  link: Link
  access: Access
  method: Method
  /** The JSON that was judged: it is what is sent, so that nobody reads it in another way. */
  json: string | undefined
}

async function carried(ctx: Context, { link, access, method, json }: Carried, options: PdsProxyOptions): Promise<void> {
  const sent = await send(link, {
    request: ctx.req,
    response: ctx.res,
    path: ctx.path + ctx.search,
    ...(json === undefined ? {} : { json }),
    ...(options.patience === undefined ? {} : { patience: options.patience }),
  }).catch((error: unknown) => {
    throw hasName(error, 'LinkEnded') ? refusal(options.bearer.ended(access, signInAgain)) : error
  })
  const { response } = sent
  try {
    ctx.status = statusFor(response)
    ctx.set(headersForApp(response.headers))
    if (method.need.on === 'session' && response.ok) {
      ctx.remove('content-length')
      ctx.body = ctx.method === 'HEAD' ? {} : await sessionFor(access.scopes, response)
      return
    }
    const whole = ctx.method === 'HEAD' ? undefined : await wholeBody(response).catch(brokenOff)
    if (whole !== undefined) {
      ctx.body = whole
      return
    }
    ctx.respond = false
    await stream(response, ctx.res, options.idle)
  } catch (error) {
    await response.body?.cancel().catch(() => undefined)
    throw error
  } finally {
    sent.done()
  }
}

/** What a PDS says of our tokens and proofs there (RFC 6750 §3.1, RFC 9449 §7.1); for the app it passes. */
const aboutOurTokens = /error="(?:invalid_token|invalid_dpop_proof|use_dpop_nonce)"/

/** The status for the app. A 401 of the PDS is never about the app's token: about ours it passes, about the call it is a 403. */
function statusFor({ status, headers }: Response): number {
  if (status === 401 && aboutOurTokens.test(headers.get('www-authenticate') ?? '')) {
    throw new XrpcError(503, 'UpstreamRetry', 'The PDS asks for another try', { 'retry-after': '1' })
  }
  if (status === 401) return 403
  if (status >= 200 && status < 300) return status
  if (status >= 400 && status < 600) return status
  throw new XrpcError(502, 'UpstreamFailure', 'The PDS answered with a redirect')
}

interface JsonBody {
  value: unknown
  /** The same written anew. */
  text: string
}

async function jsonBody(request: IncomingMessage): Promise<JsonBody> {
  if (!/^application\/json *(;|$)/i.test(request.headers['content-type'] ?? '')) {
    throw new XrpcError(400, 'InvalidRequest', 'Content-Type must be application/json')
  }
  const bytes = await readBody(request, longestWrite)
  if (bytes === 'too-large') throw new XrpcError(413, 'PayloadTooLarge', 'The body is too long')
  if (bytes === 'broken') throw new XrpcError(400, 'InvalidRequest', 'The body broke off')
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
    return { value, text: JSON.stringify(value) }
  } catch {
    // Also for what is nested too deep to be written again.
    throw new XrpcError(400, 'InvalidRequest', 'The body must be JSON')
  }
}

function brokenOff(): never {
  throw new XrpcError(502, 'UpstreamFailure', 'The PDS broke off its answer')
}

function answerFailure(ctx: Context, error: unknown, log: PdsProxyOptions['log']): void {
  if (ctx.res.headersSent || ctx.res.destroyed || (ctx.req.destroyed && !ctx.req.complete)) {
    // One of the two has gone away in the middle: what was sent so far must not look whole.
    ctx.respond = false
    ctx.res.destroy()
    return
  }
  const { reference, address } = requestInfo(ctx.req)
  const known = failureOf(error)
  // What went wrong at a PDS stands in the log by its status; this is about us.
  if (known === undefined || known.error === 'ServiceUnavailable') {
    log.error({ reference, address, error: describe(error) }, 'a request for a PDS failed')
  }
  const { status, error: code, message, headers } = known ?? unexpected(reference)
  for (const name of ['content-length', 'content-disposition', 'content-type']) ctx.remove(name)
  ctx.status = status
  for (const [header, value] of Object.entries(headers)) ctx.set(header, value as string | string[])
  ctx.body = { error: code, message }
}
