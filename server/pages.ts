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
  readonly stylesheet: Asset
  /** The script of pages that wait for something elsewhere. */
  readonly waitingScript: Asset
  /** The script of pages that Telegram tells something behind the `#`. */
  readonly telegramScript: Asset
}

/** A file of ours whose address changes with its content. */
export interface Asset {
  readonly path: string
  readonly content: Buffer
}

/** Pages of the product with this name. Reads stylesheet and scripts once. */
export function pages(productName: string): Pages {
  const stylesheet = assetOf('style', 'css')
  const waitingScript = assetOf('waiting', 'js')
  const telegramScript = assetOf('telegram-data', 'js')
  return {
    stylesheet,
    waitingScript,
    telegramScript,
    surroundings(ctx, uiLocales) {
      const language = chooseLanguage(uiLocales, ctx.get('accept-language'))
      return {
        words: wordsIn(language),
        language,
        productName,
        stylesheet: stylesheet.path,
        waitingScript: waitingScript.path,
        telegramScript: telegramScript.path,
      }
    },
  }
}

function assetOf(name: string, ending: string): Asset {
  const content = readFileSync(join(import.meta.dirname, `../views/${name}.${ending}`))
  const version = createHash('sha256').update(content).digest('base64url').slice(0, 16)
  return { path: `/assets/${name}.${version}.${ending}`, content }
}

/**
 * Answers with a page. `formTargets` are origins or schemes that a form on it may end at, after redirects; `script` is the
 * whole address of the one that the page has.
 */
export function sendPage(
  ctx: Context,
  document: string,
  options: { status?: number; formTargets?: readonly string[]; script?: string | undefined } = {},
): void {
  ctx.status = options.status ?? 200
  ctx.type = 'text/html; charset=utf-8'
  ctx.set('cache-control', 'no-store')
  ctx.set('content-security-policy', contentSecurityPolicy(options.formTargets, options.script))
  ctx.body = document
}

/**
 * The policy of every page: no script, or the one of ours that it has and which may ask this server alone; styles of our
 * own, no frame around us.
 *
 * Browsers hold `form-action` against every redirect that follows a form, so it names where sign-in may end: https, and
 * what the client's redirect URI needs beyond that.
 */
export function contentSecurityPolicy(formTargets: readonly string[] = [], script?: string): string {
  return [
    "default-src 'none'",
    ...(script === undefined ? ["script-src 'none'"] : [`script-src ${script}`, "connect-src 'self'"]),
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
