/**
 * Writes down when a long-lived grant was last used: a refresh token that is never exchanged for another leaves no trace.
 *
 * A use is what shows that the app is alive: a token that was issued, or one that a resource server asked about.
 */
import type { Middleware } from 'koa'
import type { KoaContextWithOIDC } from 'oidc-provider'
import { behaviourOf } from './client-behaviour.ts'

/** A middleware for the provider; `used` is told the grant, after the answer was made. */
export function lastUse(used: (grantId: string) => Promise<void>): Middleware {
  return async (plainCtx, next) => {
    await next()
    const ctx = plainCtx as unknown as KoaContextWithOIDC
    if (ctx.status !== 200) return
    const grantId = ctx.oidc?.route === 'token' ? tokenGrant(ctx) : await introspectedGrant(ctx)
    if (grantId !== undefined) await used(grantId)
  }
}

function tokenGrant({ oidc }: KoaContextWithOIDC): string | undefined {
  return behaviourOf(oidc.client).recordsUse ? oidc.entities.Grant?.jti : undefined
}

/** Of a token that lives and belongs to such a client; whoever asks is a resource server. */
async function introspectedGrant({ oidc, body }: KoaContextWithOIDC): Promise<string | undefined> {
  if (oidc?.route !== 'introspection' || (body as { active?: unknown } | undefined)?.active !== true) return undefined
  const token = oidc.entities.AccessToken
  if (token?.grantId === undefined || token.clientId === undefined) return undefined
  const client = await oidc.provider.Client.find(token.clientId)
  return behaviourOf(client).recordsUse ? token.grantId : undefined
}
