/** What may be told of a refusal of Telegram: grammY's errors carry along what was sent and to whom, and some the token. */
import { GrammyError, HttpError } from 'grammy'

/** A call of the Bot API that failed. */
export class TelegramTrouble extends Error {
  override name = 'TelegramTrouble'
  /** As of HTTP; undefined when nobody answered. */
  readonly code: number | undefined

  constructor(message: string, code: number | undefined) {
    super(message)
    this.code = code
  }
}

/** The same failure with number and description alone. Throws what is no failure of Telegram's. */
export function troubleOf(error: unknown): TelegramTrouble {
  if (error instanceof GrammyError) {
    return new TelegramTrouble(`${error.error_code} ${error.description}`, error.error_code)
  }
  // Being out of time is an error without a type of its own where a retry is waited for.
  const late = error instanceof Error && /abort/i.test(`${error.name} ${error.message}`)
  if (error instanceof HttpError || late) return new TelegramTrouble('no answer', undefined)
  throw error
}

/** Nobody is there: they have blocked the bot, deleted their account, or never started it. */
export function isUnreachable({ code, message }: TelegramTrouble): boolean {
  return code === 403 || (code === 400 && message.includes('chat not found'))
}

/** The message is gone, or says so already. */
export function isHarmless({ code, message }: TelegramTrouble): boolean {
  return code === 400 && /not modified|not found|can't be (edited|deleted)/.test(message)
}
