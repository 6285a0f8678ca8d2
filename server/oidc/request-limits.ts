/**
 * Holds off those who fill the store with requests that anybody may make in the name of an app without a secret: pushed
 * ones (RFC 9126 §2.3) and those for a device code (RFC 8628 §5.1).
 *
 * Counted by network address, and codes of devices also by client, which bounds how many there are to guess. Apps that
 * authenticate come from servers whose addresses stand for many people; they answer to whoever registered them.
 */
import { errors, type KoaContextWithOIDC } from 'oidc-provider'
import type { LimitPolicy, Limits } from '../../adapters/postgres/limits.ts'

/** Seconds that requests are counted together; as long as a device code lives. */
const span = 10 * 60
const upTo = (free: number): LimitPolicy => ({ free, firstDelay: span, maxDelay: span, forget: 2 * span })

/** Of one address: many people behind one router, or a chat bot with many. */
const ofAddress = upTo(300)
/** Of one network (IPv6: /48), of which one customer may have all addresses. */
const ofNetwork = upTo(1_200)
const ofClient = upTo(10_000)

export interface RequestLimitOptions {
  limits: Pick<Limits, 'spend' | 'bucketOf'>
  now: () => Date
}

/** Of a request that is right in everything and is about to be stored. Throws with status 429. */
export type RequestLimits = (ctx: KoaContextWithOIDC, address: string) => Promise<void>

export function requestLimits({ limits, now }: RequestLimitOptions): RequestLimits {
  return async (ctx, address) => {
    const { client, route } = ctx.oidc
    if (client === undefined) return
    const isDevice = route === 'device_authorization'
    if (!isDevice && route !== 'pushed_authorization_request') return
    const turn = Math.floor(now().getTime() / 1000 / span)
    const spend = async (whose: string, policy: LimitPolicy): Promise<void> => {
      const answer = await limits.spend(`${route}:${whose}:${turn}`, policy)
      if (!answer.allowed) throw tooMany(ctx, answer.retryAfter)
    }
    if (client.clientAuthMethod === 'none') {
      const [own, network] = [limits.bucketOf(address), limits.bucketOf(address, 48)]
      await spend(own, ofAddress)
      if (network !== own) await spend(network, ofNetwork)
    }
    if (isDevice) await spend(`client:${client.clientId}`, ofClient)
  }
}

function tooMany(ctx: KoaContextWithOIDC, seconds: number): Error {
  ctx.set('retry-after', String(seconds))
  // RFC 6585 §4.
  const status = { status: 429, statusCode: 429 }
  return Object.assign(new errors.TemporarilyUnavailable(`too many requests, try again in ${seconds} seconds`), status)
}
