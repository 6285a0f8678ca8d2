/** The pages that the protocol library shows by itself: errors, sign-out. */
import type { Client, ErrorOut, KoaContextWithOIDC } from 'oidc-provider'
import { errorPage } from '../views/error.ts'
import { expiredPage } from '../views/expired.ts'
import { trusted } from '../views/html.ts'
import { logoutPage, signedOutPage } from '../views/logout.ts'
import { stoppedPage } from '../views/unverified.ts'
import type { Words } from '../views/words.ts'
import { clientCard } from './interactions/desk.ts'
import { accountClientId } from './oidc/account-client.ts'
import { isSessionNotFound } from './oidc/errors.ts'
import type { ProviderPages } from './oidc/provider.ts'
import { contentSecurityPolicy, formTargetsOf, type Pages, sendPage } from './pages.ts'
import { requestInfo } from './request-info.ts'

/** `restartOf`: the address that begins the sign-in of an interaction again, as far as it is known. */
export function providerPages(pages: Pages, restartOf: (uid: string) => Promise<string | undefined>): ProviderPages {
  return {
    async error(ctx, out, error) {
      const on = pages.surroundings(ctx)
      const status = ctx.status
      if (isSessionNotFound(error)) {
        const { uid } = ctx['params'] as { uid?: string }
        const restart = uid === undefined ? undefined : await restartOf(uid)
        return sendPage(ctx, expiredPage(on, { restart }), { status })
      }
      const { reference } = requestInfo(ctx.req)
      sendPage(ctx, errorPage(on, { ...explanation(on.words.error, out, status), reference, home: '/' }), { status })
    },

    logout(ctx, form) {
      const document = logoutPage(pages.surroundings(ctx), {
        form: trusted(form),
        clientName: appOf(ctx)?.clientName,
      })
      sendPage(ctx, document, { formTargets: formTargetsOf(ctx.oidc.session?.state?.['postLogoutRedirectUri']) })
    },

    stopped(ctx, out, target) {
      const { client, params } = ctx.oidc
      const on = pages.surroundings(ctx)
      const redirectUri = params?.['redirect_uri']
      const id = client?.clientId ?? ''
      const card = clientCard(client?.metadata() ?? {}, id, typeof redirectUri === 'string' ? redirectUri : undefined)
      const { error, error_description: description } = out
      const document = stoppedPage(on, {
        client: card,
        target,
        error: description === undefined ? error : `${error}: ${description}`,
        reference: requestInfo(ctx.req).reference,
        home: '/',
      })
      sendPage(ctx, document, { status: error === 'access_denied' ? 200 : 400 })
    },

    notFound(ctx) {
      const on = pages.surroundings(ctx)
      const message = on.words.error.refusals['no-such-page']
      if (ctx.accepts('json', 'html') !== 'html') {
        ctx.status = 404
        ctx.body = { error: 'not_found', error_description: message, reference: requestInfo(ctx.req).reference }
      } else sendPage(ctx, errorPage(on, { title: on.words.error.refusedTitle, message, home: '/' }), { status: 404 })
    },

    formPost(ctx, target) {
      // The script keeps its hash; "none" beside a hash means nothing and browsers complain about it.
      const script = /'sha256-[^']+'/.exec(ctx.response.get('content-security-policy'))?.[0] ?? "'none'"
      const policy = contentSecurityPolicy(formTargetsOf(target))
      ctx.set('content-security-policy', policy.replace("script-src 'none'", `script-src ${script}`))
      ctx.set('cache-control', 'no-store')
    },

    signedOut(ctx) {
      const app = appOf(ctx)
      const document = signedOutPage(pages.surroundings(ctx), {
        home: app?.clientUri ?? '/',
        clientName: app?.clientName,
        everywhere: ctx.query['everywhere'] !== undefined,
      })
      sendPage(ctx, document)
    },
  }
}

/** The app that asks for the sign-out; our own account pages are none. */
function appOf(ctx: KoaContextWithOIDC): Client | undefined {
  const { client } = ctx.oidc
  return client?.clientId === accountClientId ? undefined : client
}

/** What the person reads; the library's description is for the people behind the app. */
function explanation(words: Words['error'], out: ErrorOut, status: number): { title: string; message: string } {
  if (status === 503) return { title: words.unavailableTitle, message: words.unavailable }
  if (status >= 500) return { title: words.internalTitle, message: words.internal }
  if (out.error === 'invalid_client') return { title: words.unknownAppTitle, message: words.unknownApp }
  const detail = out.error_description === undefined ? out.error : `${out.error}: ${out.error_description}`
  return { title: words.requestTitle, message: words.request(detail) }
}
