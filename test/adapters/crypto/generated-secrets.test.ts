import { execFile } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import { loadOrCreateSecrets } from '../../../adapters/crypto/generated-secrets.ts'

const module = join(import.meta.dirname, '../../../adapters/crypto/generated-secrets.ts')

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'habitat-secrets-'))
  onTestFinished(() => rmSync(path, { recursive: true }))
  return path
}

test('the first call makes one long secret that only its owner reads, later calls read it', () => {
  const path = join(folder(), 'data', 'secrets')
  const made = loadOrCreateSecrets(path)
  expect(made).toHaveLength(1)
  expect(made[0]?.length).toBeGreaterThanOrEqual(64)
  expect(statSync(path).mode & 0o777).toBe(0o600)
  expect(statSync(join(path, '..')).mode & 0o777).toBe(0o700)
  expect(loadOrCreateSecrets(path)).toEqual(made)
  expect(readdirSync(join(path, '..'))).toEqual(['secrets'])
})

test('processes that start at once agree on one ring', async () => {
  const path = join(folder(), 'secrets')
  const script = `import { loadOrCreateSecrets } from ${JSON.stringify(module)}
    console.log(JSON.stringify(loadOrCreateSecrets(${JSON.stringify(path)})))`
  const run = () => promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script])
  const answers = await Promise.all(Array.from({ length: 6 }, run))
  expect(new Set(answers.map(({ stdout }) => stdout))).toHaveLength(1)
})

test('several secrets are read newest first', () => {
  const path = join(folder(), 'secrets')
  writeFileSync(path, `${'n'.repeat(40)}\n${'o'.repeat(40)}\n`)
  expect(loadOrCreateSecrets(path)).toEqual(['n'.repeat(40), 'o'.repeat(40)])
})

test.each(['', '\n', 'short', `${'l'.repeat(40)}\nshort`])(
  'a damaged file (%j) is never replaced by a new ring',
  (content) => {
    const path = join(folder(), 'secrets')
    writeFileSync(path, content)
    expect(() => loadOrCreateSecrets(path)).toThrow(/backup/)
  },
)
