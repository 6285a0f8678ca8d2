/**
 * What a `User-Agent` says in words that people know: a browser and its system, or the name of a program.
 *
 * The header is whatever the other side wants it to be; it helps those who recognise their own device and proves nothing.
 */

export interface Program {
  readonly name: string
  /** The operating system, of browsers. */
  readonly system?: string | undefined
}

/** What calls itself several things comes before what it pretends to be. */
const browsers: readonly (readonly [RegExp, string])[] = [
  [/\bEdg(A|iOS)?\//, 'Edge'],
  [/\bOPR\//, 'Opera'],
  [/\bSamsungBrowser\//, 'Samsung Internet'],
  [/\b(Firefox|FxiOS)\//, 'Firefox'],
  [/\b(Chrome|Chromium|CriOS)\//, 'Chrome'],
  [/\bVersion\/.*\bSafari\//, 'Safari'],
]
const systems: readonly (readonly [RegExp, string])[] = [
  [/\b(iPhone|iPod)\b/, 'iOS'],
  [/\biPad\b/, 'iPadOS'],
  [/\bTizen\b/, 'Tizen'],
  [/\bWeb0S\b/, 'webOS'],
  [/\bAndroid\b/, 'Android'],
  [/\bWindows\b/, 'Windows'],
  [/\bCrOS\b/, 'ChromeOS'],
  [/\bMac OS X\b/, 'macOS'],
  [/\bLinux\b/, 'Linux'],
]

/** The first product that a program names (RFC 9110 §10.1.5). */
const product = /^([A-Za-z0-9][A-Za-z0-9 ._-]{0,39})(\/|\s|$)/

/** The program behind a header, or undefined where nothing can be said. */
export function programOf(userAgent: string | undefined): Program | undefined {
  if (userAgent === undefined) return undefined
  const find = (names: typeof browsers) => names.find(([pattern]) => pattern.test(userAgent))?.[1]
  if (userAgent.startsWith('Mozilla/')) {
    const name = find(browsers)
    if (name === undefined) return undefined
    const system = find(systems)
    return system === undefined ? { name } : { name, system }
  }
  const name = product.exec(userAgent)?.[1]?.trim()
  return name === undefined ? undefined : { name }
}
