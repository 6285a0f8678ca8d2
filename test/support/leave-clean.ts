/**
 * After each file: time and functions that it replaced are the real ones again, because the next file runs in the same
 * process. What a file starts it ends itself.
 */
import { afterAll, vi } from 'vitest'

afterAll(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})
