/**
 * The HTTP application: what every request goes through, then the routers, the protocol library last.
 *
 * Owns host pinning, security headers and how errors are answered. What is behind a path stands in the routers.
 */
import Koa, { type Context, type Middleware, type Next } from 'koa'
import type { Provider } from 'oidc-provider'
import { errorPage } from '../views/error.ts'
import { homePage } from '../views/home.ts'
import { isUnreachable, isUnstorable } from './database-trouble.ts'
import { describe } from './describe-error.ts'
import { Refusal } from './errors.ts'
import type { Log } from './log.ts'
import { protocolStatus } from './oidc/errors.ts'
import { PageRefusal } from './page-refusal.ts'
import { type Pages, sendPage } from './pages.ts'
import { type Proxies, requestInfo } from './request-info.ts'

export interface AppOptions {
  issuer: string
  proxies: Proxies
  /** Sign the cookies of our own pages, newest first; the same as the provider's. */
  cookieKeys: readonly string[]
  pages: Pages
  /** The provider of the moment: it is swapped when keys or settings change. */
  provider: () => Provider
  /** Answers under any host name. */
  health: Middleware
  /** Sends on what has to arrive under another host name. */
  bounce?: Middleware
  /** Our own pages and APIs, in the order they are asked. */
  routes: readonly Middleware[]
  log: Log
}

/** Builds the application; it listens nowhere yet. */
export function createApp(options: AppOptions): Koa {
  const app = new Koa({ keys: [...options.cookieKeys] })
  app.use(described(options))
  app.use(options.health)
  if (options.bounce !== undefined) app.use(options.bounce)
  app.use(pinned(options))
  app.use(assets(options.pages))
  app.use(home(options))
  for (const routes of options.routes) app.use(routes)
  app.use(protocol(options.provider))
  app.on('error', (error: unknown) => {
    if (isHangUp(error)) options.log.debug({}, 'somebody left before the answer was complete')
    else options.log.error({ error: describe(error) }, 'response failed')
  })
  return app
}

/** Whoever leaves a page that waits ends its stream: that is no failure of ours. */
function isHangUp(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_STREAM_PREMATURE_CLOSE'
}

/** Names the request, sets what every answer carries, and turns what is thrown into an answer. */
function described(options: AppOptions): Middleware {
  const { issuer, proxies, log } = options
  return async (ctx, next) => {
    const { reference, address } = requestInfo(ctx.req, proxies)
    ctx.set({
      'x-request-id': reference,
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
      'cross-origin-opener-policy': 'same-origin',
      'permissions-policy': 'camera=(), geolocation=(), microphone=()',
      // Pages set a policy of their own; whatever else a browser may be shown gets the strictest.
      'content-security-policy':
        "default-src 'none'; script-src 'none'; form-action 'self' https:; frame-ancestors 'none'",
      ...(issuer.startsWith('https:') ? { 'strict-transport-security': 'max-age=63072000' } : {}),
    })
    try {
      await next()
    } catch (error) {
      const refusal = refusalOf(error)
      const level = refusal.status >= 500 ? 'error' : 'info'
      log[level](
        {
          reference,
          address,
          method: ctx.method,
          path: loggedPath(ctx.path),
          ...(refusal.code === 'misdirected' ? { host: requestInfo(ctx.req).host, issuer } : {}),
          error: describe(error),
        },
        'refused',
      )
      answer(ctx, refusal, reference, options)
    }
  }
}

/** Interaction ids stand in paths and are half of what opens an interaction; a link from the chat opens by itself. */
function loggedPath(path: string): string {
  return path.replace(/^\/(interaction|authorize|device|telegram\/connect)\/[^/]+/, '/$1/:uid')
}

function refusalOf(error: unknown): Refusal {
  if (error instanceof Refusal) return error
  // Too many passwords are being hashed at once (`adapters/crypto/password-hash.ts`).
  if (error instanceof Error && error.name === 'HashingOverloaded')
    return new Refusal('unavailable', 'busy', { retryAfter: 2, cause: error })
  if (protocolStatus(error) === 503 || isUnreachable(error))
    return new Refusal('unavailable', 'database unreachable', { retryAfter: 5, cause: error })
  if (isUnstorable(error)) return new PageRefusal('invalid', 'form-broken', { cause: error })
  return new Refusal('internal', 'internal error', { cause: error })
}

