/** A skipped test is never silent: the run says what is missing, and fails where nothing may be. */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const root = join(import.meta.dirname, '../..')

test('a skip for want of a tool is counted, says how to get the tool, and fails the run when CI=true', async () => {
  const skips = `import { test } from 'vitest'
    test('one', (context) => context.skip('for want of chromium'))
    test('two', (context) => context.skip('for want of chromium'))
    test('three', (context) => context.skip('another reason'))
    test('four', () => {})`
  expect(await run(skips, 'false')).toMatchObject({ code: 0, output: expect.stringContaining('Skipped 2 tests: ') })
  expect(await run(skips, 'true')).toMatchObject({
    code: 1,
    output: expect.stringContaining('apt-get install chromium'),
  })
})

test('other skips fail nothing', async () => {
  const skips = `import { test } from 'vitest'
    test('one', (context) => context.skip('another reason'))`
  expect(await run(skips, 'true')).toMatchObject({ code: 0, output: expect.not.stringContaining('Skipped') })
})

/** Runs one planted test file with the project's reporter in a folder of its own. */
async function run(text: string, CI: string): Promise<{ code: number | null; output: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'habitat-planted-'))
  try {
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
    writeFileSync(join(folder, 'planted.test.ts'), text)
    writeFileSync(
      join(folder, 'vitest.config.ts'),
      `import { missingTools } from ${JSON.stringify(join(root, 'test/support/missing-tools.ts'))}
      export default { test: { reporters: ['default', missingTools()] } }`,
    )
    const { promise, resolve } = Promise.withResolvers<{ code: number | null; output: string }>()
    const child = execFile(
      process.execPath,
      [join(root, 'node_modules/vitest/vitest.mjs'), 'run'],
      { cwd: folder, env: { ...process.env, CI } },
      (_error, stdout, stderr) => resolve({ code: child.exitCode, output: stdout + stderr }),
    )
    return await promise
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
