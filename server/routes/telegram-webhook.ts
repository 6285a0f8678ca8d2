/**
 * Where Telegram brings updates. Whoever knows the secret could speak as anybody, so without it nothing is read.
 *
 * The answer is the receipt: 200 once the update is dealt with; anything else and Telegram brings it again.
 */
import { timingSafeEqual } from 'node:crypto'
import type { Context, Middleware } from 'koa'
import type { TelegramUpdate } from '../../adapters/telegram/contract.ts'
import { describe } from '../describe-error.ts'
import type { Log } from '../log.ts'
import { readBody } from '../request-body.ts'
import { webhookPath } from '../telegram/registration.ts'
import type { TakeUpdate } from '../telegram/updates.ts'

export interface TelegramWebhookOptions {
  /** Those that count, newest first: two while the key ring is being replaced. */
  secrets: readonly string[]
  take: TakeUpdate
  log: Pick<Log, 'error'>
}

/** Bytes. The longest text has a sixteenth of it. */
const longestBody = 256 * 1024

export function telegramWebhook(options: TelegramWebhookOptions): Middleware {
  return async (ctx, next) => {
    if (ctx.path !== webhookPath) return next()
    ctx.body = ''
    ctx.set('cache-control', 'no-store')
    ctx.status = ctx.method === 'POST' ? await answered(ctx, options) : 405
    if (ctx.status === 405) ctx.set('allow', 'POST')
    if (ctx.status === 503) ctx.set('retry-after', '1')
  }
}

async function answered(ctx: Context, { secrets, take, log }: TelegramWebhookOptions): Promise<number> {
  const given = ctx.get('x-telegram-bot-api-secret-token')
  // Each is compared, so that the time does not tell which one was near.
  if (secrets.filter((secret) => isSame(given, secret)).length === 0) return 401
  const update = await updateIn(ctx)
  if (typeof update === 'number') return update
  try {
    return (await take(update)) === 'done' ? 200 : 503
  } catch (error) {
    log.error({ error: describe(error) }, 'an update of Telegram failed')
    return 500
  }
}

/** The update, or the status of the refusal. */
async function updateIn({ req }: Context): Promise<TelegramUpdate | number> {
  const body = await readBody(req, longestBody)
  if (typeof body === 'string') return body === 'too-large' ? 413 : 400
  try {
    const update: unknown = JSON.parse(body.toString())
    const id = (update as Partial<TelegramUpdate> | null)?.update_id
    return Number.isSafeInteger(id) ? (update as TelegramUpdate) : 400
  } catch {
    return 400
  }
}

function isSame(given: string, secret: string): boolean {
  const [one, other] = [Buffer.from(given), Buffer.from(secret)]
  return one.length === other.length && timingSafeEqual(one, other)
}
