/**
 * The one way to write HTML: a tagged template that escapes whatever it is not told to trust.
 *
 * Knows nothing of pages or words. Attributes are always written in double quotes by the templates that use it;
 * addresses from outside additionally pass `safeUrl` or `targetUrl`, because escaping does not make `javascript:` safe.
 */

const brand = Symbol('html')

/** Markup that is safe to send. Made only by `html`, `attributes` and `trusted`; nothing parsed from JSON can pose as it. */
export interface Html {
  readonly [brand]: true
  readonly markup: string
}

/** What a template takes: markup as it is, text escaped, lists joined, nothing for the empty values. */
export type Renderable = Html | string | number | false | null | undefined | readonly Renderable[]

/** Writes HTML. Everything but `Html` is escaped, for text and for attribute values in double quotes alike. */
export function html(strings: TemplateStringsArray, ...values: readonly Renderable[]): Html {
  const parts = strings.map((part, index) => part + (index < values.length ? render(values[index]) : ''))
  return trusted(parts.join(''))
}

/** Takes a string as markup, unchecked: only for what a library drew for us, such as the SVG of a QR picture. */
export function trusted(markup: string): Html {
  return Object.freeze({ [brand]: true as const, markup })
}

/**
 * Attributes with a leading space each. `true` renders the bare name; `false` and `undefined` render nothing.
 * The names are part of the program, never of a request.
 */
export function attributes(values: Readonly<Record<string, string | number | boolean | undefined>>): Html {
  const present = Object.entries(values).filter(([, value]) => value !== undefined && value !== false)
  return trusted(
    present.map(([name, value]) => (value === true ? ` ${name}` : ` ${name}="${escapeText(String(value))}"`)).join(''),
  )
}

/**
 * An address that a client states about itself (`client_uri`, `logo_uri`, `tos_uri`, `policy_uri`), normalised;
 * `undefined` unless it is https, or http on loopback, and names no user (OpenID Connect Registration 1.0 §9.1).
 */
export function safeUrl(value: string | undefined): string | undefined {
  if (value === undefined || !URL.canParse(value)) return undefined
  const url = new URL(value)
  if (url.username !== '' || url.password !== '') return undefined
  const allowed = url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname))
  return allowed ? url.href : undefined
}

/** Where a link or form of ours may lead: a path on this server, or whatever `safeUrl` lets through. */
export function targetUrl(value: string | undefined): string | undefined {
  if (value === undefined) return undefined
  return isOwnPath(value) ? value : safeUrl(value)
}

function isOwnPath(value: string): boolean {
  // Browsers drop tabs and line breaks and read a backslash as a slash: "/\t/evil.example" is another host.
  return /^\/(?![/\\])[^\p{Cc}\\]*$/u.test(value)
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '127.0.0.1' || hostname === '[::1]'
}

function render(value: Renderable): string {
  if (value === undefined || value === null || value === false) return ''
  if (typeof value === 'string' || typeof value === 'number') return escapeText(String(value))
  return isHtml(value) ? value.markup : value.map(render).join('')
}

function isHtml(value: Html | readonly Renderable[]): value is Html {
  return brand in value
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
  '`': '&#96;',
}

function escapeText(text: string): string {
  return text.replace(/[&<>"'`]/g, (character) => entities[character] ?? '')
}
