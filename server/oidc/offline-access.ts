/**
 * Lets clients ask for `offline_access` without asking to show the consent page each time.
 *
 * OpenID Connect Core §11 ignores the scope unless `prompt=consent` came with it "or other conditions" hold. Ours: the
 * person has agreed to offline access of this client, now or before; the usual check for missing consent sees to that.
 * The library knows only the first half, so the prompt is added for it and marked as not the client's own wish. Where
 * nothing may be asked (`none`) it cannot be added, and nothing is: the library leaves the scope out.
 */
import type { Middleware } from 'koa'

/** Marks a `prompt=consent` that the client did not send. */
export const impliedConsent = 'consent_implied'

/** Adds the marked prompt to authorization requests for `offline_access` that ask for something else or for nothing. */
export function offlineAccess(): Middleware {
  return async (ctx, next) => {
    const query = new URLSearchParams(ctx.querystring)
    const asks = query.get('scope')?.split(' ').includes('offline_access') === true
    const prompts = query.getAll('prompt').flatMap((value) => value.split(' '))
    const free = !prompts.includes('none') && !prompts.includes('consent') && query.getAll('prompt').length < 2
    if (ctx.method === 'GET' && ctx.path === '/authorize' && asks && free) {
      query.set('prompt', [...prompts, 'consent'].join(' ').trim())
      query.set(impliedConsent, 'yes')
      ctx.querystring = query.toString()
    }
    await next()
  }
}
