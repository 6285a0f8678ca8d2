/**
 * How answers are written to a terminal or a pipe.
 *
 * Names come from strangers: nothing that moves a cursor, changes a colour or turns text around reaches the terminal.
 */

// Control characters (C0, DEL, C1), line separators, and what reorders or hides text. Not the line break itself.
const unprintable = /[\p{Cc}\p{Zl}\p{Zp}\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/gu

/** `text` on one line, with characters that a terminal would obey written as `\u{…}`. */
export function printable(text: string): string {
  return text.replace(unprintable, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`)
}

/** `value` as JSON on one line, safe to look at in a terminal and equal when it is parsed. */
export function jsonLine(value: unknown): string {
  return JSON.stringify(value).replace(
    unprintable,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** Lines of aligned columns under a header. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const all = [header, ...rows].map((cells) => cells.map(printable))
  const widths = header.map((_, column) => Math.max(...all.map((cells) => [...(cells[column] ?? '')].length)))
  return all.map((cells) =>
    cells
      .map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - [...cell].length))
      .join('  ')
      .trimEnd(),
  )
}

/** A time as people and machines read it, or a hyphen. */
export function time(date: Date | undefined): string {
  return date === undefined ? '-' : date.toISOString()
}

/** Of `candidates`, the one that `word` is most likely a misspelling of. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const ranked = candidates
    .map((candidate) => ({ candidate, distance: editDistance(word, candidate) }))
    .sort((a, b) => a.distance - b.distance)
  const [best] = ranked
  return best !== undefined && best.distance <= Math.max(2, Math.floor(word.length / 3)) ? best.candidate : undefined
}

/** How many insertions, deletions and substitutions lead from one text to the other (Levenshtein). */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index)
  for (const [index, character] of [...from.slice(0, 64)].entries()) {
    const next = [index + 1]
    for (let column = 1; column <= to.length; column++) {
      const substitution = (row[column - 1] ?? 0) + (character === to[column - 1] ? 0 : 1)
      next.push(Math.min(substitution, (row[column] ?? 0) + 1, (next[column - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[to.length] ?? 0
}
