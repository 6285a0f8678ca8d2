/**
 * Says after a run which tests were skipped because this machine lacks a tool, and how to get it.
 *
 * A test skips with the note `wantOf(tool)`; with `CI=true` such a skip fails the run, so that nothing goes
 * unchecked unnoticed.
 */
import type { Reporter, TestModule } from 'vitest/node'

/** Tools that some tests need, and where they come from. */
export const tools = {
  chromium: 'the browser tests need Debian’s chromium: apt-get install chromium (or set CHROMIUM_PATH)',
  postgres: 'the tests on Postgres need a server: apt-get install postgresql (or set DATABASE_URL)',
} as const

export type Tool = keyof typeof tools

const mark = 'for want of '

/** The note a test is skipped with when `tool` is not there. */
export function wantOf(tool: Tool): string {
  return mark + tool
}

/** A vitest reporter that prints one line per missing tool. */
export function missingTools(): Reporter {
  return {
    onTestRunEnd(modules) {
      const skipped = countSkipped(modules)
      for (const [tool, count] of skipped) console.log(`Skipped ${count} tests: ${tools[tool]}`)
      if (skipped.size === 0 || process.env['CI'] !== 'true') return
      console.error('Nothing may be skipped for want of a tool when CI=true.')
      process.exitCode = 1
    },
  }
}

function countSkipped(modules: readonly TestModule[]): ReadonlyMap<Tool, number> {
  const counts = new Map<Tool, number>()
  for (const module of modules) {
    for (const test of module.children.allTests('skipped')) {
      const result = test.result()
      const note = result.state === 'skipped' ? result.note : undefined
      const tool = (Object.keys(tools) as Tool[]).find((name) => note === wantOf(name))
      if (tool !== undefined) counts.set(tool, (counts.get(tool) ?? 0) + 1)
    }
  }
  return counts
}
