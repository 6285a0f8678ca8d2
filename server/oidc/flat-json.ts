/**
 * Reads a JSON object of strings the way a form is read: every name once, nothing inside anything.
 *
 * `JSON.parse` keeps the last of two members with one name without a word; another reader keeps the first, and what one
 * of them checked is then not what the other one does (RFC 8259 §4). So the text is read here, member by member.
 */

const decoder = new TextDecoder('utf-8', { fatal: true })
const space = /[ \t\n\r]*/y
// What begins and ends like a string; `JSON.parse` knows what may stand inside.
const string = /"(?:[^"\\]|\\.)*"/sy

/**
 * The members of the object; undefined for whatever is no flat object of strings with names of their own, in UTF-8. Text
 * that has half a surrogate pair, and a member named `__proto__`, are none either. The caller bounds the length.
 */
export function readFlatJson(bytes: Uint8Array): ReadonlyMap<string, string> | undefined {
  const text = decoded(bytes)
  if (text === undefined) return undefined
  const read = reader(text)
  const members = new Map<string, string>()
  if (!read.sign('{')) return undefined
  if (read.sign('}')) return read.isAtEnd() ? members : undefined
  do {
    const name = read.string()
    const value = name !== undefined && read.sign(':') ? read.string() : undefined
    if (name === undefined || value === undefined || name === '__proto__' || members.has(name)) return undefined
    members.set(name, value)
  } while (read.sign(','))
  return read.sign('}') && read.isAtEnd() ? members : undefined
}

function decoded(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes)
  } catch {
    return undefined
  }
}

function parsed(literal: string): string | undefined {
  try {
    return JSON.parse(literal) as string
  } catch {
    return undefined
  }
}

/** Takes one part after the other from a text; what does not stand there is not taken. */
function reader(text: string) {
  let at = 0
  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at
    const found = pattern.exec(text)?.[0]
    at += found?.length ?? 0
    return found
  }
  return {
    sign(sign: string): boolean {
      take(space)
      if (text[at] !== sign) return false
      at += 1
      return true
    },
    string(): string | undefined {
      take(space)
      const literal = take(string)
      const value = literal === undefined ? undefined : parsed(literal)
      return value?.isWellFormed() ? value : undefined
    },
    isAtEnd(): boolean {
      take(space)
      return at === text.length
    },
  }
}
