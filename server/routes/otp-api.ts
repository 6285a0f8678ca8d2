/**
 * `/api/auth`: an app of the house signs people in to their shop by a code in Telegram, in four requests.
 *
 * JSON in and out, errors as `{"detail": …}`, with the status codes of the API that such apps were written for. Whether a
 * number is known shows in no answer. Pages may call it from the origins that their app is registered with, and nothing
 * here looks at cookies.
 */
import type { Context, Middleware } from 'koa'
import type { Audit } from '../../adapters/postgres/audit.ts'
import type { Client } from '../../adapters/postgres/clients.ts'
import type { Shop } from '../../adapters/postgres/shops.ts'
import type { PhoneNumber } from '../../adapters/telegram/phone-number.ts'
import type { Access, AccessRefused, Bearer } from '../oidc/bearer.ts'
import { readFlatJson } from '../oidc/flat-json.ts'
import { shopTokenTtl } from '../oidc/shop-resource.ts'
import { readBody } from '../request-body.ts'
import { requestInfo } from '../request-info.ts'
import type { Opened, OpeningRequest } from '../shops/opening.ts'
import type { OneTimeCodes } from '../telegram/one-time-codes.ts'
import { allowOrigin, preflight } from './otp-origins.ts'

export interface OtpApiOptions {
  readonly codes: OneTimeCodes
  /** The enabled clients of profile `otp`. */
  readonly clients: () => Promise<readonly Client[]>
  /** The secret that stands for a request of this app for this phone: the app keeps none. */
  readonly requestOf: (clientId: string, phone: string) => string
  readonly open: (request: OpeningRequest) => Promise<Opened>
  readonly bearer: Bearer
  readonly findShop: (id: number) => Promise<Shop | undefined>
  /** Ends a grant with its tokens. */
  readonly revoke: (grantId: string) => Promise<unknown>
  /** Where the chat with the bot opens; undefined while Telegram does not say. */
  readonly chat: () => string | undefined
  /** Shows codes in answers: where people develop, and nowhere else. */
  readonly showCodes: boolean
  readonly audit: Audit['record']
}

interface Answer {
  readonly status: number
  readonly body: unknown
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
}

type Endpoint = (ctx: Context, options: OtpApiOptions) => Promise<Answer>

const prefix = '/api/auth/'
/** Bytes. */
const longestBody = 16 * 1024

const endpoints: Readonly<Record<string, { readonly method: 'GET' | 'POST'; readonly run: Endpoint }>> = {
  'request-otp': { method: 'POST', run: requestOtp },
  'verify-otp': { method: 'POST', run: verifyOtp },
  me: { method: 'GET', run: me },
  logout: { method: 'POST', run: logout },
}

export function otpApi(options: OtpApiOptions): Middleware {
  return async (ctx, next) => {
    const name = ctx.path.startsWith(prefix) ? ctx.path.slice(prefix.length) : ''
    const endpoint = Object.hasOwn(endpoints, name) ? endpoints[name] : undefined
    if (endpoint === undefined) return next()
    ctx.set({ 'cache-control': 'no-store', vary: 'Origin' })
    const allowed = allowOrigin(ctx, await options.clients())
    if (ctx.method === 'OPTIONS') return preflight(ctx, endpoint.method, allowed)
    const answer =
      ctx.method === endpoint.method
        ? await endpoint.run(ctx, options)
        : failed(405, 'Method Not Allowed', { allow: `${endpoint.method}, OPTIONS` })
    ctx.status = answer.status
    ctx.set((answer.headers ?? {}) as Record<string, string | string[]>)
    ctx.body = answer.body
  }
}

async function requestOtp(ctx: Context, options: OtpApiOptions): Promise<Answer> {
  const read = await readRequest(ctx, ['phone'], options)
  if ('status' in read) return read
  const { client, phone } = read
  const request = options.requestOf(client.id, phone.number)
  const asked = await options.codes.ask({ request, phone: phone.number, address: requestInfo(ctx.req).address })
  if (asked.kind === 'held-off') return tooMany('Too many OTP requests. Please wait before trying again.', asked)
  const shown = options.showCodes ? { otp_code: asked.code } : {}
  const body = { message: 'OTP sent to your Telegram', delivery_method: 'telegram', ...shown }
  return { status: 200, body }
}

