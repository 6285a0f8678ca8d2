/**
 * Replaces those answers of the library that are of no use to a person.
 *
 * Three are pages that submit themselves and show nothing where scripts do not run. Two of them only lead back to this
 * server: leaving one account for another, and signing out where nobody is signed in. Both are done at once and end in a
 * redirect. The third carries an answer to the app (`response_mode=form_post`). And who stays is not "signed out".
 */
import type { Middleware } from 'koa'
import type { KoaContextWithOIDC } from 'oidc-provider'
import { isUnverified } from './unverified.ts'

export type FormPostPage = (ctx: KoaContextWithOIDC, target: string) => void

/** Where somebody goes who was asked whether to sign out, and stays. */
const stayed = '/account'

/**
 * A middleware for the provider; `toApp` makes the page that posts to an app fit for a browser, `endSession` ends every copy
 * of a session and lets its apps be told.
 */
export function frontChannel(toApp: FormPostPage, endSession: (uid: string) => Promise<unknown>): Middleware {
  return async (plainCtx, next) => {
    await next()
    const ctx = plainCtx as unknown as KoaContextWithOIDC
    const { oidc } = ctx
    if (oidc?.route === 'end_session_confirm' && ctx.status === 303 && oidc.params?.['logout'] === undefined) {
      // The library says "signed out" to those who stay, unless the app wants them back; nobody asked for a stranger's.
      const wantedBack = !ctx.response.get('location').startsWith(oidc.urlFor('end_session_success'))
      if (!wantedBack || isUnverified(oidc.client)) seeOther(ctx, stayed)
      return
    }
    if (oidc === undefined || typeof ctx.body !== 'string' || !ctx.body.includes('document.forms[0].submit()')) return
    if (oidc.route === 'end_session') return seeOther(ctx, afterLogout(ctx))
    const target = oidc.session?.state?.['postLogoutRedirectUri']
    const resumed = oidc.route === 'resume' || oidc.route === 'device_resume'
    if (resumed && target === oidc.urlFor(oidc.route, { uid: String(ctx['params'].uid) })) {
      if (oidc.session !== undefined) await endSession(oidc.session.uid)
      await leaveSession(ctx)
      return seeOther(ctx, target)
    }
    toApp(ctx, String(oidc.params?.['redirect_uri']))
  }
}

/** Ends the session of the person who was here before, as their sign-out would: offline access goes on. */
async function leaveSession(ctx: KoaContextWithOIDC): Promise<void> {
  const { session, provider } = ctx.oidc
  if (session === undefined) return
  for (const { grantId, persistsLogout } of Object.values(session.authorizations ?? {}) as Authorization[]) {
    if (grantId === undefined || persistsLogout === true) continue
    await (await provider.Grant.find(grantId))?.destroy()
  }
  await session.destroy()
  ctx.cookies.set(provider.cookieName('session'), null, { path: '/', httpOnly: true, sameSite: 'lax', overwrite: true })
}

/** What the library notes of an app in a session. */
interface Authorization {
  grantId?: string
  /** Offline access was given. */
  persistsLogout?: boolean
}

/**
 * Where the app wants the browser after a sign-out; the library has held the address against the registered ones. Anybody
 * could register a client for a link that leads elsewhere under this server's name (RFC 9700 §4.11.2).
 */
function afterLogout({ oidc }: KoaContextWithOIDC): string {
  const { post_logout_redirect_uri: target, state } = oidc.params ?? {}
  if (typeof target !== 'string' || isUnverified(oidc.client)) return oidc.urlFor('end_session_success')
  const url = new URL(target)
  if (typeof state === 'string') url.searchParams.set('state', state)
  return url.href
}

function seeOther(ctx: KoaContextWithOIDC, target: string): void {
  ctx.redirect(target)
  ctx.status = 303
}
