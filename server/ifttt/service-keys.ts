/**
 * The keys by which IFTTT itself authenticates to our Service API, and what happens to wrong ones.
 *
 * A right key is never refused, whoever tried wrong ones before: IFTTT's addresses are shared by all services on it, so
 * strangers can call us from there. Wrong ones are counted by address, which bounds what they write; guessing gains
 * nothing by more tries, because a key is random and long.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Audit } from '../../adapters/postgres/audit.ts'
import type { LimitPolicy, Limits } from '../../adapters/postgres/limits.ts'
import { describe } from '../describe-error.ts'
import type { Log } from '../log.ts'

/** An hour's work on a service makes dozens of wrong ones: IFTTT's own tests send some. */
const wrongKeys: LimitPolicy = { free: 100, firstDelay: 1, maxDelay: 60, forget: 60 * 60 }
/** Seconds in which a block is reported once. */
const reportInterval = 15 * 60

export type KeyAnswer = { readonly kind: 'right' } | { readonly kind: 'wrong'; readonly retryAfter: number | undefined }

export interface ServiceKeys {
  /** Judges the key of a request; `retryAfter` (seconds) says that the address has sent too many wrong ones. */
  judge(request: IncomingMessage, address: string): Promise<KeyAnswer>
}

export interface ServiceKeysOptions {
  keys: readonly string[]
  limits: Pick<Limits, 'spend' | 'remember' | 'remembers' | 'bucketOf'>
  audit: Audit['record']
  log: Pick<Log, 'info' | 'warn'>
}

export function serviceKeys({ keys, limits, audit, log }: ServiceKeysOptions): ServiceKeys {
  const known = keys.map(digest)

  /** Looks at every key, so that the time says nothing about which one it was. */
  function isKnown(presented: string): boolean {
    const found = digest(presented)
    return known.map((key) => timingSafeEqual(key, found)).includes(true)
  }

  async function count(address: string): Promise<number | undefined> {
    const key = `ifttt-key:${limits.bucketOf(address)}`
    const counted = await limits.spend(key, wrongKeys)
    if (counted.allowed) {
      log.info(
        { address },
        `a wrong IFTTT-Service-Key was sent${keys.length === 0 ? ': IFTTT_SERVICE_KEYS is not set' : ''}`,
      )
      return undefined
    }
    const reported = `reported:${key}`
    if (!(await limits.remembers(reported))) {
      await limits.remember(reported, reportInterval)
      await audit({ event: 'ifttt.keys-refused', address })
    }
    return counted.retryAfter
  }

  return {
    async judge(request, address) {
      // `IFTTT-Channel-Key`, the older name, comes along with anything in it.
      const [presented, ...more] = request.headersDistinct['ifttt-service-key'] ?? []
      if (presented !== undefined && more.length === 0 && isKnown(presented)) return { kind: 'right' }
      if (presented === undefined) return { kind: 'wrong', retryAfter: undefined }
      const retryAfter = await count(address).catch((error: unknown) => {
        log.warn({ error: describe(error) }, 'a wrong IFTTT-Service-Key was not counted')
        return undefined
      })
      return { kind: 'wrong', retryAfter }
    },
  }
}

function digest(key: string): Buffer {
  return createHash('sha256').update(key).digest()
}
