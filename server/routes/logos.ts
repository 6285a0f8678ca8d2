/**
 * Logos of clients, from our own store: a page that asks for a password makes no request to anybody else.
 *
 * What an admin registered is a picture and nothing more; it is served so that a browser can make nothing else of it.
 */
import Router from '@koa/router'
import type { Middleware } from 'koa'
import type { Client } from '../../adapters/postgres/clients.ts'
import { isClientId } from '../oidc/client-metadata.ts'
import { decodeLogo } from '../oidc/logo.ts'
import { logoPath } from '../oidc/logo-url.ts'

/** Answers pictures of enabled clients, nothing else. */
export function logoRoutes(findClient: (id: string) => Promise<Client | undefined>): Middleware {
  const router = new Router({ prefix: logoPath, sensitive: true })
  router.get('/:id/:version', async (ctx, next) => {
    const id = String(ctx['params'].id)
    const client = isClientId(id) ? await findClient(id) : undefined
    const logo = client?.disabledAt === undefined ? decodeLogo(client?.metadata['logo']) : undefined
    if (logo === undefined) return next()
    ctx.type = logo.type
    ctx.set('cache-control', 'public, max-age=31536000, immutable')
    ctx.set('x-content-type-options', 'nosniff')
    ctx.set('content-security-policy', "default-src 'none'; sandbox")
    ctx.body = logo.bytes
  })
  return router.routes() as unknown as Middleware
}
