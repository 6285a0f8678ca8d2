/**
 * Writes what a token request has earned in one statement, after the library has made the answer and before it is sent.
 *
 * Either everything of the answer is stored or the client is told that it got nothing: no spent code without its
 * tokens, and of many who redeem one code at once, one.
 */
import type { Middleware } from 'koa'
import { errors, type KoaContextWithOIDC } from 'oidc-provider'

/** A middleware for the provider; `flush` throws the library's errors. */
export function tokenWrites(
  flush: (key: object) => Promise<void>,
  onError: (ctx: KoaContextWithOIDC, error: unknown) => void,
): Middleware {
  return async (plainCtx, next) => {
    await next()
    const ctx = plainCtx as unknown as KoaContextWithOIDC
    if (ctx.oidc?.route !== 'token' || ctx.status !== 200) return
    try {
      await flush(ctx)
    } catch (error) {
      const known =
        error instanceof errors.OIDCProviderError ? error : new errors.OIDCProviderError(500, 'server_error')
      ctx.status = known.statusCode
      ctx.body = { error: known.message, error_description: known.error_description }
      onError(ctx, error)
    }
  }
}
