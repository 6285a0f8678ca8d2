/**
 * Builds the oidc-provider: every option that we set, each with its reason, and nothing else.
 *
 * One function from settings and keys, so that a provider can be built anew and swapped while requests run. Owns no
 * state; what it stores goes to the adapter that it is given.
 */
import type { EventEmitter } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { Context } from 'koa'
import { type Configuration, type ErrorOut, type KoaContextWithOIDC, Provider } from 'oidc-provider'
import type { Fetch } from '../../adapters/atproto/guarded-fetch.ts'
import type { Account, AccountIdentity } from '../../adapters/postgres/accounts.ts'
import type { Consent } from '../../adapters/postgres/consents.ts'
import type { OidcModels } from '../../adapters/postgres/oidc-models.ts'
import type { Resource } from '../../adapters/postgres/resources.ts'
import type { SigningKey } from '../../adapters/postgres/signing-keys.ts'
import { accountClient } from './account-client.ts'
import { assertAcrClaim, stateAcr } from './acr-check.ts'
import { type DeclaredTypes, resourceOfDetails, richRequests } from './authorization-details.ts'
import { type BackchannelOptions, backchannel, backchannelPath, backchannelRules } from './backchannel.ts'
import { backchannelLogoutRules, type SignOuts } from './backchannel-logout.ts'
import { claimsOf, wantsIdentities } from './claims.ts'
import { clientAssertions } from './client-assertions.ts'
import { behaviourOf } from './client-behaviour.ts'
import { clientConfiguration, clientFeatures } from './client-configuration.ts'
import { type ClientGuesses, clientGuessLimits } from './client-guess-limits.ts'
import { isClientSecret } from './client-secrets.ts'
import { consentEnd, type ForgetConsent } from './consent-end.ts'
import { type DeviceFlowOptions, deviceFlow, devicePath, deviceRules } from './device-flow.ts'
import { freshSignIn } from './device-interaction.ts'
import { documentFeature } from './document-feature.ts'
import { dpopNonces } from './dpop-nonce.ts'
import { type FormPostPage, frontChannel } from './front-channel.ts'
import { globalRevocationDiscovery } from './global-revocation-resource.ts'
import { iftttAddresses } from './ifttt-addresses.ts'
import type { IftttResource } from './ifttt-resource.ts'
import { findJwts, type JwtTokens } from './jwt-tokens.ts'
import { lastUse } from './last-use.ts'
import { lifetimes } from './lifetimes.ts'
import { linkParam } from './link-prompt.ts'
import type { MutualTls } from './mutual-tls.ts'
import { impliedConsent, offlineAccess } from './offline-access.ts'
import { openidDiscovery } from './openid-discovery.ts'
import { outboundFetch } from './outbound.ts'
import { addOwnGrants, type OwnGrantsOptions, ownGrantsDiscovery } from './own-grants.ts'
import { pairwiseSubjects } from './pairwise.ts'
import type { PdsResource } from './pds-resource.ts'
import { personParams } from './person-params.ts'
import { existingGrant, type PdsPolicy, policy } from './policy.ts'
import { postedRequests } from './posted-requests.ts'
import { presentedJwts } from './presented-jwt.ts'
import { refreshExpiration, refreshExpirationDiscovery } from './refresh-expiration.ts'
import { type RegistrationOptions, registrationFeatures, registrationPath, registrationRules } from './registration.ts'
import { pkceRequired } from './request-binding.ts'
import { keyParam, requestKey } from './request-key.ts'
import type { RequestLimits } from './request-limits.ts'
import { requestObjects } from './request-objects.ts'
import { takeWithSlash } from './resource-names.ts'
import { demandResource, mayIntrospect, namedResourceServer } from './resource-servers.ts'
import { tokenClaims } from './token-claims.ts'
import { tokenWrites } from './token-writes.ts'
import { type StoppedPage, unverifiedErrors } from './unverified-errors.ts'
import { acceptAtUserinfo } from './userinfo-audience.ts'

