/** Time that passes only when a test, or a client that waits, says so. */
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
