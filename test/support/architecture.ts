/**
 * The arrows between the folders, as functions over source text: who may import whom, and whose code or only types.
 *
 * Pure, so that a planted violation can show that each rule still fires. The sentence behind the rules: only main.ts,
 * cli.ts and server/composition/ touch an adapter's code; everyone else may know its types.
 */

export interface SourceFile {
  /** Relative to the repository, with `/`. */
  readonly path: string
  readonly text: string
}

interface Import {
  /** File of the repository, or the specifier of a package. */
  readonly target: string
  readonly local: boolean
  readonly typeOnly: boolean
}

/** Where each package may be imported: one home, a folder or a file, and rarely a second one. */
const homes: Readonly<Record<string, readonly string[]>> = {
  '@atproto-labs/fetch-node': ['adapters/atproto/'],
  '@atproto/oauth-client-node': ['adapters/atproto/'],
  '@atproto/oauth-scopes': ['server/atproto/'],
  '@electric-sql/pglite': ['adapters/postgres/'],
  '@koa/router': ['server/'],
  '@zxcvbn-ts/language-common': ['adapters/identity/'],
  argon2: ['adapters/crypto/'],
  'ipaddr.js': ['server/', 'adapters/postgres/limits.ts', 'adapters/atproto/'],
  jose: ['server/oidc/'],
  koa: ['server/'],
  kysely: ['adapters/postgres/', 'migrations/'],
  '@grammyjs/auto-retry': ['adapters/telegram/'],
  grammy: ['adapters/telegram/'],
  'libphonenumber-js': ['adapters/telegram/'],
  'openid-client': ['adapters/oidc/'],
  // The adapter answers a lost race with the library's own InvalidGrant.
  'oidc-provider': ['server/oidc/', 'adapters/postgres/oidc-models.ts'],
  otplib: ['adapters/identity/'],
  pg: ['adapters/postgres/'],
  pino: ['server/log.ts'],
  'raw-body': ['server/request-body.ts'],
  uqr: ['views/', 'server/'],
}

const programs = ['server/main.ts', 'server/cli.ts']
const composition = 'server/composition/'
const sharedTypes = [
  'adapters/postgres/schema.ts',
  'adapters/identity/contract.ts',
  'adapters/telegram/contract.ts',
  'adapters/crypto/seal.ts',
]
const production = /^(server|adapters|views|migrations)\//
const namesIfttt = ['server/oidc/profiles.ts', 'server/oidc/ifttt-resource.ts']
const readsEnvironment = [...programs, 'server/config.ts']

/** Every rule over every file; one sentence for each violation. */
export function violations(files: readonly SourceFile[]): readonly string[] {
  const own = files.filter(({ path }) => production.test(path))
  return [
    ...own.flatMap((file) => importsOf(file).flatMap((it) => judged(file.path, it))),
    ...own.filter(readsForbiddenEnvironment).map(({ path }) => `${path} reads the environment`),
    ...own.filter(flowThatKnowsIfttt).map(({ path }) => `${path} asks for IFTTT by name`),
    ...secondDoors(own),
    ...providersWithoutSuite(files),
  ]
}

/** The imports and re-exports of a file; `import { type X }` counts as code, because the module is still loaded. */
export function importsOf({ path, text }: SourceFile): readonly Import[] {
  const statements = text.matchAll(/^(?:import|export)\s+(type\s)?[^'"`;=()]*?from\s+['"]([^'"]+)['"]/gm)
  const sideEffects = text.matchAll(/^import\s+()['"]([^'"]+)['"]/gm)
  const dynamic = text.matchAll(/\bimport\(()\s*['"]([^'"]+)['"]/g)
  return [...statements, ...sideEffects, ...dynamic].map(([, type, specifier = '']) => {
    const local = specifier.startsWith('.')
    return {
      target: local ? new URL(specifier, `file:///${path}`).pathname.slice(1) : specifier,
      local,
      typeOnly: Boolean(type),
    }
  })
}

function judged(from: string, it: Import): readonly string[] {
  if (it.local) return mayImport(from, it) ? [] : [`${from} imports ${it.typeOnly ? 'types of ' : ''}${it.target}`]
  if (it.target.startsWith('node:')) return isMigration(from) ? [`${from} imports ${it.target}`] : []
  const name = packageOf(it.target)
  if (isMigration(from) && it.target !== 'kysely') return [`${from} imports ${it.target}`]
  if (name === 'oidc-provider' && it.target !== name) return [`${from} reaches into ${it.target}`]
  const allowed = homes[name]
  if (allowed === undefined) return [`${from} imports ${name}, which has no home`]
  return programs.includes(from) || allowed.some((home) => from.startsWith(home) || typesAtEdge(from, name, it))
    ? []
    : [`${from} imports ${name}, whose home is ${allowed.join(' and ')}`]
}

/** `server/` speaks of rows and requests: it may know the types of the database's query builder. */
function typesAtEdge(from: string, name: string, it: Import): boolean {
  return it.typeOnly && from.startsWith('server/') && (name === 'kysely' || name === 'oidc-provider')
}

function mayImport(from: string, { target, typeOnly }: Import): boolean {
  if (!production.test(target) && target !== 'package.json') return false
  if (programs.includes(target)) return false
  if (programs.includes(from) || from.startsWith(composition)) return true
  if (target.startsWith(composition)) return false
  const [layer, folder] = from.split('/')
  const inside = (...prefixes: string[]) => prefixes.some((prefix) => target.startsWith(prefix))
  switch (layer) {
    case 'server':
      return inside('server/', 'views/', 'package.json') || (typeOnly && inside('adapters/'))
    case 'adapters':
      return inside(`adapters/${folder}/`) || (typeOnly && sharedTypes.includes(target))
    case 'views':
      return inside('views/') || (typeOnly && target === 'adapters/identity/contract.ts')
    default:
      return false
  }
}

function packageOf(specifier: string): string {
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')
}

function isMigration(path: string): boolean {
  return path.startsWith('migrations/')
}

function readsForbiddenEnvironment({ path, text }: SourceFile): boolean {
  return !readsEnvironment.includes(path) && /\bprocess\.env\b|from 'node:process'/.test(text)
}

/** What a platform is excused from is data, and its API one of several: no flow asks for it by name. */
function flowThatKnowsIfttt({ path, text }: SourceFile): boolean {
  const isFlow = /^server\/(oidc|interactions|account)\//.test(path) && !namesIfttt.includes(path)
  const asks = /(['"])ifttt\1/.test(text) || (path.startsWith('server/interactions/') && /ifttt/i.test(text))
  return isFlow && asks
}

/** A sign-in ends in one file: the only one that calls the provider's `interactionFinished`. */
function secondDoors(files: readonly SourceFile[]): readonly string[] {
  const doors = files.filter(({ text }) => /\.interactionFinished\b/.test(text)).map(({ path }) => path)
  return doors.length > 1 ? [`interactionFinished is called in ${doors.join(' and ')}`] : []
}

/** Every way of proving who you are is run through the conformance suite. */
function providersWithoutSuite(files: readonly SourceFile[]): readonly string[] {
  const suite = 'test/support/identity-suite.ts'
  const covered = files
    .filter(({ path }) => path.endsWith('.test.ts'))
    .map((file) => importsOf(file).map(({ target }) => target))
    .filter((targets) => targets.includes(suite))
    .flat()
  return files
    .filter(({ path, text }) => path.startsWith('adapters/identity/') && /\): IdentityProvider\b/.test(text))
    .filter(({ path }) => !covered.includes(path))
    .map(({ path }) => `${path} is not run through ${suite}`)
}