async function verifyOtp(ctx: Context, options: OtpApiOptions): Promise<Answer> {
  const read = await readRequest(ctx, ['phone', 'otp_code'], options)
  if ('status' in read) return read
  const { client, phone, values } = read
  const { address } = requestInfo(ctx.req)
  const asked = { request: options.requestOf(client.id, phone.number), phone: phone.number, address }
  const code = values.get('otp_code') ?? ''
  if (!/^\d{6}$/.test(code)) return invalid('otp_code', 'must be six digits')
  const answer = await options.codes.check({ ...asked, code })
  switch (answer.kind) {
    case 'held-off':
      return tooMany('Too many wrong codes. Please wait before trying again.', answer)
    case 'wrong':
    case 'gone':
      return failed(400, 'Invalid or expired OTP code')
    case 'unshared':
      return failed(403, `Share your number with our bot first, then verify again. ${options.chat() ?? ''}`.trim())
    case 'proven':
      return opened(await options.open({ proven: answer, phone, clientId: client.id, address }))
  }
}

const refusals = {
  closed: 'New accounts cannot be created here at the moment',
  'account-disabled': 'This account is disabled',
  'shop-disabled': 'This shop is disabled',
  'other-owner': 'The shop of this number belongs to another Telegram account',
} as const

function opened(outcome: Opened): Answer {
  if (outcome.kind === 'refused') return failed(403, refusals[outcome.why])
  const { token, shop } = outcome
  const body = {
    access_token: token,
    token_type: 'bearer',
    expires_in: shopTokenTtl,
    shop_id: shop.id,
    shop_name: shop.name,
  }
  return { status: 200, body }
}

async function me(ctx: Context, options: OtpApiOptions): Promise<Answer> {
  const found = await shopOf(ctx, options)
  if ('status' in found) return found
  const { id, name, phone, telegramId, language, currency } = found.shop
  return { status: 200, body: { id, name, phone, telegram_id: Number(telegramId), language, currency } }
}

async function logout(ctx: Context, options: OtpApiOptions): Promise<Answer> {
  const found = await shopOf(ctx, options)
  if ('status' in found) return found
  const { accountId, clientId, grantId } = found.access
  await options.revoke(grantId)
  const { address } = requestInfo(ctx.req)
  await options.audit({ event: 'grant.revoked', accountId, clientId, address, detail: { grant: grantId } })
  return { status: 200, body: { message: 'Successfully logged out' } }
}

/** The one shop that the token names, while it is that of the token's account. */
async function shopOf(ctx: Context, options: OtpApiOptions): Promise<Answer | { access: Access; shop: Shop }> {
  const { bearer, findShop } = options
  const access = await bearer.verify(ctx.req, ctx.path, ctx.querystring)
  if (access.kind === 'refused') return withoutAccess(access)
  const id = access.extra['shop_id']
  const shop = typeof id === 'number' ? await findShop(id) : undefined
  if (shop === undefined || shop.accountId !== access.accountId || shop.disabledAt !== undefined) {
    return withoutAccess(bearer.ended(access, 'the shop of the token is gone or disabled'))
  }
  return { access, shop }
}

interface Read {
  readonly client: Client
  readonly phone: PhoneNumber
  readonly values: ReadonlyMap<string, string>
}

/** What both requests for codes have: an app and a phone. */
async function readRequest(
  ctx: Context,
  names: readonly string[],
  { clients, codes }: OtpApiOptions,
): Promise<Answer | Read> {
  if (!ctx.is('application/json')) return invalid(undefined, 'must be JSON')
  const bytes = await readBody(ctx.req, longestBody)
  const values = typeof bytes === 'string' ? undefined : readFlatJson(bytes)
  if (values === undefined) return invalid(undefined, 'must be a JSON object of strings')
  const missing = names.find((name) => !values.has(name))
  if (missing !== undefined) return invalid(missing, 'Field required', 'missing')
  const all = await clients()
  const id = values.get('client_id')
  const client = id === undefined && all.length === 1 ? all[0] : all.find((one) => one.id === id)
  if (client === undefined) return invalid('client_id', 'must be the id of an app that is registered here')
  const phone = await codes.read(values.get('phone') ?? '')
  if (phone === undefined) return invalid('phone', 'must be a phone number of a country that is served here')
  return { client, phone, values }
}

function withoutAccess({ status, message, challenges, nonce }: AccessRefused): Answer {
  const headers = { 'www-authenticate': challenges, ...(nonce === undefined ? {} : { 'dpop-nonce': nonce }) }
  return failed(status, `${message.charAt(0).toUpperCase()}${message.slice(1)}`, headers)
}

/** What a body has wrong, as FastAPI says it. */
function invalid(name: string | undefined, msg: string, type = 'value_error'): Answer {
  const loc = ['body', ...(name === undefined ? [] : [name])]
  return { status: 422, body: { detail: [{ type, loc, msg }] } }
}

function tooMany(detail: string, { retryAfter }: { retryAfter: number }): Answer {
  return failed(429, detail, { 'retry-after': String(retryAfter) })
}

function failed(status: number, detail: string, headers: Answer['headers'] = {}): Answer {
  return { status, body: { detail }, headers }
}
