/**
 * docs/security.md, held to what it speaks of: every number of its lists is there once, and each line names tests that
 * exist, or says why there is none.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'

const root = join(import.meta.dirname, '..')
const document = readFileSync(join(root, 'docs/security.md'), 'utf8')

interface Line {
  readonly id: string
  readonly words: string
  readonly shownBy: string
}

/** The lines of the tables, by the title of their section. */
const sections = new Map(
  document.split(/^## /m).map((section) => [section.split('\n')[0] ?? '', linesOf(section)] as const),
)

function linesOf(section: string): readonly Line[] {
  return section
    .split('\n')
    .filter((line) => line.startsWith('| ') && !line.startsWith('| |'))
    .map((line) => line.slice(2, -2).split(' | '))
    .map((cells) => ({ id: cells[0] ?? '', words: cells.at(-2) ?? '', shownBy: cells.at(-1) ?? '' }))
}

/** Chapter 10 of ASVS 5.0: how many requirements each section has. */
const chapter10 = { '10.1': 2, '10.2': 3, '10.3': 5, '10.4': 16, '10.5': 5, '10.6': 2, '10.7': 3 }
const expected: Readonly<Record<string, readonly string[]>> = {
  '1. RFC 9700': Array.from({ length: 37 }, (_, index) => `B${String(index + 1).padStart(2, '0')}`),
  '2. ASVS 5.0, chapter 10': Object.entries(chapter10).flatMap(([section, count]) =>
    Array.from({ length: count }, (_, index) => `${section}.${index + 1}`),
  ),
}

test.each(Object.entries(expected))('every number of %s is there once, in order', (title, numbers) => {
  expect(sections.get(title)?.map(({ id }) => id)).toEqual(numbers)
})

test('every group of OAuch is there', () => {
  const groups = ['AuthEndpoint', 'Concurrency', 'TokenEndpoint', 'Pkce', 'Jwt', 'IdTokens', 'ParEndpoint', 'DPoP']
  const others = ['DeviceAuth', 'Revocation', 'ApiEndpoint', 'Tokens', 'Features, DocumentSupport']
  const named = new Set(sections.get('3. OAuch')?.map(({ id }) => id.split(':')[0]))
  expect([...named]).toEqual(expect.arrayContaining([...groups, ...others]))
})

describe('each line', () => {
  const lines = [...sections.values()].flat()

  test.each(lines)('$id says what is so, and who shows it or why nobody does', ({ words, shownBy }) => {
    expect(words).toMatch(/^[A-Z“].*\.$/)
    if (shownBy.startsWith('none: ')) return expect(shownBy.length).toBeGreaterThan(20)
    const tests = [...shownBy.matchAll(/\[([^\]]+)\]\(\.\.\/(test\/[^)]+)\): “([^”]+)”/g)]
    expect(tests.length).toBe(shownBy.split('<br>').length)
    for (const [, label, path = '', name = ''] of tests) {
      expect(path).toBe(`test/${label}.test.ts`)
      expect(existsSync(join(root, path)), path).toBe(true)
      expect(isNameOfTest(readFileSync(join(root, path), 'utf8'), name), `${path}: ${name}`).toBe(true)
    }
  })

  test('a line that names no test is noticed', () => {
    expect(isNameOfTest("test('one thing is so', () => {})", 'one thing')).toBe(true)
    expect(isNameOfTest("// one thing is so\nexpect('one thing')", 'one thing')).toBe(false)
  })
})

/** Whether a test or a group of tests, or a row of a table of tests, has a name with these words. */
function isNameOfTest(source: string, words: string): boolean {
  const named = /(?:\b(?:\w*[tT]est|describe|always|it)\b[^'"`\n]*\(|\]\)\(|\)\()\s*(['"`])((?:(?!\1).)*)\1/g
  const rows = /^\s*\[\s*(['"`])((?:(?!\1).)*)\1/gm
  return [...source.matchAll(named), ...source.matchAll(rows)].some(([, , name = '']) => name.includes(words))
}
