/**
 * The device authorization grant (RFC 8628): what the library makes of it, and what the standard asks beyond that.
 *
 * The library knows neither `interval` nor `slow_down`, lets a form be tried without end, and forgets which key a device
 * code was asked for with. Its form at `/device` is therefore never used: the pages are `server/device/`, which hand over
 * to the library's steps once a person has confirmed (`device-interaction.ts`).
 */
import { type Configuration, errors, type KoaContextWithOIDC, Provider } from 'oidc-provider'
import type { PollPolicy } from '../../adapters/postgres/device-codes.ts'
import { keyOfProof } from './dpop-proof.ts'
import { keyParam } from './request-key.ts'

type DeviceCode = InstanceType<Provider['DeviceCode']>

/** What is kept of the request for a device code, to be shown to whoever is asked to confirm it. */
export interface Requester {
  readonly address: string
  /** ISO 3166 code, where the proxy tells. */
  readonly country?: string | undefined
  readonly userAgent?: string | undefined
}

export interface DeviceFlowOptions {
  /** Tells whom a request comes from. */
  readonly requester: (request: KoaContextWithOIDC['req']) => Requester
  readonly pages: DevicePages
  /** Told of each poll with a code that waits for its person; answers whether it may come already. */
  readonly poll: (deviceCode: string) => Promise<boolean>
}

/** The pages at which the library's steps end. */
export interface DevicePages {
  /** Nothing came of it; `error` says why. */
  ended(ctx: KoaContextWithOIDC, error: Error): void | Promise<void>
  connected(ctx: KoaContextWithOIDC): void | Promise<void>
}

/** Twenty consonants in eight places: 34.6 bits, and no words by chance (RFC 8628 §6.1). */
export const userCodes = { charset: 'base-20', mask: '****-****' } as const

/** Where a person enters a user code. */
export const devicePath = '/device'

/** Seconds; the first two are the standard's own (RFC 8628 §3.2, §3.5). */
export const polling: PollPolicy = { interval: 5, step: 5, longest: 60, leeway: 1, remember: 3600 }

type Feature = NonNullable<NonNullable<Configuration['features']>['deviceFlow']>

/** The library's feature. */
export function deviceFlow({ requester, pages }: Pick<DeviceFlowOptions, 'requester' | 'pages'>) {
  return {
    enabled: true,
    ...userCodes,
    deviceInfo: ({ req, oidc }) => ({ ...requester(req), dpopJkt: textOf(oidc.params?.[keyParam]) }),
    async userCodeInputSource(ctx, _form, _out, error) {
      // The library has put a token for its form into the session, and would fail to save one that is not stored yet.
      Object.assign(ctx.oidc.session ?? {}, { touched: false })
      if (ctx.oidc.route === 'device_resume' && error !== undefined) return pages.ended(ctx, error)
      ctx.redirect(devicePath)
      ctx.status = 303
    },
    userCodeConfirmSource() {
      throw new TypeError('the form of the library is not in use')
    },
    successSource: (ctx) => pages.connected(ctx),
  } satisfies Feature
}

/** Holds a provider to the rest of the standard. */
export function deviceRules(provider: Provider, { poll }: Pick<DeviceFlowOptions, 'poll'>): void {
  const { DeviceCode } = provider
  const find = DeviceCode.find.bind(DeviceCode)
  const findByUserCode = DeviceCode.findByUserCode.bind(DeviceCode)
  // By now the client has authenticated and its proof of possession, if any, was found to be valid.
  DeviceCode.find = (async (...args: Parameters<typeof find>) => {
    const code = (await find(...args)) as DeviceCode | undefined
    const ctx = Provider.ctx
    if (code === undefined || ctx?.oidc.route !== 'token' || code.clientId !== ctx.oidc.client?.clientId) return code
    await checkKey(code, ctx.get('dpop'))
    // Whoever is to be told a decision is told at once: no client waits longer than the person did.
    const waits = !code.isExpired && code.accountId === undefined && code.error === undefined
    if (waits && !(await poll(code.jti))) throw new errors.SlowDown()
    return code
  }) as typeof DeviceCode.find
  // Inside the library only its own form asks this, which counts nobody's wrong guesses.
  DeviceCode.findByUserCode = async (...args) => (Provider.ctx === undefined ? findByUserCode(...args) : undefined)
  provider.use(async (plainCtx, next) => {
    await next()
    const ctx = plainCtx as unknown as KoaContextWithOIDC
    if (ctx.oidc?.route !== 'device_authorization' || ctx.status !== 200) return
    ctx.body = { ...(ctx.body as object), interval: polling.interval }
  })
}

/** What was kept of the request for this code. */
export function requesterOf({ deviceInfo = {} }: DeviceCode): Requester {
  const { address, country, userAgent } = deviceInfo
  return { address: textOf(address) ?? 'unknown', country: textOf(country), userAgent: textOf(userAgent) }
}

/** A code that was asked for in the name of a key is of use to nobody else (as RFC 9449 §10 has it for codes). */
async function checkKey({ deviceInfo }: DeviceCode, proof: string): Promise<void> {
  const wanted = deviceInfo?.['dpopJkt']
  if (wanted === undefined || wanted === (await keyOfProof(proof))) return
  throw new errors.InvalidGrant('the device code is bound to another key (dpop_jkt)')
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}
