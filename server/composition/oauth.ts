/**
 * The OAuth provider: what it stores, whom it asks, and how it is built anew while requests run.
 *
 * Every option with its reason stands in `server/oidc/provider.ts`; here each is only given what it needs.
 */
import { isDeepStrictEqual } from 'node:util'
import type { Middleware } from 'koa'
import type { KoaContextWithOIDC, Provider } from 'oidc-provider'
import type { Outbound } from '../../adapters/atproto/guarded-fetch.ts'
import type { Client } from '../../adapters/postgres/clients.ts'
import { type OidcModels, oidcModels, reached } from '../../adapters/postgres/oidc-models.ts'
import type { Resource } from '../../adapters/postgres/resources.ts'
import type { SigningKey } from '../../adapters/postgres/signing-keys.ts'
import { cached } from '../cached.ts'
import { describe } from '../describe-error.ts'
import { deviceEnds } from '../device/ends.ts'
import { restartUrl } from '../interactions/restart.ts'
import type { Log } from '../log.ts'
import { type DeclaredTypes, declaredTypes } from '../oidc/authorization-details.ts'
import { type Bearer, bearer } from '../oidc/bearer.ts'
import { type ClientGuesses, clientGuesses } from '../oidc/client-guess-limits.ts'
import { type ClientLookupOptions, clientLookup } from '../oidc/client-lookup.ts'
import { type DeviceFlowOptions, devicePath, polling } from '../oidc/device-flow.ts'
import { dpopNonces } from '../oidc/dpop-nonce.ts'
import { globalRevocationResource } from '../oidc/global-revocation-resource.ts'
import { type IftttResource, iftttResource } from '../oidc/ifttt-resource.ts'
import { issuerKeys } from '../oidc/issuer-keys.ts'
import { type JwtTokens, jwtTokens } from '../oidc/jwt-tokens.ts'
import type { LogoutDelivery } from '../oidc/logout-delivery.ts'
import { mutualTlsOf } from '../oidc/mutual-tls.ts'
import { cibaGrant } from '../oidc/profiles.ts'
import { createProvider } from '../oidc/provider.ts'
import { requestLimits } from '../oidc/request-limits.ts'
import { requestScope } from '../oidc/request-scope.ts'
import { type ShopResource, shopResource } from '../oidc/shop-resource.ts'
import type { Pages } from '../pages.ts'
import { providerPages } from '../provider-pages.ts'
import { requestInfo } from '../request-info.ts'
import { backchannel } from './backchannel.ts'
import { findClients, strangersRules } from './client-documents.ts'
import type { Foundation } from './foundation.ts'
import { logouts } from './logouts.ts'
import { ownGrants } from './own-grants.ts'
import type { Pds } from './pds.ts'
import { registration, registrationModels } from './registration.ts'
import type { Stores } from './stores.ts'
import type { Telegram } from './telegram.ts'

export interface OAuthOptions {
  readonly foundation: Foundation
  readonly stores: Stores
  readonly pds: Pds
  readonly pages: Pages
  readonly telegram: Telegram | undefined
  readonly outbound: Outbound
}

export interface OAuth {
  /** The provider of the moment: it is swapped when keys change. */
  provider(): Provider
  /** Builds the provider anew, with the signing keys of the moment. */
  rebuild(): Promise<void>
  /** Judges the access tokens that `/xrpc` is called with. */
  readonly bearer: Bearer
  /** Builds the provider anew before a request when APIs declare other types of authorization details than it knows. */
  readonly followDeclarations: Middleware
  /** What IFTTT gets tokens for, and what judges them there. */
  readonly ifttt: IftttResource & { readonly bearer: Bearer }
  /** Counts wrong secrets of clients, wherever they are tried. */
  readonly clientGuesses: ClientGuesses
  /** Tells apps that people signed out. */
  readonly logouts: LogoutDelivery
  /** What shops get tokens for, and what judges them there. */
  readonly shops: ShopResource & { readonly bearer: Bearer }
  /** Records that a grant was used; its failure is nobody's but the log's. */
  readonly grantUsed: (grantId: string) => Promise<void>
  /** Sign the cookies, newest first: ours and the provider's are signed alike. */
  readonly cookieKeys: readonly string[]
  findResource(identifier: string): Promise<Resource | undefined>
  /** Address that begins the sign-in of an interaction again, also after its end. */
  restartOf(uid: string): Promise<string | undefined>
  /** The same for another browser; a device code that was entered in the first is free for it. */
  elsewhereOf(uid: string): Promise<string | undefined>
}

