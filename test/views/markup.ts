/**
 * Reads the strict HTML that the views write: lower-case tags, attributes in double quotes, everything else escaped.
 * Throws on anything else, so an escape that was forgotten shows as a page that cannot be read.
 */
export interface Element {
  readonly tag: string
  readonly attributes: Readonly<Record<string, string>>
  /** Text inside, tags left out. */
  readonly text: string
}

const tagPattern = /<(\/?)([a-z][a-z0-9]*)((?: [a-zA-Z][a-zA-Z-]*(?:="[^"<>]*")?)*)\/?>/g
const voidTags = new Set(['meta', 'link', 'input', 'img'])

/** The elements of a document, in order. Throws when it is not well-formed. */
export function readMarkup(document: string): readonly Element[] {
  const body = document.replace(/^<!doctype html>/, '')
  const between = body.replace(tagPattern, '')
  if (/[<>"'`]/.test(between)) throw new Error(`Unescaped markup: ${/.{0,60}[<>"'`].{0,60}/.exec(between)?.[0]}`)
  const elements: Element[] = []
  const open: { tag: string; attributes: Record<string, string>; from: number }[] = []
  for (const match of body.matchAll(tagPattern)) {
    const [whole, closing, tag = '', attributes = ''] = match
    const end = match.index + whole.length
    if (closing === '') {
      const element = { tag, attributes: readAttributes(attributes), from: end }
      if (voidTags.has(tag)) elements.push({ ...element, text: '' })
      else open.push(element)
    } else {
      const element = open.pop()
      if (element?.tag !== tag) throw new Error(`</${tag}> closes <${element?.tag}>`)
      const text = body.slice(element.from, match.index).replace(tagPattern, ' ').replace(/\s+/g, ' ').trim()
      elements.push({ tag, attributes: element.attributes, text })
    }
  }
  if (open.length > 0) throw new Error(`<${open[0]?.tag}> is not closed`)
  return elements
}

function readAttributes(source: string): Record<string, string> {
  const pairs = [...source.matchAll(/ ([a-zA-Z-]+)(?:="([^"]*)")?/g)].map(([, name = '', value = '']) => [name, value])
  if (new Set(pairs.map(([name]) => name)).size !== pairs.length) throw new Error(`Attribute given twice:${source}`)
  return Object.fromEntries(pairs)
}