function answer(ctx: Context, refusal: Refusal, reference: string, { issuer, pages }: AppOptions): void {
  const { status } = refusal
  if (refusal.retryAfter !== undefined) ctx.set('retry-after', String(refusal.retryAfter))
  if (ctx.accepts('json', 'html') !== 'html') {
    ctx.status = status
    ctx.body = { error: oauthError(refusal), error_description: refusal.message, reference }
    return
  }
  const on = pages.surroundings(ctx)
  const words = on.words.error
  const [title, message] =
    refusal instanceof PageRefusal
      ? [words.refusedTitle, words.refusals[refusal.reason]]
      : status === 503
        ? [words.unavailableTitle, words.unavailable]
        : status >= 500
          ? [words.internalTitle, words.internal]
          : [words.refusedTitle, refusal.message]
  const home = refusal.code === 'misdirected' ? `${issuer}/` : '/'
  sendPage(ctx, errorPage(on, { title, message, reference, home }), { status })
}

/** The nearest error code of RFC 6749 §4.1.2.1 and §5.2. */
function oauthError({ code }: Refusal): string {
  if (code === 'unavailable') return 'temporarily_unavailable'
  return code === 'internal' ? 'server_error' : 'invalid_request'
}

/**
 * Settles host and protocol for everything that follows: the issuer's, or no answer. The library builds addresses from
 * these headers, so nobody else may choose them.
 */
function pinned({ issuer, proxies }: AppOptions): Middleware {
  const { header, verifyHeader } = proxies.certificates ?? {}
  const { host, protocol } = new URL(issuer)
  return async (ctx, next) => {
    const target = originForm(ctx.req.url ?? '', host)
    // RFC 9112 §3.2: of two Host lines nobody can say which one another party believed.
    const ambiguous = (ctx.req.headersDistinct['host']?.length ?? 0) > 1
    if (target === undefined || ambiguous || requestInfo(ctx.req).host?.toLowerCase() !== host) {
      throw new PageRefusal('misdirected', 'other-host')
    }
    ctx.req.url = ctx.originalUrl = ctx.request.originalUrl = target
    const { headers } = ctx.req
    for (const name of Object.keys(headers))
      if (name === 'forwarded' || name.startsWith('x-forwarded-') || name === header || name === verifyHeader)
        delete headers[name]
    headers.host = host
    headers['x-forwarded-proto'] = protocol.slice(0, -1)
    ctx.cookies.secure = protocol === 'https:'
    await next()
  }
}

/**
 * The request target as a path; undefined when it names another host. A target may be a whole address, which then counts
 * more than the Host header (RFC 9112 §3.2.2) and which the library would build its own addresses from.
 */
function originForm(target: string, host: string): string | undefined {
  if (target.startsWith('/')) return target
  const url = URL.parse(target)
  return url?.host === host && /^https?:$/.test(url.protocol) ? url.pathname + url.search : undefined
}

function assets({ stylesheet, waitingScript, telegramScript }: Pages): Middleware {
  return async (ctx, next) => {
    const asset = [stylesheet, waitingScript, telegramScript].find(({ path }) => path === ctx.path)
    if (asset === undefined || ctx.method !== 'GET') return next()
    ctx.type = asset === stylesheet ? 'text/css; charset=utf-8' : 'text/javascript; charset=utf-8'
    ctx.set('cache-control', 'public, max-age=31536000, immutable')
    ctx.body = asset.content
  }
}

function home({ issuer, pages }: AppOptions): Middleware {
  return async (ctx, next) => {
    if (ctx.path !== '/' || !['GET', 'HEAD'].includes(ctx.method)) return next()
    const discovery = `${issuer}/.well-known/openid-configuration`
    sendPage(ctx, homePage(pages.surroundings(ctx), { issuer, discovery, signedIn: false }))
  }
}

/** Everything else is the protocol's. The library is a Koa application of its own; it answers on the raw response. */
function protocol(provider: () => Provider): Middleware {
  const handlers = new WeakMap<Provider, ReturnType<Provider['callback']>>()
  return async (ctx: Context, _next: Next) => {
    const current = provider()
    const handler = handlers.get(current) ?? current.callback()
    handlers.set(current, handler)
    ctx.respond = false
    await handler(ctx.req, ctx.res)
  }
}
