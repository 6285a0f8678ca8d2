/**
 * Handles an update once, whichever way and however often it comes. What failed is free again, so that it is handled when
 * Telegram brings it the next time.
 */
import type { TelegramUpdates } from '../../adapters/postgres/telegram-updates.ts'
import type { Receive, TelegramBot, TelegramUpdate } from '../../adapters/telegram/contract.ts'

/** `busy`: another node is at it; it has to be brought again, because that one may fail. Throws what the work throws. */
export type TakeUpdate = (update: TelegramUpdate) => Promise<'done' | 'busy'>

export function takingUpdates(
  updates: Pick<TelegramUpdates, 'claim' | 'finish' | 'giveBack'>,
  bot: Pick<TelegramBot, 'handle'>,
  receive: Receive,
): TakeUpdate {
  return async (update) => {
    const claim = await updates.claim(update.update_id)
    if (claim !== 'mine') return claim
    try {
      await bot.handle(update, receive)
    } catch (error) {
      await updates.giveBack(update.update_id)
      throw error
    }
    await updates.finish(update.update_id)
    return 'done'
  }
}
