/**
 * What people's PDSs see of us: the documents of our client there, and where they send browsers back to.
 *
 * The documents exist where we are a confidential client, on https; on a developer's machine the callback arrives at an
 * address that a PDS accepts and goes on from there to the issuer's own.
 */
import Router from '@koa/router'
import type { Context, Middleware } from 'koa'
import type { AtprotoClient } from '../../adapters/atproto/contract.ts'
import { requestInfo } from '../request-info.ts'

/** Seconds for which a PDS may keep what it fetched; shorter than the time before a new key is used. */
const cacheTime = 600

/** Serves `/atproto/client-metadata.json` and `/atproto/jwks.json`. */
export function atprotoClientRoutes({ documents }: Pick<AtprotoClient, 'documents'>): Middleware {
  const router = new Router({ prefix: '/atproto', sensitive: true })
  const serve = (name: 'metadata' | 'jwks') => async (ctx: Context, next: () => Promise<unknown>) => {
    const found = await documents()
    if (found === undefined) return next()
    ctx.set('cache-control', `public, max-age=${cacheTime}`)
    ctx.body = JSON.stringify(found[name])
    ctx.set('content-type', 'application/json')
  }
  router.get('/client-metadata.json', serve('metadata'))
  router.get('/jwks.json', serve('jwks'))
  return router.routes() as unknown as Middleware
}

/**
 * Sends callbacks that arrive at `redirectUri` on to the issuer (303): for an issuer on `localhost` a PDS demands
 * `127.0.0.1` (RFC 8252 §7.3), and the browser's cookies are the issuer's. Exactly that address, and to nowhere else.
 */
export function callbackBounce(issuer: string, redirectUri: string): Middleware {
  const { host, origin, pathname } = new URL(redirectUri)
  return async (ctx, next) => {
    const [path, ...query] = (ctx.req.url ?? '').split('?')
    const elsewhere = origin !== issuer && requestInfo(ctx.req).host === host
    if (!elsewhere || ctx.method !== 'GET' || path !== pathname) return next()
    ctx.set('cache-control', 'no-store')
    ctx.redirect(`${issuer}${pathname}${query.length === 0 ? '' : `?${query.join('?')}`}`)
    ctx.status = 303
  }
}
