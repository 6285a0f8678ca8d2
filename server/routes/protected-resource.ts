/**
 * The documents by which an app that was refused at an API of our own finds out who gives tokens for it (RFC 9728).
 *
 * `/xrpc` is the API of the server itself, so its resource is the issuer; another has its path.
 */
import type { Middleware } from 'koa'
import { dpopAlgorithms } from '../oidc/dpop-proof.ts'

const wellKnown = '/.well-known/oauth-protected-resource'

export interface ProtectedResourceOptions {
  issuer: string
  productName: string
  resources: readonly {
    /** Below the issuer; empty for the issuer itself. */
    readonly path: string
    /** Scopes that tokens for the resource may have. */
    readonly scopes: readonly string[]
  }[]
}

/** Answers the metadata to anybody, from any origin. */
export function protectedResourceRoutes({ issuer, productName, resources }: ProtectedResourceOptions): Middleware {
  const documents = new Map(
    resources.map(({ path, scopes }) => [
      // RFC 9728 §3.1: the path of the resource follows the well-known one.
      wellKnown + path,
      {
        resource: issuer + path,
        authorization_servers: [issuer],
        scopes_supported: scopes,
        bearer_methods_supported: ['header'],
        dpop_signing_alg_values_supported: dpopAlgorithms,
        resource_name: productName,
      },
    ]),
  )
  return async (ctx, next) => {
    const document = documents.get(ctx.path)
    if (document === undefined || !['GET', 'HEAD'].includes(ctx.method)) return next()
    ctx.set({ 'access-control-allow-origin': '*', 'cache-control': 'public, max-age=300' })
    ctx.body = document
  }
}
