/**
 * What IFTTT's platform asks every service, below `/ifttt/v1`: is it up, who is the person, set up a test.
 *
 * Triggers, actions and queries belong to the service behind us and are unknown here. Every answer has IFTTT's shape:
 * JSON with `data`, or with `errors` and a message for each; IFTTT renews its token on a 401 and on nothing else.
 */
import type { Context, Middleware } from 'koa'
import { isUnreachable } from '../database-trouble.ts'
import { describe } from '../describe-error.ts'
import type { ServiceKeys } from '../ifttt/service-keys.ts'
import type { TestSetup } from '../ifttt/test-setup.ts'
import type { UserInfo } from '../ifttt/user-info.ts'
import type { Log } from '../log.ts'
import type { AccessRefused, Bearer } from '../oidc/bearer.ts'
import { protocolStatus } from '../oidc/errors.ts'
import { iftttPath, iftttScope } from '../oidc/ifttt-resource.ts'
import { readBody } from '../request-body.ts'
import { requestInfo } from '../request-info.ts'

export interface IftttServiceOptions {
  keys: ServiceKeys
  bearer: Bearer
  /** Throws when the database does not answer. */
  ping: () => Promise<void>
  userInfo: (accountId: string) => Promise<UserInfo | undefined>
  testSetup: (address: string) => Promise<TestSetup>
  /** Told of grants that were used. */
  onGrantUsed: (grantId: string) => Promise<void>
  log: Pick<Log, 'error'>
}

interface Answer {
  readonly status: number
  /** Undefined for an empty one. */
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
}

type Endpoint = (ctx: Context, options: IftttServiceOptions) => Promise<Answer>

/** Bytes; nothing that is sent here is looked at. */
const longestBody = 56 * 1024

const endpoints: ReadonlyMap<string, Readonly<Record<string, Endpoint>>> = new Map([
  ['/status', { GET: status }],
  ['/user/info', { GET: whoIsIt }],
  ['/test/setup', { POST: setUp }],
])

export function iftttService(options: IftttServiceOptions): Middleware {
  return async (ctx, next) => {
    if (ctx.path !== iftttPath && !ctx.path.startsWith(`${iftttPath}/`)) return next()
    const answer = await answered(ctx, options).catch((error: unknown) => failed(ctx, error, options.log))
    ctx.set({ 'cache-control': 'no-store', ...(answer.headers as Record<string, string | string[]>) })
    ctx.status = answer.status
    ctx.body = answer.body === undefined ? '' : JSON.stringify(answer.body)
    ctx.set('content-type', 'application/json; charset=utf-8')
  }
}

async function answered(ctx: Context, options: IftttServiceOptions): Promise<Answer> {
  const methods = endpoints.get(ctx.path.slice(iftttPath.length))
  if (methods === undefined) {
    return refused(404, 'There is nothing here. Triggers, actions and queries are answered by the service itself.')
  }
  const endpoint = methods[ctx.method === 'HEAD' ? 'GET' : ctx.method]
  if (endpoint !== undefined) return endpoint(ctx, options)
  const allow = Object.keys(methods).flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method]))
  return refused(405, `Use ${allow[0]}.`, { allow: allow.join(', ') })
}

async function status(ctx: Context, { keys, ping }: IftttServiceOptions): Promise<Answer> {
  const refusal = await withoutKey(ctx, keys)
  if (refusal !== undefined) return refusal
  return ping().then(
    () => ({ status: 200 }),
    () => ({ status: 503, headers: { 'retry-after': '5' } }),
  )
}

async function setUp(ctx: Context, { keys, testSetup }: IftttServiceOptions): Promise<Answer> {
  const refusal = (await withoutKey(ctx, keys)) ?? (await withLongBody(ctx))
  if (refusal !== undefined) return refusal
  const made = await testSetup(requestInfo(ctx.req).address)
  if (made.kind === 'unavailable') return refused(503, made.message)
  return { status: 200, body: { data: { accessToken: made.accessToken, samples: {} } } }
}

async function whoIsIt(ctx: Context, options: IftttServiceOptions): Promise<Answer> {
  const { bearer, userInfo, onGrantUsed } = options
  const access = await bearer.verify(ctx.req, ctx.path, ctx.querystring)
  if (access.kind === 'refused') return withoutAccess(access)
  if (!access.scopes.includes(iftttScope)) {
    return withoutAccess(bearer.insufficient(access, iftttScope, `the token lacks the scope ${iftttScope}`))
  }
  const data = await userInfo(access.accountId)
  if (data === undefined) return withoutAccess(bearer.ended(access, 'the account of the token is gone'))
  await onGrantUsed(access.grantId)
  return { status: 200, body: { data }, ...(access.nonce === undefined ? {} : { headers: nonceHeader(access.nonce) }) }
}

/** The refusal of a request that does not show that IFTTT sent it. */
async function withoutKey(ctx: Context, keys: ServiceKeys): Promise<Answer | undefined> {
  const judged = await keys.judge(ctx.req, requestInfo(ctx.req).address)
  if (judged.kind === 'right') return undefined
  return judged.retryAfter === undefined
    ? refused(401, 'The IFTTT-Service-Key is missing or wrong.')
    : refused(429, 'Too many wrong keys came from this address.', { 'retry-after': String(judged.retryAfter) })
}

/** IFTTT knows one status for every token that opens nothing, whatever the reason; a 400 is about the request. */
function withoutAccess({ status, message, challenges, nonce }: AccessRefused): Answer {
  return refused(status === 400 ? 400 : 401, `${message.charAt(0).toUpperCase()}${message.slice(1)}.`, {
    'www-authenticate': challenges,
    ...(nonce === undefined ? {} : nonceHeader(nonce)),
  })
}

async function withLongBody({ req }: Context): Promise<Answer | undefined> {
  const body = await readBody(req, longestBody)
  if (body === 'too-large') return refused(413, 'The body is too long.')
  return body === 'broken' ? refused(400, 'The body cannot be read.') : undefined
}

function nonceHeader(nonce: string): Record<string, string> {
  return { 'dpop-nonce': nonce }
}

function refused(status: number, message: string, headers: Answer['headers'] = {}): Answer {
  return { status, body: { errors: [{ message }] }, headers }
}

function failed(ctx: Context, error: unknown, log: IftttServiceOptions['log']): Answer {
  const { reference, address } = requestInfo(ctx.req)
  log.error({ reference, address, error: describe(error) }, 'a request of IFTTT failed')
  return protocolStatus(error) === 503 || isUnreachable(error)
    ? refused(503, 'The server cannot reach its database; try again shortly.', { 'retry-after': '5' })
    : refused(500, `Something went wrong; reference ${reference}.`)
}
