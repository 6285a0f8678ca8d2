/**
 * Fetches updates where Telegram cannot bring them: on a developer's machine.
 *
 * One node at a time, because Telegram ends the request of the one before. An update is confirmed when the next ones are
 * asked for, so one that failed stays and is asked for again.
 */
import { setTimeout } from 'node:timers/promises'
import type { Lease } from '../../adapters/postgres/leases.ts'
import type { TelegramBot, TelegramUpdate } from '../../adapters/telegram/contract.ts'
import type { TakeUpdate } from './updates.ts'

export interface PollingOptions {
  bot: Pick<TelegramBot, 'fetchUpdates'>
  take: TakeUpdate
  lease: Lease
  /** Told of what went wrong; it goes on. */
  onError: (error: unknown) => void
}

/** Seconds that the node which polls stays the one, from the last time it asked. */
const leaseTime = 90
/** Milliseconds after a round that came to nothing; longer after each that follows, this many times. */
const pause = 1_000
const longestPause = 15

/** Ends when `stopping` is aborted. */
export async function poll({ bot, take, lease, onError }: PollingOptions, stopping: AbortSignal): Promise<void> {
  let offset: number | undefined
  const round = async (): Promise<boolean> => {
    if (!(await lease.hold(leaseTime))) return false
    for (const update of await bot.fetchUpdates(offset, stopping)) {
      if (!(await taken(update, take, onError))) return false
      offset = update.update_id + 1
    }
    return true
  }
  let failures = 0
  while (!stopping.aborted) {
    const outcome = await round().catch((error: unknown) => {
      failures += 1
      // An outage is told once, not every few seconds.
      if (!stopping.aborted && failures === 1) onError(error)
      return 'failed' as const
    })
    if (outcome !== 'failed') failures = 0
    if (outcome === true) continue
    const wait = pause * Math.min(Math.max(failures, 1), longestPause)
    await setTimeout(wait, undefined, { signal: stopping }).catch(() => undefined)
  }
  await lease.release().catch(onError)
}

async function taken(update: TelegramUpdate, take: TakeUpdate, onError: (error: unknown) => void): Promise<boolean> {
  try {
    return (await take(update)) === 'done'
  } catch (error) {
    onError(error)
    return false
  }
}