export async function oauth({ foundation, stores, pds, pages, telegram, outbound }: OAuthOptions): Promise<OAuth> {
  const { config, sealer, now, log } = foundation
  const cookieKeys = sealer.derive('cookies').map((key) => key.toString('base64url'))
  const dpopNonceSecret = sealer.derive('dpop-nonce')[0]
  let known: readonly string[] = []
  const findClient = findClients(foundation, stores, outbound, () => strangersRules(foundation, stores, provider()))
  const models = modelsOf(foundation, stores, findClient, {
    withoutGrants: telegram === undefined ? [cibaGrant] : [],
    authorizationTypes: () => known,
  })
  const ifttt = iftttResource(config.issuer, config.productName)
  const shops = shopResource(config.issuer, config.productName)
  const revocation = globalRevocationResource(config.issuer)
  const findResource = cached(
    async (identifier: string) => {
      const registered = await reached(() => stores.resources.find(identifier))
      const own = [ifttt, shops, revocation].find((it) => it.identifier === identifier)
      return own === undefined ? registered : own.resource(registered)
    },
    { lifetime: 1_000, size: 1_000, now },
  )
  // Resource servers ask about the same token again and again.
  const recordUse = cached(stores.grants.used, { lifetime: 60_000, size: 10_000, now })
  const grantUsed = (grantId: string) =>
    recordUse(grantId).catch((error: unknown) =>
      log.warn({ error: describe(error) }, 'the last use of a grant was not recorded'),
    )
  const guesses = guessesOf(foundation, stores)
  const limited = requestLimits({ limits: stores.limits, now })
  const restartOf = async (uid: string): Promise<string | undefined> => {
    const params = await models.requestOf(uid)
    if (params === undefined) return undefined
    const client = await reached(() => stores.clients.find(String(params['client_id'])))
    const { require_pushed_authorization_requests: pushes, require_signed_request_object: signs } =
      client?.metadata ?? {}
    // Such an app has to begin itself (RFC 9126 §6, RFC 9101 §10.5).
    return pushes === true || signs === true ? undefined : restartUrl(params)
  }
  const elsewhereOf = async (uid: string): Promise<string | undefined> => {
    const userCode = await models.releaseDevice(uid)
    return userCode === undefined ? restartOf(uid) : `${devicePath}?user_code=${userCode}`
  }
  const nonces = dpopNonces(dpopNonceSecret, now)
  const keysOfIssuers = issuerKeys(outbound.document)
  const provider = (): Provider => current.provider
  const told = logouts(foundation, stores, provider)
  const declared = cached(async () => declaredTypes(await reached(stores.resources.list)), {
    lifetime: 1_000,
    size: 1,
    now,
  })
  const build = async () => {
    const keys = await stores.signingKeys.loadOrCreate()
    const jwts = jwtsOf(foundation, stores, keys)
    const authorizationTypes = await declared('')
    known = [...authorizationTypes.keys()]
    const provider = createProvider({
      issuer: config.issuer,
      keys,
      subjectKey: await stores.signingKeys.subjectKey(),
      cookieKeys,
      dpopNonceSecret,
      models,
      fetchDocument: outbound.document,
      registration: config.registration,
      findAccount: (id) => reached(() => stores.accounts.find(id)),
      findIdentities: (accountId) => reached(() => stores.accounts.identitiesOf(accountId)),
      findConsent: (accountId, clientId) => reached(() => stores.consents.find(accountId, clientId)),
      findResource,
      ifttt,
      authorizationTypes,
      jwts,
      pds: pds.resource,
      pdsAccess: pds.access,
      onGrantUsed: grantUsed,
      forgetConsent: (accountId, clientId) => reached(() => stores.grants.revokeUnused(accountId, clientId)),
      onSignOut(accountId, address) {
        pds.signedOut(accountId)
        void stores.audit.record({ event: 'session.ended', accountId, address }).catch(() => undefined)
      },
      onGrantRevoked: pds.accessEnded,
      signOuts: told.signOuts,
      pages: providerPages(pages, restartOf),
      reference: (request) => requestInfo(request).reference,
      address: (request) => requestInfo(request).address,
      clientGuesses: guesses,
      mutualTls: mutualTlsOf(config.clientCertificates),
      requestLimits: (ctx, address) => reached(() => limited(ctx, address)),
      devices: devicesOf(stores, pages),
      backchannel: telegram && backchannel({ foundation, stores, pds, telegram, findResource }),
      appRegistration: registration(foundation, stores, () => strangersRules(foundation, stores, current.provider)),
      readsDocuments: config.unverifiedClients.documents !== undefined,
      ownGrants: ownGrants({ foundation, stores, nonces, issuerKeys: keysOfIssuers }),
      onError: (ctx, error) => logRefusal(log, ctx, error),
      onBroken(request, error) {
        const { reference, address } = requestInfo(request)
        log.error({ reference, address, error: describe(error) }, 'response failed')
      },
      now,
    })
    return { provider, jwts, authorizationTypes }
  }
  let current = await build()
  const rebuild = async () => {
    current = await build()
  }
  return {
    provider,
    rebuild,
    followDeclarations: followed(() => current.authorizationTypes, declared, rebuild),
    bearer: bearer({ issuer: config.issuer, audience: pds.resource.identifier, provider, nonces, now }),
    ifttt: { ...ifttt, bearer: bearer({ issuer: config.issuer, audience: ifttt.identifier, provider, nonces, now }) },
    clientGuesses: guesses,
    logouts: told.delivery,
    shops: {
      ...shops,
      bearer: bearer({
        issuer: config.issuer,
        audience: shops.identifier,
        find: (_provider, token) => current.jwts.find(current.provider, token),
        provider,
        nonces,
        now,
      }),
    },
    grantUsed,
    cookieKeys,
    findResource,
    restartOf,
    elsewhereOf,
  }
}

