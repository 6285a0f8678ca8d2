/**
 * Reads the fields of one JSON object that a person wrote, and collects a sentence for each that is wrong.
 *
 * A sentence names the place and what is expected, never the value that stands there: it may be a secret.
 */

export interface JsonFields {
  has(name: string): boolean
  /** A text that is not empty. */
  text(name: string): string | undefined
  flag(name: string): boolean | undefined
  /** A whole number within the limits. */
  count(name: string, least: number, most: number): number | undefined
  oneOf<T extends string>(name: string, allowed: readonly T[]): T | undefined
  /** A list of texts, or one text with spaces between them. */
  words(name: string): readonly string[] | undefined
  /** An object whose values are texts. */
  texts(name: string): Readonly<Record<string, string>> | undefined
  /** An object, its fields read the same way. */
  inner(name: string, known: readonly string[]): JsonFields | undefined
  /** As it stands there. */
  raw(name: string): unknown
  /** Notes a problem with this object. */
  wrong(sentence: string): void
}

/** `place` names the object to whoever wrote it; a field that is not among `known` is a problem. */
export function jsonFields(value: unknown, place: string, known: readonly string[], problems: string[]): JsonFields {
  const wrong = (sentence: string): void => void problems.push(`${place}: ${sentence}`)
  const fields: Record<string, unknown> = isObject(value) ? value : {}
  if (!isObject(value)) wrong('it must be an object in braces.')
  for (const name of Object.keys(fields)) {
    if (!known.includes(name)) wrong(`"${name.slice(0, 40)}" is not known. There are ${known.join(', ')}.`)
  }

  /** The value where it is of this kind; a problem where another one stands there. */
  function read<T>(name: string, accepts: (found: unknown) => T | undefined, expected: string): T | undefined {
    if (!Object.hasOwn(fields, name)) return undefined
    const found = accepts(fields[name])
    if (found === undefined) wrong(`"${name}" must be ${expected}.`)
    return found
  }

  return {
    has: (name) => Object.hasOwn(fields, name),
    text: (name) => read(name, asText, 'a text in quotes that is not empty'),
    flag: (name) => read(name, (found) => (typeof found === 'boolean' ? found : undefined), 'true or false'),
    count: (name, least, most) =>
      read(name, (found) => asCount(found, least, most), `a whole number from ${least} to ${most}`),
    oneOf: (name, allowed) =>
      read(
        name,
        (found) => allowed.find((one) => one === found),
        `one of ${allowed.map((one) => `"${one}"`).join(', ')}`,
      ),
    words: (name) => read(name, asWords, 'a list of texts, or one text with spaces in between'),
    texts: (name) => read(name, asTexts, 'an object whose values are texts'),
    inner(name, names) {
      if (!Object.hasOwn(fields, name)) return undefined
      return jsonFields(fields[name], `${place}, "${name}"`, names, problems)
    },
    raw: (name) => (Object.hasOwn(fields, name) ? fields[name] : undefined),
    wrong,
  }
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value)
}

function asText(value: unknown): string | undefined {
  return typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined
}

function asCount(value: unknown, least: number, most: number): number | undefined {
  return typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most ? value : undefined
}

function asWords(value: unknown): readonly string[] | undefined {
  const words = typeof value === 'string' ? value.split(/\s+/).filter((word) => word !== '') : value
  if (!Array.isArray(words) || words.length === 0) return undefined
  return words.every((word) => typeof word === 'string' && /^\S+$/.test(word)) ? words : undefined
}

function asTexts(value: unknown): Readonly<Record<string, string>> | undefined {
  if (!isObject(value)) return undefined
  const entries = Object.entries(value)
  return entries.every(([, one]) => typeof one === 'string') ? (value as Record<string, string>) : undefined
}
