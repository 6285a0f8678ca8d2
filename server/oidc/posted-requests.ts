/**
 * Takes requests of browsers by POST, as OpenID Connect Core §3.1.2.1 and RP-Initiated Logout §2 demand: the browser is sent
 * on to the same request by GET.
 *
 * The library could take them as they are, but then the session cookie would have to go with forms of other sites
 * (`SameSite=None`); without it, it would take everybody for a stranger and replace their session by an empty one.
 */
import type { Middleware } from 'koa'
import { readBody } from '../request-body.ts'

/** Bytes; what fits into an address. */
const longestBody = 8 * 1024
const paths: readonly string[] = ['/authorize', '/logout']

/** A middleware for the provider. */
export function postedRequests(): Middleware {
  return async (ctx, next) => {
    const form = ctx.request.is('application/x-www-form-urlencoded') !== false
    if (ctx.method !== 'POST' || !paths.includes(ctx.path) || !form) return next()
    const bytes = await readBody(ctx.req, longestBody)
    const body = typeof bytes === 'string' ? undefined : bytes.toString('latin1')
    if (body === undefined || !isForm(body)) return next()
    // A parameter that stands in both stands there twice, which is refused (RFC 6749 §3.1).
    const query = [ctx.querystring, body].filter((part) => part !== '').join('&')
    ctx.redirect(query === '' ? ctx.path : `${ctx.path}?${query}`)
    ctx.status = 303
  }
}

/** Whether it is written as browsers write it, so that it means the same in an address. */
function isForm(text: string): boolean {
  return /^[\w.~!$&'()*+,;=:@/?%-]*$/.test(text)
}
