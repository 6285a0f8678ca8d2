/**
 * After each file: time and functions that it replaced are the real ones again, because the next file runs in the same
 * process. What a file starts it ends itself; a database that is lent on keeps its timers.
 */
import { afterAll, vi } from 'vitest'
import { letLongWaitsWait } from './long-waits.ts'

letLongWaitsWait()

afterAll(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})
