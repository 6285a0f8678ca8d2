/**
 * Sends pages: the words in the person's language, the headers that every page has.
 *
 * Knows the frame of a page, not what stands on it.
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Context } from 'koa'
import type { Surroundings } from '../views/layout.ts'
import { chooseLanguage, wordsIn } from '../views/words.ts'

export interface Pages {
  /** What surrounds a page for this request; `uiLocales` is the client's wish (OpenID Connect Core §3.1.2.1). */
  surroundings(ctx: Context, uiLocales?: string): Surroundings
  readonly stylesheet: { readonly path: string; readonly content: Buffer }
}

/** Pages of the product with this name. Reads the stylesheet once. */
export function pages(productName: string): Pages {
  const content = readFileSync(join(import.meta.dirname, '../views/style.css'))
  const version = createHash('sha256').update(content).digest('base64url').slice(0, 16)
  const path = `/assets/style.${version}.css`
  return {
    stylesheet: { path, content },
    surroundings(ctx, uiLocales) {
      const language = chooseLanguage(uiLocales, ctx.get('accept-language'))
      return { words: wordsIn(language), language, productName, stylesheet: path }
    },
  }
}

/** Answers with a page. `formTargets` are origins or schemes that a form on it may end at, after redirects. */
export function sendPage(
  ctx: Context,
  document: string,
  options: { status?: number; formTargets?: readonly string[] } = {},
): void {
  ctx.status = options.status ?? 200
  ctx.type = 'text/html; charset=utf-8'
  ctx.set('cache-control', 'no-store')
  ctx.set('content-security-policy', contentSecurityPolicy(options.formTargets))
  ctx.body = document
}

/**
 * The policy of every page: no script, styles of our own, no frame around us.
 *
 * Browsers hold `form-action` against every redirect that follows a form, so it names where sign-in may end: https, and
 * what the client's redirect URI needs beyond that.
 */
export function contentSecurityPolicy(formTargets: readonly string[] = []): string {
  return [
    "default-src 'none'",
    "script-src 'none'",
    "style-src 'self'",
    "img-src 'self' data:",
    ['form-action', "'self'", 'https:', ...formTargets].join(' '),
    "frame-ancestors 'none'",
    "base-uri 'none'",
  ].join('; ')
}

/** What `form-action` has to name for this redirect URI: nothing for https, the origin for loopback, else the scheme. */
export function formTargetsOf(redirectUri: unknown): readonly string[] {
  if (typeof redirectUri !== 'string' || !URL.canParse(redirectUri)) return []
  const { protocol, origin } = new URL(redirectUri)
  if (protocol === 'https:') return []
  return [protocol === 'http:' ? origin : protocol]
}
