/**
 * The Mini App of our own bot: the account pages, signed in by the Telegram around them.
 *
 * What Telegram says stands behind the `#` of this address, where no server sees it; browsers carry it along redirects, up
 * to the page of the sign-in that reads it.
 */
import Router from '@koa/router'
import type { Middleware } from 'koa'

const telegramAppPath = '/telegram/app'

/** `signIn`: address of a sign-in by the Telegram around the page. */
export function telegramAppRoutes(signIn: () => string): Middleware {
  const router = new Router()
  router.get(telegramAppPath, (ctx) => {
    ctx.redirect(signIn())
    ctx.status = 303
    ctx.set('cache-control', 'no-store')
  })
  return router.routes() as unknown as Middleware
}
