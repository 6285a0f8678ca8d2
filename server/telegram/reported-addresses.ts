/**
 * Addresses from which somebody was asked in Telegram who says that it was not them: what follows from there is slow.
 *
 * An app that draws its own pictures says itself where its people are; what it says counts for that app alone.
 */
import type { LimitAnswer, LimitPolicy, Limits } from '../../adapters/postgres/limits.ts'

/** One more at once; then a minute, rising to a quarter of an hour. */
const slow: LimitPolicy = { free: 1, firstDelay: 60, maxDelay: 15 * 60, forget: 60 * 60 }
/** Seconds. */
const remembered = 60 * 60

export interface ReportedAddresses {
  /** `app` is the client that said the address; undefined where we saw it ourselves. */
  report(address: string, app?: string): Promise<void>
  /** Counts what comes from there; `retryAfter` in seconds. */
  admit(address: string, app?: string): Promise<LimitAnswer>
}

export function reportedAddresses(limits: Pick<Limits, 'remember' | 'remembers' | 'spend' | 'bucketOf'>) {
  const keyOf = (address: string, app: string) => `telegram-qr:${app}:${limits.bucketOf(address)}`
  return {
    report: (address, app = '') => limits.remember(`reported:${keyOf(address, app)}`, remembered),
    async admit(address, app = '') {
      const key = keyOf(address, app)
      return (await limits.remembers(`reported:${key}`)) ? limits.spend(key, slow) : { allowed: true }
    },
  } satisfies ReportedAddresses
}
