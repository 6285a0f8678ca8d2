/** What the example apps need of the web: cookies, redirects, pages whose values are escaped. */
import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'

/** Text that is HTML already. */
export interface Html {
  readonly markup: string
}

export function randomId(): string {
  return randomBytes(32).toString('base64url')
}

export function cookie(name: string, value: string): string {
  return `${name}=${value}; Path=/; HttpOnly; SameSite=Lax`
}

export function cookieOf(request: IncomingMessage, name: string): string {
  const pairs = (request.headers.cookie ?? '').split('; ').map((pair) => pair.split('='))
  return pairs.find(([key]) => key === name)?.[1] ?? ''
}

export function redirect(response: ServerResponse, to: string, setCookie?: string): void {
  response.writeHead(303, { location: to, ...(setCookie === undefined ? {} : { 'set-cookie': setCookie }) }).end()
}

/** A whole page of the app of this name. */
export function document(app: string, title: string, body: Html): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<link rel="stylesheet" href="/style.css">
</head>
<body>
<header><a href="/">${app}</a></header>
<main>
${body}
</main>
</body>
</html>
`.markup
}

/** A template whose values are escaped, but for those that come from this function. */
export function html(parts: TemplateStringsArray, ...values: unknown[]): Html {
  return { markup: parts.reduce((text, part, index) => text + markupOf(values[index - 1]) + part) }
}

function markupOf(value: unknown): string {
  if (Array.isArray(value)) return value.map(markupOf).join('')
  if (typeof value === 'object' && value !== null && 'markup' in value) return String(value.markup)
  return String(value).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
