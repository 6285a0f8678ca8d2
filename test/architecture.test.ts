/** The structure of the house, held by machine; and the machine, shown to still hold it. */
import { execFile } from 'node:child_process'
import { cpSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type SourceFile, violations } from './support/architecture.ts'

const root = join(import.meta.dirname, '..')

test('the arrows between the folders hold', () => {
  const patterns = ['server', 'adapters', 'views', 'migrations', 'test'].map((folder) => `${folder}/**/*.ts`)
  const files = globSync(patterns, { cwd: root }).map((path) => ({
    path: path.replaceAll('\\', '/'),
    text: readFileSync(join(root, path), 'utf8'),
  }))
  expect(files.length).toBeGreaterThan(10)
  expect(violations(files)).toEqual([])
})

const provider = 'export function fake(): IdentityProvider {'

describe('the architecture rules fire on', () => {
  test.for<[promise: string, path: string, text: string, violation: string]>([
    [
      'server code on an adapter',
      'server/a.ts',
      "import { sealer } from '../adapters/crypto/seal.ts'",
      'adapters/crypto/seal.ts',
    ],
    [
      'a type named among values',
      'server/a.ts',
      "import { type Sealer } from '../adapters/crypto/seal.ts'",
      'adapters/crypto',
    ],
    [
      'an import over several lines',
      'server/a.ts',
      "import {\n  sealer,\n} from '../adapters/crypto/seal.ts'",
      'adapters/crypto',
    ],
    ['a dynamic import', 'server/a.ts', "  await import('../adapters/crypto/seal.ts')", 'adapters/crypto'],
    ['an import for its side effect', 'server/a.ts', "import '../adapters/crypto/seal.ts'", 'adapters/crypto'],
    ['a re-export', 'server/a.ts', "export { sealer } from '../adapters/crypto/seal.ts'", 'adapters/crypto'],
    [
      'an adapter on the server, types too',
      'adapters/x/a.ts',
      "import type { Log } from '../../server/log.ts'",
      'server/log.ts',
    ],
    ['an adapter on another', 'adapters/x/a.ts', "import { y } from '../y/y.ts'", 'adapters/y/y.ts'],
    [
      'an adapter on the types of another',
      'adapters/x/a.ts',
      "import type { Y } from '../y/y.ts'",
      'types of adapters/y/y.ts',
    ],
    ['a view on the server', 'views/a.ts', "import type { Config } from '../server/config.ts'", 'server/config.ts'],
    [
      'a view on code of the contract',
      'views/a.ts',
      "import { UpstreamError } from '../adapters/identity/contract.ts'",
      'contract',
    ],
    [
      'a migration on the schema',
      'migrations/0002.ts',
      "import type { Database } from '../adapters/postgres/schema.ts'",
      'schema',
    ],
    ['a migration on node', 'migrations/0002.ts', "import { randomBytes } from 'node:crypto'", 'node:crypto'],
    ['production on tests', 'server/main.ts', "import { x } from '../test/support/x.ts'", 'test/support/x.ts'],
    ['a module on a program', 'server/a.ts', "import { x } from './main.ts'", 'server/main.ts'],
    ['a program on the other', 'server/main.ts', "import { x } from './cli.ts'", 'server/cli.ts'],
    ['the composition on a program', 'server/composition/a.ts', "import { x } from '../main.ts'", 'server/main.ts'],
    ['a module on the composition', 'server/a.ts', "import { x } from './composition/x.ts'", 'server/composition/x.ts'],
    [
      'a module on types of the composition',
      'server/oidc/a.ts',
      "import type { X } from '../composition/x.ts'",
      'types of server/composition/x.ts',
    ],
    [
      'an adapter on the composition',
      'adapters/x/a.ts',
      "import type { X } from '../../server/composition/x.ts'",
      'server/composition/x.ts',
    ],
    ['the composition on tests', 'server/composition/a.ts', "import { x } from '../../test/x.ts'", 'test/x.ts'],
    ['the composition on the environment', 'server/composition/a.ts', "const at = process.env['AT']", 'environment'],
    ['the composition on a package', 'server/composition/a.ts', "import argon2 from 'argon2'", 'argon2'],
    ['a package away from home', 'server/a.ts', "import argon2 from 'argon2'", 'argon2'],
    ['a package without a home', 'server/a.ts', "import lodash from 'lodash/fp'", 'lodash'],
    [
      'a reach into oidc-provider',
      'server/oidc/a.ts',
      "import x from 'oidc-provider/lib/x.js'",
      'oidc-provider/lib/x.js',
    ],
    ['the environment', 'server/a.ts', "export const port = () => process.env['PORT']", 'environment'],
    ['a flow that knows a platform', 'server/oidc/a.ts', "if (client.profile === 'ifttt') return", 'by name'],
    ['a provider without the suite', 'adapters/identity/fake.ts', provider, 'identity-suite'],
  ])('%s', ([, path, text, violation]) => {
    expect(violations([{ path, text }])).toEqual([expect.stringContaining(violation)])
  })

  test('a second door out of a sign-in', () => {
    const files = ['server/a.ts', 'server/b.ts'].map((path) => ({
      path,
      text: 'await provider.interactionFinished(x)',
    }))
    expect(violations(files)).toHaveLength(1)
    expect(violations(files.slice(1))).toEqual([])
  })

  test('nothing that is allowed', () => {
    const suite =
      "import { identitySuite } from './identity-suite.ts'\nimport { fake } from '../../adapters/identity/fake.ts'"
    const files: SourceFile[] = [
      { path: 'server/main.ts', text: "import { sealer } from '../adapters/crypto/seal.ts'" },
      { path: 'server/cli.ts', text: "import { stores } from './composition/stores.ts'" },
      { path: 'server/composition/a.ts', text: "import { sealer } from '../../adapters/crypto/seal.ts'" },
      { path: 'server/composition/b.ts', text: "import { a } from './a.ts'\nimport { createApp } from '../app.ts'" },
      { path: 'server/a.ts', text: "import type { Sealer } from '../adapters/crypto/seal.ts'\nimport Koa from 'koa'" },
      { path: 'adapters/x/a.ts', text: "import type { Database } from '../postgres/schema.ts'" },
      { path: 'adapters/identity/fake.ts', text: provider },
      { path: 'test/support/fake.test.ts', text: suite },
    ]
    expect(violations(files)).toEqual([])
  })
})

