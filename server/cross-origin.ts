/**
 * Refuses forms that another site sends in the person's name (docs/decisions/005-csrf.md).
 *
 * Browsers say where a request comes from (`Sec-Fetch-Site`, before that `Origin`); what says neither is no browser and
 * carries nobody's cookies. Cookies are `SameSite=Lax` besides, and interaction ids cannot be guessed.
 */
import type { Context, Next } from 'koa'
import { PageRefusal } from './page-refusal.ts'

/** Refuses unsafe requests to `paths`, and to what is below them, whose initiator is not a page of this `issuer`. Throws `PageRefusal`. */
export function sameOriginOnly(issuer: string, paths: readonly string[]) {
  return async (ctx: Context, next: Next): Promise<void> => {
    const ours = paths.some((path) => ctx.path === path || ctx.path.startsWith(`${path}/`))
    if (ours && !['GET', 'HEAD', 'OPTIONS'].includes(ctx.method) && !isSameOrigin(ctx, issuer)) {
      throw new PageRefusal('forbidden', 'other-site')
    }
    await next()
  }
}

function isSameOrigin(ctx: Context, issuer: string): boolean {
  const site = ctx.get('sec-fetch-site')
  if (site !== '') return site === 'same-origin' || site === 'none'
  const origin = ctx.get('origin')
  return origin === '' || origin === issuer
}
