/** Time that passes only when a test, or a client that waits, says so. */
import { EventEmitter, once } from 'node:events'
import { vi } from 'vitest'

/** Stops the clock that `Date` reads; `vi.useRealTimers` lets it go on. */
export function stopClock(): void {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() })
}

/** Moves the stopped clock on. */
export function passSeconds(seconds: number): void {
  vi.setSystemTime(Date.now() + seconds * 1000)
}

/** Runs work during which openid-client does not wait, but finds that the time has passed. */
export async function withoutWaiting<T>(work: () => Promise<T>): Promise<T> {
  const wait = globalThis.setTimeout
  const spy = vi.spyOn(globalThis, 'setTimeout')
  spy.mockImplementation(((run: (...rest: unknown[]) => void, milliseconds = 0, ...rest: unknown[]) => {
    if (new Error().stack?.includes('/openid-client/') !== true) return wait(run, milliseconds, ...rest)
    passSeconds(milliseconds / 1000)
    return setImmediate(run)
  }) as typeof setTimeout)
  try {
    return await work()
  } finally {
    spy.mockRestore()
  }
}

/** Holds all waits of openid-client until they are passed; the clock has to be stopped. */
export function holdWaits(): { passUntil<T>(result: Promise<T>): Promise<T>; release(): void } {
  const start = globalThis.setTimeout
  const changes = new EventEmitter()
  let held: { run: () => void; milliseconds: number }[] = []
  const spy = vi.spyOn(globalThis, 'setTimeout')
  spy.mockImplementation(((run: (...rest: unknown[]) => void, milliseconds = 0, ...rest: unknown[]) => {
    if (new Error().stack?.includes('/openid-client/') !== true) return start(run, milliseconds, ...rest)
    held.push({ run: () => run(...rest), milliseconds })
    changes.emit('held')
    return start(() => undefined, 0)
  }) as typeof setTimeout)
  return {
    /** Lets the longest of them pass, again and again, until there is a result. */
    async passUntil(result) {
      const over = new AbortController()
      const done = result.finally(() => over.abort())
      while (!over.signal.aborted) {
        const passing = held
        held = []
        if (passing.length > 0) passSeconds(Math.max(...passing.map(({ milliseconds }) => milliseconds)) / 1000)
        for (const { run } of passing) run()
        if (held.length === 0) await once(changes, 'held', { signal: over.signal }).catch(() => undefined)
      }
      return done
    },
    release: () => spy.mockRestore(),
  }
}
