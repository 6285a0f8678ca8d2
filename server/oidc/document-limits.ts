/**
 * How often strangers may make us read a document of a client: counted before we ask.
 *
 * One that fails is not asked for again at once, by whichever node. Documents that nobody has seen are counted by the
 * network address that names them and by their host; those that are known and due again are not, or an attacker could
 * keep the app of somebody else from being read.
 */
import { createHash } from 'node:crypto'
import type { LimitPolicy, Limits } from '../../adapters/postgres/limits.ts'

/** Seconds that new documents are counted together. */
const span = 10 * 60
const upTo = (most: number): LimitPolicy => ({ free: most - 1, firstDelay: span, maxDelay: span, forget: 2 * span })
const ofAddress = upTo(30)
/** IPv6: /48, of which one customer may have all addresses. */
const ofNetwork = upTo(120)
const ofHost = upTo(60)
/** One document, as long as it fails. */
const failing: LimitPolicy = { free: 2, firstDelay: 15, maxDelay: 10 * 60, forget: 60 * 60 }

export interface DocumentLimits {
  /** Counts a reading; false when it is not to be done now. `known`: the document was good before. */
  allow(id: string, address: string | undefined, known: boolean): Promise<boolean>
  /** The document was good. */
  succeeded(id: string): Promise<void>
}

export function documentLimits(limits: Pick<Limits, 'spend' | 'clear' | 'bucketOf'>, now: () => Date): DocumentLimits {
  const keyOf = (id: string) => `document:${createHash('sha256').update(id).digest('base64url')}`
  return {
    async allow(id, address, known) {
      const turn = Math.floor(now().getTime() / 1000 / span)
      const spend = async (whose: string, policy: LimitPolicy) =>
        (await limits.spend(`document:${whose}:${turn}`, policy)).allowed
      if (!known && address !== undefined) {
        const [own, network] = [limits.bucketOf(address), limits.bucketOf(address, 48)]
        if (!(await spend(own, ofAddress))) return false
        if (network !== own && !(await spend(network, ofNetwork))) return false
      }
      if (!known && !(await spend(`host:${new URL(id).host}`, ofHost))) return false
      return (await limits.spend(keyOf(id), failing)).allowed
    },
    succeeded: (id) => limits.clear(keyOf(id)),
  }
}