describe('the linter fires on', () => {
  test.for<[rule: string, files: Record<string, string>]>([
    ['noImportCycles', { 'a.ts': cycle('b'), 'b.ts': cycle('a') }],
    [
      'noFloatingPromises',
      { 'a.ts': 'async function later(): Promise<void> {}\nexport function go() {\n  later()\n}\n' },
    ],
    [
      'useExhaustiveSwitchCases',
      { 'a.ts': "export function go(it: 'x' | 'y') {\n  switch (it) {\n    case 'x':\n  }\n}\n" },
    ],
    ['noProcessEnv', { 'a.ts': "export const port = () => process.env['PORT']\n" }],
    ['noExplicitAny', { 'a.ts': 'export const it: any = 1\n' }],
    ['noUnusedImports', { 'a.ts': "import { join } from 'node:path'\nexport const it = 1\n" }],
    ['noUnusedVariables', { 'a.ts': 'const it = 1\n' }],
    [
      'noRestrictedImports',
      { '../adapters/x/a.ts': "import type { Log } from '../../server/log.ts'\nexport type It = Log\n" },
    ],
    ['noRestrictedImports', { '../views/a.ts': "import type { Log } from '../server/log.ts'\nexport type It = Log\n" }],
    [
      'noRestrictedImports',
      { '../migrations/0002-a.ts': "import { join } from 'node:path'\nexport const it = join\n" },
    ],
  ])('%s', async ([rule, files]) => {
    const output = await runOver(files, '@biomejs/biome/bin/biome', ['lint', '--colors=off', '.'])
    expect(output).toContain(`/${rule}`)
  })
})

test('the search for dead code fires on unused files, exports and packages', async () => {
  const files = {
    'main.ts': "import { used } from './used.ts'\nused()\n",
    'used.ts': 'export function used() {}\nexport function unusedExport() {}\n',
    'unused-file.ts': 'export const it = 1\n',
  }
  const output = await runOver(files, 'knip/bin/knip.js', [])
  for (const found of ['unusedExport', 'server/unused-file.ts', 'koa']) expect(output).toContain(found)
})

function cycle(other: string): string {
  return `import type { It as Other } from './${other}.ts'\nexport interface It {\n  other: Other\n}\n`
}

/** Runs one of the project's tools with its settings over a folder that holds only `files`, below `server/`. */
async function runOver(files: Record<string, string>, tool: string, args: readonly string[]): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'habitat-planted-'))
  try {
    for (const name of ['biome.json', 'knip.json', 'package.json', 'tsconfig.json', '.gitignore']) {
      cpSync(join(root, name), join(folder, name))
    }
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
    for (const [name, text] of Object.entries(files)) {
      const path = join(folder, 'server', name)
      mkdirSync(dirname(path), { recursive: true })
      writeFileSync(path, text)
    }
    return await new Promise((resolve) => {
      const command = [join(root, 'node_modules', tool), ...args]
      execFile(process.execPath, command, { cwd: folder }, (_error, stdout, stderr) => resolve(stdout + stderr))
    })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
