/**
 * How long what the library stores lives, and what ends together with a browser session.
 *
 * Resources say how long their access tokens live, profiles how long refresh tokens do; here are the rest and the rules.
 */
import type { Configuration } from 'oidc-provider'
import { requestLifetime } from './backchannel.ts'
import { behaviourOf } from './client-behaviour.ts'

/** Seconds. */
const minute = 60
const hour = 60 * minute
const day = 24 * hour
const lifetime = {
  accessToken: hour,
  clientCredentials: 10 * minute,
  code: minute,
  deviceCode: 10 * minute,
  interaction: hour,
  session: 14 * day,
  /** Beyond any token of its own: what ends a grant is its tokens' end, or a revocation. */
  grant: 100 * 365 * day,
}

/** The part of the library's configuration that says what ends when; `now` is the clock that refresh families age by. */
export function lifetimes(now: () => Date) {
  return {
    ttl: {
      AccessToken: (_ctx, token) => token.resourceServer?.accessTokenTTL ?? lifetime.accessToken,
      ClientCredentials: (_ctx, token) => token.resourceServer?.accessTokenTTL ?? lifetime.clientCredentials,
      AuthorizationCode: lifetime.code,
      DeviceCode: lifetime.deviceCode,
      IdToken: hour,
      Interaction: lifetime.interaction,
      Session: lifetime.session,
      Grant: lifetime.grant,
      BackchannelAuthenticationRequest: requestLifetime,
      RefreshToken(_ctx, token, client) {
        const { refreshTokenTtl, refreshFamilyTtl } = behaviourOf(client)
        const familyEnds = (token.iiat ?? epoch(now)) + refreshFamilyTtl
        return Math.max(1, Math.min(refreshTokenTtl, familyEnds - epoch(now)))
      },
    },
    // Without `offline_access` too: such a refresh token ends with the browser session (below).
    issueRefreshToken: async (_ctx, client) => client.grantTypeAllowed('refresh_token'),
    expiresWithSession: async (ctx, source) =>
      behaviourOf(ctx.oidc.client).sessionBound && !outlivesSession(source.scopes),
    rotateRefreshToken: (ctx) => behaviourOf(ctx.oidc.client).rotateRefreshToken,
  } satisfies Configuration
}

/** OpenID Connect ties tokens to the browser session unless `offline_access` was granted (Core §11); OAuth 2.0 knows no session. */
function outlivesSession(scopes: ReadonlySet<string>): boolean {
  return scopes.has('offline_access') || !scopes.has('openid')
}

function epoch(now: () => Date): number {
  return Math.floor(now().getTime() / 1000)
}
