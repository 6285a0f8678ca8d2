/**
 * Logos of clients, from our own store: a page that asks for a password makes no request to anybody else.
 *
 * What an admin registered is a picture and nothing more; it is served so that a browser can make nothing else of it.
 */
import { createHash } from 'node:crypto'
import Router from '@koa/router'
import type { Middleware } from 'koa'
import type { Client } from '../../adapters/postgres/clients.ts'

const logoPath = '/logos'

/** The stored form of a logo: `data:image/png;base64,…`. */
const stored = /^data:(image\/(?:png|jpeg|webp|gif));base64,([A-Za-z0-9+/]+={0,2})$/

/** Address of a client's logo, undefined for a client without one. Changes when the picture does. */
export function logoUrl(clientId: string, logo: unknown): string | undefined {
  if (typeof logo !== 'string' || !stored.test(logo)) return undefined
  const version = createHash('sha256').update(logo).digest('base64url').slice(0, 12)
  return `${logoPath}/${encodeURIComponent(clientId)}/${version}`
}

export function logoRoutes(findClient: (id: string) => Promise<Client | undefined>): Middleware {
  const router = new Router({ prefix: logoPath })
  router.get('/:id/:version', async (ctx, next) => {
    const client = await findClient(String(ctx['params'].id))
    const logo = client?.metadata['logo']
    const [, type, data] = (typeof logo === 'string' ? stored.exec(logo) : null) ?? []
    if (client === undefined || type === undefined || data === undefined) return next()
    ctx.type = type
    ctx.set('cache-control', 'public, max-age=31536000, immutable')
    ctx.set('content-security-policy', "default-src 'none'; sandbox")
    ctx.body = Buffer.from(data, 'base64')
  })
  return router.routes() as unknown as Middleware
}