export interface ProviderOptions {
  issuer: string
  keys: readonly SigningKey[]
  /** Sign the cookies, newest first. */
  cookieKeys: readonly string[]
  /** 32 bytes, the same on every node (RFC 9449 §8). */
  dpopNonceSecret: Buffer
  /** 32 bytes, the same for ever: who people are to apps that know them by names of their own follows from it. */
  subjectKey: Buffer
  models: OidcModels
  /** Reads documents that clients name, with every address checked. */
  fetchDocument: Fetch
  findAccount: (id: string) => Promise<Account | undefined>
  findIdentities: (accountId: string) => Promise<readonly AccountIdentity[]>
  findConsent: (accountId: string, clientId: string) => Promise<Consent | undefined>
  findResource: (identifier: string) => Promise<Resource | undefined>
  ifttt: IftttResource
  /** The types of authorization details that APIs declare. */
  authorizationTypes: DeclaredTypes
  /** What knows access tokens that are JWTs. */
  jwts: JwtTokens
  /** Whether people may create accounts themselves. */
  registration: 'open' | 'closed'
  pds: PdsResource
  pdsAccess: PdsPolicy['access']
  /** What happens when people sign out; a session may have left copies in two tabs. */
  signOuts: SignOuts
  /** Told of people who signed out. */
  onSignOut?: (accountId: string, address: string) => void
  /** Told of grants that were used, where their profile has it recorded. */
  onGrantUsed: (grantId: string) => Promise<void>
  /** Forgets what a person agreed to, unless a token of the same client lives. */
  forgetConsent: ForgetConsent
  /** Told when apps lost access. */
  onGrantRevoked?: () => void
  pages: ProviderPages
  /** The reference number of a request. */
  reference: (request: IncomingMessage) => string
  /** The network address that a request comes from. */
  address: (request: IncomingMessage) => string
  clientGuesses: ClientGuesses
  /** What certificates of clients are good for; undefined: nothing. */
  mutualTls?: MutualTls
  /** Asked before a request of a program is stored. */
  requestLimits: RequestLimits
  devices: DeviceFlowOptions
  /** Undefined where nobody can be asked in a chat. */
  backchannel: BackchannelOptions | undefined
  /** Whether client ids may be addresses of documents; the models find such clients. */
  readsDocuments?: boolean
  /** Undefined: no app registers itself. */
  appRegistration?: RegistrationOptions | undefined
  /** Undefined: there are only those of the library. */
  ownGrants?: OwnGrantsOptions | undefined
  /** Told of every error that the library answers. */
  onError: (ctx: KoaContextWithOIDC, error: unknown) => void
  /** Told of answers that could not be made or sent. */
  onBroken: (request: IncomingMessage, error: unknown) => void
  now: () => Date
}

/** The pages that the library shows by itself. */
export interface ProviderPages {
  error(ctx: KoaContextWithOIDC, out: ErrorOut, error: Error): void
  logout(ctx: KoaContextWithOIDC, form: string): void
  signedOut(ctx: KoaContextWithOIDC): void
  notFound(ctx: Context): void
  /** In the place of a redirect to an app that nobody vouches for. */
  stopped: StoppedPage
  /** Makes the library's page that posts an answer to the app at `target` fit for a browser. */
  formPost: FormPostPage
}

/** Builds a provider. Throws when settings or keys are not usable. */
export function createProvider(options: ProviderOptions): Provider {
  const provider = new Provider(options.issuer, configuration(options))
  const { models } = options

  // Secrets are stored as hashes; the library's own comparison would need them in clear.
  provider.Client.prototype.compareClientSecret = async function (presented: string) {
    return isClientSecret(presented, (this.clientSecret ?? '').split(' '))
  }

  // The types leave this method out; it is where a model gets its id (docs/decisions/006-refresh-tokens.md).
  const refreshTokens = provider.RefreshToken.prototype as unknown as { generateTokenId(): string }
  const randomId = refreshTokens.generateTokenId
  refreshTokens.generateTokenId = function () {
    const rotated = Provider.ctx?.oidc.entities.RotatedRefreshToken
    if (Provider.ctx === undefined || rotated === undefined) return randomId.call(this)
    return models.successorOf(Provider.ctx, rotated.jti)
  }

  stateAcr(provider)
  findJwts(provider, options.jwts)
  acceptAtUserinfo(provider, options.pds.identifier)
  takeWithSlash(provider, options.pds.identifier)
  deviceRules(provider, options.devices)
  backchannelLogoutRules(provider, options.signOuts)
  if (options.backchannel !== undefined) backchannelRules(provider, options.backchannel)
  if (options.ownGrants !== undefined) addOwnGrants(provider, options.ownGrants, options)
  provider.use(answered(options))
  provider.use(clientGuessLimits(options.clientGuesses, ({ req }) => options.address(req), options.onError))
  provider.use(iftttAddresses(options.onError))
  if (options.appRegistration !== undefined) {
    provider.use(registrationRules(options.appRegistration, ({ req }) => options.address(req), options.onError))
  }
  provider.use(presentedJwts())
  provider.use(postedRequests())
  provider.use(unverifiedErrors(provider, options.pages.stopped))
  provider.use(frontChannel(options.pages.formPost, options.signOuts.endSession))
  offlineAccess(provider)
  provider.use(lastUse(options.onGrantUsed))
  provider.use(consentEnd(options.forgetConsent))
  provider.use(refreshExpiration(provider, options.now))
  provider.use(tokenWrites(models.flush, options.onError))
  provider.on('grant.revoked', () => options.onGrantRevoked?.())
  for (const event of errorEvents) provider.on(event as 'server_error', options.onError)
  // Of its own accord Koa would write to the console.
  const events: EventEmitter = provider
  events.on('error', (error: unknown, { req }: Context) => options.onBroken(req, error))
  // Host and protocol were settled before the request came here (`server/app.ts`).
  provider.proxy = true
  return provider
}

