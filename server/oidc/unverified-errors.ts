/**
 * Sends nobody away to an app that nobody here vouches for because its request failed (RFC 9700 §4.11.2).
 *
 * Otherwise anybody could register a client and use this server's name for a link that leads elsewhere: a scope that does
 * not exist is enough, or `prompt=none`, or a person who says no. They see a page with the host, and decide.
 */
import type { Middleware } from 'koa'
import { type ErrorOut, errors, type KoaContextWithOIDC, type Provider } from 'oidc-provider'
import { isUnverified } from './unverified.ts'

/** Shows a page in the place of the answer; `target` is where the answer would have led, if a link can lead there. */
export type StoppedPage = (ctx: KoaContextWithOIDC, out: ErrorOut, target: string | undefined) => void

/** A middleware for the provider, which tells of the errors. */
export function unverifiedErrors(provider: Provider, stopped: StoppedPage): Middleware {
  const failed = new WeakMap<object, unknown>()
  for (const event of ['authorization.error', 'server_error'] as const) {
    provider.on(event as 'server_error', (ctx: KoaContextWithOIDC, error: unknown) => void failed.set(ctx.oidc, error))
  }
  return async (plainCtx, next) => {
    await next()
    const ctx = plainCtx as unknown as KoaContextWithOIDC
    const error = ctx.oidc === undefined ? undefined : failed.get(ctx.oidc)
    if (error === undefined || !isUnverified(ctx.oidc.client)) return
    const location = ctx.response.get('location')
    const redirects = ctx.status >= 300 && ctx.status < 400 && location !== ''
    const posts = typeof ctx.body === 'string' && ctx.body.includes('document.forms[0].submit()')
    if (!redirects && !posts) return
    ctx.remove('location')
    stopped(ctx, told(error), redirects ? location : undefined)
  }
}

function told(error: unknown): ErrorOut {
  if (!(error instanceof errors.OIDCProviderError)) return { error: 'server_error' }
  const { message, error_description: description } = error
  return { error: message, ...(description === undefined ? {} : { error_description: description }) }
}
