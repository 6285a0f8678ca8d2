/**
 * The frame every page stands in: head, wordmark, one `main`.
 *
 * Holds no script and no style of its own, so that the strictest Content-Security-Policy fits; the only requests it
 * causes are the stylesheet from this server and, on pages that wait for something elsewhere, one script from there.
 */
import { attributes, type Html, html, type Renderable } from './html.ts'
import type { Words } from './words.ts'

/** What surrounds every page, chosen once per request. */
export interface Surroundings {
  readonly words: Words
  /** BCP 47 tag of `words`. */
  readonly language: string
  readonly productName: string
  /** URL path of the stylesheet. */
  readonly stylesheet: string
  /** URL path of the script of pages that wait. */
  readonly waitingScript: string
  /** URL path of the script of pages that Telegram tells something behind the `#`. */
  readonly telegramScript: string
}

export interface LayoutProps {
  /** What the page is about, without the product's name. */
  readonly title: string
  readonly body: Renderable
  /** For pages with more than one thing on them. */
  readonly wide?: boolean
  /** The page is shown again because something was wrong; said first in the title, where it is heard first. */
  readonly problem?: boolean
  /** The page waits for something elsewhere; without scripts it is loaded again now and then. */
  readonly waits?: boolean
  /** URL path of another script of ours. */
  readonly script?: string | undefined
}

/** A complete HTML document. */
export function layout(
  on: Surroundings,
  { title, body, wide = false, problem = false, waits = false, script }: LayoutProps,
): string {
  const full = on.words.title(title, on.productName)
  return html`<!doctype html>
<html lang="${on.language}" dir="${on.words.direction}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<meta name="robots" content="noindex">
<meta name="format-detection" content="telephone=no">
<title>${problem ? on.words.titleWithProblem(full) : full}</title>
<link rel="icon" type="image/svg+xml" href="${icon}">
<link rel="stylesheet" href="${on.stylesheet}">${
    waits &&
    html`
<script src="${on.waitingScript}" defer></script>
<noscript><meta http-equiv="refresh" content="${refreshInterval}"></noscript>`
  }${
    script !== undefined &&
    html`
<script src="${script}" defer></script>`
  }
</head>
<body${attributes({ class: wide ? 'wide' : undefined })}>
<header class="brand">${mark}<span>${on.productName}</span></header>
<main>
${body}
</main>
</body>
</html>
`.markup
}

/** Seconds. */
const refreshInterval = 15

const arch = 'M3 29V16a13 13 0 0 1 26 0v13h-8.5V16.5a4.5 4.5 0 0 0-9 0V29z'

const mark: Html = html`<svg class="mark" viewBox="0 0 32 32" width="28" height="28" aria-hidden="true" focusable="false"><path fill="currentColor" d="${arch}"></path></svg>`

const icon = `data:image/svg+xml,${encodeURIComponent(
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><path fill="#12805c" d="${arch}"/></svg>`,
)}`
