/**
 * Which language a page is in.
 *
 * Owns the list of catalogues and the choice among them; a language is one more file in `catalogue/` and one line here.
 * What comes from the request is untrusted: it is cut short, and can only ever select from this list.
 */
import { en } from './catalogue/en.ts'

/** Every text a person reads. A new language is an object of this type. */
export type Words = typeof en

const catalogues = { en } as const satisfies Record<string, Words>

export type Language = keyof typeof catalogues

const fallback: Language = 'en'
export const languages = Object.keys(catalogues) as Language[]

/** The words of a language. */
export function wordsIn(language: Language): Words {
  return catalogues[language]
}

/**
 * The language to answer in: the client's `ui_locales` (OpenID Connect Core §3.1.2.1) before the browser's
 * `Accept-Language` (RFC 9110 §12.5.4), matched by lookup (RFC 4647 §3.4); English when nothing fits.
 */
export function chooseLanguage(uiLocales: string | undefined, acceptLanguage: string | undefined): Language {
  return lookUp(localeRanges(uiLocales), languages) ?? lookUp(acceptedRanges(acceptLanguage), languages) ?? fallback
}

/** The first of `available` that a range, or a shorter form of it, names (RFC 4647 §3.4). Ranges come best first. */
export function lookUp<T extends string>(ranges: readonly string[], available: readonly T[]): T | undefined {
  for (const range of ranges) {
    for (let subtags = range.toLowerCase().split('-'); subtags.length > 0; subtags = shorten(subtags)) {
      const wanted = subtags.join('-')
      const found = available.find((language) => language.toLowerCase() === wanted)
      if (found !== undefined) return found
    }
  }
  return undefined
}

/** The ranges of an `Accept-Language` header, best first; those with `q=0` are not wanted and left out. */
export function acceptedRanges(header: string | undefined): readonly string[] {
  const weighted = (header ?? '').slice(0, longestInput).split(',').slice(0, mostRanges).map(readRange)
  return weighted
    .filter((range) => range !== undefined)
    .filter((range) => range.weight > 0)
    .sort((a, b) => b.weight - a.weight)
    .map((range) => range.tag)
}

/** Characters and ranges that are looked at; browsers send a tenth of it. */
const longestInput = 1000
const mostRanges = 50
const languageRange = /^[a-z]{1,8}(-[a-z0-9]{1,8}){0,8}$/i

function localeRanges(uiLocales: string | undefined): readonly string[] {
  const tags = (uiLocales ?? '').slice(0, longestInput).split(' ').slice(0, mostRanges)
  return tags.filter((tag) => languageRange.test(tag))
}

function readRange(text: string): { tag: string; weight: number } | undefined {
  const [tag = '', parameter] = text.split(';').map((part) => part.trim())
  if (!languageRange.test(tag)) return undefined
  if (parameter === undefined) return { tag, weight: 1 }
  const weight = /^q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/i.exec(parameter)?.[1]
  return weight === undefined ? undefined : { tag, weight: Number(weight) }
}

function shorten(subtags: readonly string[]): string[] {
  const shorter = subtags.slice(0, -1)
  // A single letter introduces an extension and means nothing at the end (RFC 4647 §3.4).
  return shorter.at(-1)?.length === 1 ? shorter.slice(0, -1) : shorter
}
