/**
 * The document by which an app that was refused at our own API finds out who gives tokens for it (RFC 9728).
 *
 * The API is this server's, so the resource is the issuer itself; `/xrpc` is what it has.
 */
import type { Middleware } from 'koa'
import { dpopAlgorithms } from '../oidc/dpop-proof.ts'

const path = '/.well-known/oauth-protected-resource'

export interface ProtectedResourceOptions {
  issuer: string
  productName: string
  /** Scopes that tokens for the resource may have. */
  scopes: readonly string[]
}

/** Answers the metadata to anybody, from any origin. */
export function protectedResourceRoutes({ issuer, productName, scopes }: ProtectedResourceOptions): Middleware {
  const metadata = {
    resource: issuer,
    authorization_servers: [issuer],
    scopes_supported: scopes,
    bearer_methods_supported: ['header'],
    dpop_signing_alg_values_supported: dpopAlgorithms,
    resource_name: productName,
  }
  return async (ctx, next) => {
    if (ctx.path !== path || !['GET', 'HEAD'].includes(ctx.method)) return next()
    ctx.set({ 'access-control-allow-origin': '*', 'cache-control': 'public, max-age=300' })
    ctx.body = metadata
  }
}
