/** The HTTP application: which routes there are, and in which order they are asked. */
import type { RequestListener } from 'node:http'
import { ping } from '../../adapters/postgres/database.ts'
import { createApp } from '../app.ts'
import { cached } from '../cached.ts'
import { sameOriginOnly } from '../cross-origin.ts'
import { devicePath } from '../oidc/device-flow.ts'
import { iftttPath, iftttScope } from '../oidc/ifttt-resource.ts'
import { shopApiPath, shopScope } from '../oidc/shop-resource.ts'
import { atprotoClientRoutes, callbackBounce } from '../routes/atproto-client.ts'
import { healthRoutes } from '../routes/health.ts'
import { logoRoutes } from '../routes/logos.ts'
import { pdsProxy } from '../routes/pds-proxy.ts'
import { protectedResourceRoutes } from '../routes/protected-resource.ts'
import { connectPath } from '../telegram/connect.ts'
import { account } from './account.ts'
import { device } from './device.ts'
import { globalRevocation } from './global-revocation.ts'
import { ifttt } from './ifttt.ts'
import { interactions } from './interactions.ts'
import { otpRoutes } from './otp-api.ts'
import type { Parts } from './parts.ts'
import { telegramApp } from './telegram-app.ts'
import { telegramRoutes } from './telegram-service.ts'
import { telegramApi } from './telegram-sign-in.ts'

/** `stopping`: once it is aborted, the server says that it is not ready. */
export function application(parts: Parts, stopping: AbortSignal): RequestListener {
  const { foundation, stores, pds, oauth, pages } = parts
  const { config, store, now, log } = foundation
  const { issuer, productName, trustProxy, countryHeader, clientCertificates } = config
  const app = createApp({
    issuer,
    proxies: { trusted: trustProxy, countryHeader, certificates: clientCertificates },
    cookieKeys: oauth.cookieKeys,
    pages,
    provider: oauth.provider,
    bounce: callbackBounce(issuer, pds.client.redirectUri),
    health: healthRoutes({ ping: () => ping(store.db), stopping: () => stopping.aborted }),
    routes: [
      sameOriginOnly(issuer, ['/interaction', '/account', devicePath, connectPath]),
      interactions(parts, stopping),
      account(parts),
      device(parts),
      logoRoutes(stores.clients.find),
      atprotoClientRoutes(pds.client),
      protectedResourceRoutes({
        issuer,
        productName,
        resources: [
          { path: '', scopes: config.atproto.scope },
          { path: iftttPath, scopes: [iftttScope] },
          ...(parts.phoneSignIn === undefined ? [] : [{ path: shopApiPath, scopes: [shopScope] }]),
        ],
      }),
      ...ifttt(parts),
      globalRevocation(parts),
      ...telegramRoutes(parts),
      ...telegramApp(parts),
      ...telegramApi(parts),
      ...otpRoutes(parts),
      pdsProxy({
        bearer: oauth.bearer,
        identityOf: cached(pds.access.account, { lifetime: 1_000, size: 1_000, now }),
        link: pds.client.link,
        log,
      }),
      oauth.followDeclarations,
    ],
    log,
  })
  return app.callback()
}