/** What the library leaves open: unknown addresses, and the reference number in what it answers to programs. */
function answered({ pages, reference, address, signOuts, onSignOut }: ProviderOptions): Parameters<Provider['use']>[0] {
  return async (ctx, next) => {
    await next()
    const { session } = (ctx as unknown as KoaContextWithOIDC).oidc ?? {}
    if (session !== undefined && 'destroyed' in session && session.destroyed === true) {
      await signOuts.endSession(session.uid)
      if (session.accountId !== undefined) onSignOut?.(session.accountId, address(ctx.req))
    }
    const body: unknown = ctx.body
    if (ctx.status === 404 && body === undefined) return pages.notFound(ctx)
    if (ctx.status === 503) ctx.set('retry-after', '5')
    if (ctx.status >= 400 && typeof body === 'object' && body !== null && 'error' in body) {
      ctx.body = { ...body, reference: reference(ctx.req) }
    }
  }
}

function configuration(options: ProviderOptions): Configuration {
  const { models, issuer, pds } = options
  const secure = issuer.startsWith('https:')
  const cookie = { signed: true, httpOnly: true, sameSite: 'lax', secure } as const
  const features = clientFeatures(options.mutualTls)
  const nonces = dpopNonces(options.dpopNonceSecret, options.now)
  const boundKey = requestKey(nonces, options.now)
  return {
    ...clientConfiguration(options.mutualTls),
    adapter: (name: string) => models.adapter(name) as never,
    jwks: { keys: options.keys as never },
    clients: [accountClient(issuer)],
    ...pairwiseSubjects(options.subjectKey),
    fetch: outboundFetch(options.fetchDocument, options.now),
    extraParams: {
      ...Object.fromEntries([impliedConsent, linkParam, freshSignIn, ...personParams].map((name) => [name, null])),
      async [keyParam](ctx, named) {
        await boundKey(ctx, named)
        // The library asks this last before it stores the request.
        await options.requestLimits(ctx, options.address(ctx.req))
      },
    },
    discovery: {
      ...openidDiscovery(options.registration),
      ...refreshExpirationDiscovery,
      ...globalRevocationDiscovery(issuer),
      ...(options.ownGrants && ownGrantsDiscovery),
    },
    pkce: { required: pkceRequired },
    assertJwtClientAuthClaimsAndHeader: clientAssertions(nonces, options.now),
    routes: {
      authorization: '/authorize',
      token: '/token',
      userinfo: '/userinfo',
      jwks: '/jwks',
      introspection: '/introspect',
      revocation: '/revoke',
      pushed_authorization_request: '/par',
      end_session: '/logout',
      device_authorization: '/device_authorization',
      code_verification: devicePath,
      backchannel_authentication: backchannelPath,
      registration: registrationPath,
    },
    cookies: {
      keys: [...options.cookieKeys],
      // RFC 6265bis §4.1.3: `__Host-` keeps sub-domains from planting a session; the other two live on a path.
      names: secure
        ? { session: '__Host-session', interaction: '__Secure-interaction', resume: '__Secure-resume' }
        : { session: 'session', interaction: 'interaction', resume: 'resume' },
      long: { ...cookie, path: '/' },
      short: cookie,
    },
    interactions: {
      url: (_ctx, interaction) => `/interaction/${interaction.uid}`,
      policy: policy(
        options.now,
        options.findIdentities,
        { resource: pds, access: options.pdsAccess },
        options.findConsent,
        options.registration,
      ),
    },
    loadExistingGrant: existingGrant(options.findConsent, pds),
    async findAccount(ctx, id) {
      const row = models.account(ctx, id)
      const account =
        row === undefined
          ? await options.findAccount(id)
          : {
              id: row.id,
              name: row.name ?? undefined,
              email: row.email ?? undefined,
              emailVerified: row.email_verified,
              disabledAt: row.disabled_at ?? undefined,
            }
      if (account === undefined || account.disabledAt !== undefined) return undefined
      return {
        accountId: account.id,
        async claims(_use, scope, claims) {
          const asked = wantsIdentities(scope, claims)
          return claimsOf(account, asked ? await options.findIdentities(account.id) : [])
        },
      }
    },
    ...lifetimes(options.now),
    extraTokenClaims: (ctx, token) => tokenClaims(ctx, token) as Record<string, never> | undefined,
    formats: { customizers: { jwt: options.jwts.customize } },
    // RFC 7009 §2.1: whoever takes one token back means the access behind it; half a family is no use to anybody.
    revokeGrantPolicy: () => true,
    clientBasedCORS: (_ctx, origin, client) =>
      (client.redirectUris ?? []).some((uri) => URL.canParse(uri) && new URL(uri).origin === origin),
    renderError: (ctx, out, error) => options.pages.error(ctx, out, error),
    features: {
      ...features,
      claimsParameter: { ...features.claimsParameter, assertClaimsParameter: assertAcrClaim },
      ...registrationFeatures(options.appRegistration),
      clientIdMetadataDocument: documentFeature(options.readsDocuments === true),
      ciba: { ...backchannel(options.backchannel?.desk), enabled: options.backchannel !== undefined },
      fapi: { enabled: true, profile: (_ctx, client) => (behaviourOf(client).fapi === true ? '2.0' : undefined) },
      requestObjects: { ...features.requestObjects, assertJwtClaimsAndHeader: requestObjects(options.now) },
      dPoP: { ...features.dPoP, nonceSecret: options.dpopNonceSecret },
      deviceFlow: deviceFlow(options.devices),
      richAuthorizationRequests: richRequests(options.authorizationTypes),
      introspection: {
        ...features.introspection,
        async allowedPolicy(ctx, client, token) {
          const own = token.clientId === client.clientId
          if (!own && (await ctx.oidc.provider.Client.find(String(token.clientId))) === undefined) return false
          const audience = 'aud' in token && typeof token.aud === 'string' ? token.aud : undefined
          const resource = own || audience === undefined ? undefined : await options.findResource(audience)
          return mayIntrospect(client.clientId, token, resource)
        },
      },
      resourceIndicators: {
        ...features.resourceIndicators,
        getResourceServerInfo: async (ctx, identifier, client) =>
          identifier === pds.identifier
            ? pds.info(ctx, client.metadata())
            : namedResourceServer(ctx, await options.findResource(identifier), client),
        // An app that asks for atproto and says nothing else means the person's PDS; a program by itself has none. IFTTT
        // cannot name a resource.
        async defaultResource({ oidc }, _client, oneOf) {
          if (oneOf !== undefined) return oneOf
          const detailed = resourceOfDetails(oidc.params, options.authorizationTypes)
          if (detailed !== undefined) return detailed
          // Only for undefined does the library drop the scopes that no resource stands behind (RFC 6749 §4.4.2).
          if (oidc.route === 'token') return undefined as unknown as string[]
          demandResource(oidc)
          const meant = [pds, options.ifttt].find((resource) => resource.isMeant(oidc.requestParamScopes))
          return meant?.identifier ?? []
        },
        // A client that named one API when it asked for consent means that API when it redeems the code (RFC 8707 §2.2).
        useGrantedResource: async () => true,
      },
      revocation: {
        ...features.revocation,
        // RFC 7009 §2.1: a token is revoked by the client it was issued to.
        allowedPolicy: async (_ctx, client, token) => token.clientId === client.clientId,
      },
      rpInitiatedLogout: {
        ...features.rpInitiatedLogout,
        logoutSource: (ctx, form) => options.pages.logout(ctx, form),
        postLogoutSuccessSource: (ctx) => options.pages.signedOut(ctx),
      },
    },
  }
}

const errorEvents = [
  'authorization.error',
  'grant.error',
  'userinfo.error',
  'introspection.error',
  'revocation.error',
  'pushed_authorization_request.error',
  'device_authorization.error',
  'backchannel_authentication.error',
  'device_resume.error',
  'end_session.error',
  'end_session_confirm.error',
  'end_session_success.error',
  'discovery.error',
  'jwks.error',
  'registration_create.error',
  'registration_read.error',
  'registration_update.error',
  'registration_delete.error',
  'server_error',
] as const