/** While the database does not answer, requests meet the provider that there is. */
function followed(
  current: () => DeclaredTypes,
  declared: (key: string) => Promise<DeclaredTypes>,
  rebuild: () => Promise<void>,
): Middleware {
  let rebuilding: Promise<void> | undefined
  return async (_ctx, next) => {
    const types = await declared('').catch(current)
    if (types !== current() && !isDeepStrictEqual(types, current())) {
      rebuilding ??= rebuild().finally(() => {
        rebuilding = undefined
      })
      await rebuilding
    }
    await next()
  }
}

function jwtsOf({ config, sealer, now }: Foundation, stores: Stores, keys: readonly SigningKey[]): JwtTokens {
  return jwtTokens({
    issuer: config.issuer,
    keys,
    sealer,
    denied: {
      add: (id, until) => reached(() => stores.deniedTokens.add(id, until)),
      has: (id) => reached(() => stores.deniedTokens.has(id)),
    },
    findAccount: (id) => reached(() => stores.accounts.find(id)),
    keepGrant: (id, until) => reached(() => stores.grants.keep(id, until)),
    now,
  })
}

function modelsOf(
  { store: { db }, sealer, now, log }: Foundation,
  stores: Stores,
  find: (id: string) => Promise<Client | undefined>,
  offered: Pick<ClientLookupOptions, 'withoutGrants' | 'authorizationTypes'>,
): OidcModels {
  return oidcModels({
    db,
    sealer,
    now,
    scope: requestScope,
    findClient: clientLookup({ find, ...offered, now }),
    registration: registrationModels({ now }, stores),
    onReplay: ({ model, grantId }) => {
      log.warn({ model, grantId }, 'a spent code or token was presented again; its grant is revoked')
      void stores.audit.record({ event: 'token.reuse-detected', detail: { model, grantId } }).catch(() => undefined)
    },
  })
}

function devicesOf({ audit, deviceCodes }: Stores, pages: Pages): DeviceFlowOptions {
  return {
    requester(request) {
      const { address, country } = requestInfo(request)
      return { address, country, userAgent: request.headers['user-agent']?.slice(0, 500) }
    },
    pages: deviceEnds(pages, audit.record),
    poll: (deviceCode) => reached(() => deviceCodes.poll(deviceCode, polling)),
  }
}

function guessesOf({ log, now }: Foundation, { limits, audit }: Stores): ClientGuesses {
  return clientGuesses({
    limits,
    onBlocked({ clientId, address }, seconds) {
      log.warn({ clientId, address, seconds }, 'client authentication fails again and again')
      const event = { event: 'client.guessing-slowed', clientId, address, detail: { seconds } } as const
      void audit.record(event).catch(() => undefined)
    },
    now,
  })
}

function logRefusal(log: Log, ctx: KoaContextWithOIDC, error: unknown): void {
  const { reference, address } = requestInfo(ctx.req)
  const serious = ctx.status >= 500
  log[serious ? 'error' : 'info']({ reference, address, route: ctx.oidc?.route, error: describe(error) }, 'refused')
}
