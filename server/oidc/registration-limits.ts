/** How many apps may be registered without a token, by network address and by everybody together. */
import type { LimitPolicy, Limits } from '../../adapters/postgres/limits.ts'

/** Seconds that registrations are counted together. */
const span = 60 * 60
const upTo = (most: number): LimitPolicy => ({ free: most - 1, firstDelay: span, maxDelay: span, forget: 2 * span })
const ofAddress = upTo(10)
/** IPv6: /48, of which one customer may have all addresses. */
const ofNetwork = upTo(40)
/** What nobody uses is removed after 30 days: this bounds what lies there until then. */
const ofEverybody = upTo(500)

/** Counts a registration; answers the seconds to wait where there were too many. */
export function registrationLimits(limits: Pick<Limits, 'spend' | 'bucketOf'>, now: () => Date) {
  return async (address: string): Promise<number | undefined> => {
    const turn = Math.floor(now().getTime() / 1000 / span)
    const [own, network] = [limits.bucketOf(address), limits.bucketOf(address, 48)]
    const counted: [string, LimitPolicy][] = [
      [own, ofAddress],
      ...(network === own ? [] : [[network, ofNetwork] as [string, LimitPolicy]]),
      ['everybody', ofEverybody],
    ]
    for (const [whose, policy] of counted) {
      const answer = await limits.spend(`registration:${whose}:${turn}`, policy)
      if (!answer.allowed) return answer.retryAfter
    }
    return undefined
  }
}
