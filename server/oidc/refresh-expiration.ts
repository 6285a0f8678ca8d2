/**
 * Tells clients when a refresh token ends, beside the token itself (draft-ietf-oauth-refresh-token-expiration-03).
 *
 * Under the draft's names and under `refresh_token_expires_in`, which its earlier versions had and which clients know.
 * A time that never comes is left out, as the draft has it (§6.1.2): the discovery document says that there are some.
 */
import type { Middleware } from 'koa'
import { type Configuration, type KoaContextWithOIDC, Provider } from 'oidc-provider'
import { behaviourOf } from './client-behaviour.ts'
import type { Profile } from './profile.ts'
import { forever } from './profiles.ts'

type RefreshToken = InstanceType<Provider['RefreshToken']>

/** What the discovery document says of it (§8). */
export const refreshExpirationDiscovery = {
  refresh_token_expiration_types_supported: ['authorization', 'token_timeout'],
} satisfies NonNullable<Configuration['discovery']>

/** Adds the times to token responses with a refresh token, and to the introspection of one (§6, §7). */
export function refreshExpiration(provider: Provider, now: () => Date): Middleware {
  const saved = new WeakMap<object, RefreshToken>()
  // The library's own grants keep what they made to themselves.
  provider.on('refresh_token.saved', (token) => {
    if (Provider.ctx !== undefined) saved.set(Provider.ctx, token)
  })
  return async (plainCtx, next) => {
    await next()
    const ctx = plainCtx as unknown as KoaContextWithOIDC
    if (ctx.status !== 200 || !isAboutRefreshToken(ctx)) return
    const token = saved.get(ctx) ?? ctx.oidc.entities.RefreshToken
    if (token !== undefined) {
      ctx.body = { ...(ctx.body as object), ...expirationOf(token, behaviourOf(ctx.oidc.client), now) }
    }
  }
}

function isAboutRefreshToken({ oidc, body }: KoaContextWithOIDC): boolean {
  const answer = body as Record<string, unknown> | null | undefined
  if (oidc?.route === 'token') return answer?.['refresh_token'] !== undefined
  return oidc?.route === 'introspection' && answer?.['active'] === true && oidc.entities.RefreshToken !== undefined
}

/** Seconds from now on. */
function expirationOf(
  token: RefreshToken,
  { refreshTokenTtl, refreshFamilyTtl }: Profile,
  now: () => Date,
): Record<string, number> {
  const age = Math.floor(now().getTime() / 1000) - (token.iiat ?? 0)
  return {
    ...(refreshTokenTtl < forever
      ? { refresh_token_expires_in: token.remainingTTL, refresh_token_timeout: token.remainingTTL }
      : {}),
    ...(refreshFamilyTtl < forever ? { authorization_expires_in: Math.max(0, refreshFamilyTtl - age) } : {}),
  }
}
