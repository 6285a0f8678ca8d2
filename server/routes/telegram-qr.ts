/**
 * Sign-in with Telegram for apps that draw the picture themselves: `POST /telegram/qr` begins, `GET /poll/<token>` tells who
 * it was, once.
 *
 * For registered apps with a secret that were allowed to (`telegram_qr`). The app shows the number; without it nobody is
 * signed in here either. It is told a user of Telegram and no account of ours, and gets no token for anything.
 */
import { isIP } from 'node:net'
import type { Context, Middleware } from 'koa'
import type { Client } from 'oidc-provider'
import { renderSVG } from 'uqr'
import type { TelegramSignIns } from '../../adapters/postgres/telegram-sign-ins.ts'
import { Refusal } from '../errors.ts'
import { readParameters } from '../ifttt/parameters.ts'
import type { CallingClient } from '../oidc/calling-client.ts'
import type { ReportedAddresses } from '../telegram/reported-addresses.ts'

export interface TelegramQrOptions {
  signIns: Pick<TelegramSignIns, 'begin' | 'standing' | 'take'>
  callers: CallingClient
  reported: Pick<ReportedAddresses, 'admit'>
  /** The address behind the picture; undefined while nobody knows what the bot is called. */
  link: (token: string) => string | undefined
  /** Whether a question about this token comes no earlier than it may. */
  poll: (token: string) => Promise<boolean>
}

interface Answer {
  readonly status: number
  readonly body: unknown
  readonly headers?: Readonly<Record<string, string>>
}

const startPath = '/telegram/qr'
const pollPath = /^\/poll\/([\w-]{43})$/
/** Characters. */
const longestUserAgent = 500

export function telegramQrRoutes(options: TelegramQrOptions): Middleware {
  return async (ctx, next) => {
    const token = pollPath.exec(ctx.path)?.[1]
    if (token === undefined && ctx.path !== startPath) return next()
    const {
      status,
      body,
      headers = {},
    } = await (token === undefined ? posted(ctx, options) : asked(ctx, token, options))
    ctx.set({ 'cache-control': 'no-store', ...headers })
    ctx.status = status
    ctx.body = body
  }
}

async function posted(ctx: Context, options: TelegramQrOptions): Promise<Answer> {
  if (ctx.method !== 'POST') return wrongMethod('POST')
  const parameter = hasBody(ctx) ? await readParameters(ctx) : () => undefined
  const caller = await options.callers.identify(ctx, parameter)
  if (caller.kind === 'refused') return unknownClient(caller.retryAfter)
  const { client } = caller
  if (!isAllowed(client)) return notAllowed()
  const address = parameter('address')
  if (address !== undefined && isIP(address) === 0) throw new Refusal('invalid', 'address must be an IP address')
  const admitted = address === undefined ? undefined : await options.reported.admit(address, client.clientId)
  if (admitted?.allowed === false) {
    const why = 'somebody says that a sign-in from that address was not theirs; try again later'
    return later(429, why, admitted.retryAfter)
  }
  if (options.link('') === undefined) return later(503, 'Telegram has not said yet what our bot is called', 5)
  const userAgent = parameter('user_agent')?.slice(0, longestUserAgent)
  const app = client.clientName ?? client.clientId
  const begun = await options.signIns.begin(
    { purpose: 'sign-in', clientId: client.clientId, app, address, userAgent },
    client.clientId,
  )
  if (begun === undefined) return later(429, 'too many sign-ins of this client wait to be scanned', 10)
  const { token, number, expiresIn } = begun
  const link = options.link(token) ?? ''
  const svg = renderSVG(link, { border: 2 })
  return { status: 200, body: { token, link, svg, number, expires_in: expiresIn } }
}

async function asked(ctx: Context, token: string, options: TelegramQrOptions): Promise<Answer> {
  if (ctx.method !== 'GET') return wrongMethod('GET')
  const caller = await options.callers.identify(ctx)
  if (caller.kind === 'refused') return unknownClient(caller.retryAfter)
  if (!isAllowed(caller.client)) return notAllowed()
  const { clientId } = caller.client
  switch (await options.signIns.standing(token, clientId)) {
    case 'waiting':
    case 'opened': {
      if (!(await options.poll(token))) return later(429, 'ask every two seconds, not more often', 2)
      return { status: 202, body: { status: 'pending' } }
    }
    case 'confirmed': {
      const person = await options.signIns.take(token, clientId)
      if (person === undefined) return over('expired')
      const { id, firstName, lastName, username } = person
      return {
        status: 200,
        body: {
          id: Number(id),
          first_name: firstName,
          ...(lastName === undefined ? {} : { last_name: lastName }),
          ...(username === undefined ? {} : { username }),
        },
      }
    }
    case 'wrong-number':
      return over('wrong_number')
    case 'denied':
      return over('denied')
    case 'over':
      return over('expired')
  }
}

function hasBody(ctx: Context): boolean {
  return Number(ctx.req.headers['content-length'] ?? 0) > 0 || ctx.req.headers['transfer-encoding'] !== undefined
}

function over(reason: 'expired' | 'wrong_number' | 'denied'): Answer {
  return { status: 410, body: { status: reason } }
}

function isAllowed(client: Client): boolean {
  return client['telegram_qr'] === true
}

function notAllowed(): Answer {
  return refused(403, 'unauthorized_client', 'the client is not registered for this (telegram_qr)')
}

function unknownClient(retryAfter: number | undefined): Answer {
  if (retryAfter !== undefined) return later(429, 'client authentication failed too often', retryAfter)
  const answer = refused(401, 'invalid_client', 'client authentication failed')
  return { ...answer, headers: { 'www-authenticate': 'Basic realm="apps"' } }
}

function wrongMethod(allow: string): Answer {
  return { ...refused(405, 'invalid_request', `use ${allow}`), headers: { allow } }
}

function later(status: 429 | 503, description: string, seconds: number): Answer {
  return { ...refused(status, 'temporarily_unavailable', description), headers: { 'retry-after': String(seconds) } }
}

function refused(status: number, error: string, description: string): Answer {
  return { status, body: { error, error_description: description } }
}
