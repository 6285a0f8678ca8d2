/**
 * Brings sign-outs to the apps that have yet to hear of them: several apps at once, one after the other for each app, so
 * that whoever is slow holds up nobody else. Any number of nodes may do so: a notice is taken by one at a time.
 *
 * What fails is tried again with rising pauses for a day, on whichever node. Told at least once: a node that dies over a
 * notice leaves it to the others.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { randomInt } from 'node:crypto'
import type { LogoutNotice, LogoutNotices } from '../../adapters/postgres/logout-notices.ts'
import { type Background, background } from '../background.ts'
import type { Told } from './backchannel-logout.ts'

/** Apps that are told something at the same time. */
const lanes = 16
/** Seconds that a node has for one notice; the library gives an app 2.5. */
const holdTime = 60
/** Seconds. */
const firstPause = 10
const longestPause = 60 * 60

export interface LogoutDeliveryOptions {
  readonly notices: Pick<LogoutNotices, 'due' | 'take' | 'remove' | 'postpone'>
  readonly tell: (notice: LogoutNotice) => Promise<Told>
  /** Told of a notice that its app never took. */
  readonly onGivenUp: (notice: LogoutNotice, why: string) => void
  /** Told of a try that failed. */
  readonly onFailed: (notice: LogoutNotice, why: string) => void
  /** The database did not answer, or something of ours is broken. */
  readonly onError: (error: unknown) => void
  readonly now: () => Date
}

export interface LogoutDelivery extends Pick<Background, 'settled'> {
  /** Sends what is due; answers at once. */
  wake(): void
  /** Takes nothing more. */
  stop(): void
}

export function logoutDelivery(options: LogoutDeliveryOptions): LogoutDelivery {
  const { notices, onError } = options
  const { run, settled } = background(onError)
  const busy = new Set<string>()
  let [stopped, looking, again] = [false, false, false]
  // Of the request that ended the session nothing is to be known: it may be over by then.
  const outside = AsyncLocalStorage.snapshot()

  async function look(): Promise<void> {
    if (looking) {
      again = true
      return
    }
    looking = true
    try {
      do {
        again = false
        const free = lanes - busy.size
        for (const clientId of free > 0 && !stopped ? await notices.due([...busy], free) : []) begin(clientId)
      } while (again)
    } finally {
      looking = false
    }
  }

  function begin(clientId: string): void {
    busy.add(clientId)
    run(async () => {
      try {
        let more = true
        while (more && !stopped) more = await deliverOne(clientId, options)
      } finally {
        busy.delete(clientId)
      }
    })
  }

  return {
    wake: () => outside(() => run(look)),
    stop: () => {
      stopped = true
    },
    settled,
  }
}

/** False when there is nothing more for this app at the moment. */
async function deliverOne(clientId: string, options: LogoutDeliveryOptions): Promise<boolean> {
  const { notices, now } = options
  const notice = await notices.take(clientId, holdTime)
  if (notice === undefined) return false
  const told = await options.tell(notice)
  if (told.kind !== 'failed') {
    await notices.remove(notice.sid)
    if (told.kind === 'rejected') options.onGivenUp(notice, 'it answered 400')
    return true
  }
  const pause = pauseAfter(notice.tries)
  if (now().getTime() + pause * 1000 > notice.expiresAt.getTime()) {
    await notices.remove(notice.sid)
    options.onGivenUp(notice, told.why)
    return true
  }
  await notices.postpone(notice, told.why, pause)
  options.onFailed(notice, told.why)
  return false
}

/** Seconds: twice as long each time, a little more or less, so that a receiver that comes back is not run over. */
function pauseAfter(tries: number): number {
  return (Math.min(longestPause, firstPause * 2 ** (tries - 1)) * randomInt(80, 121)) / 100
}
