/**
 * What is shipped stays in step with the code: no image can be built here, so the files that describe it are held to
 * the settings, folders and routes that they name.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { commands } from '../server/commands/run.ts'
import { readConfig, settings } from '../server/config.ts'
import { importsOf } from './support/architecture.ts'

const root = join(import.meta.dirname, '..')
const read = (path: string) => readFileSync(join(root, path), 'utf8')
const names = Object.keys(settings).sort()
const manifest = JSON.parse(read('package.json')) as {
  scripts: Record<string, string>
  dependencies: Record<string, string>
  devDependencies: Record<string, string>
}
const sources = globSync('{server,adapters,views,migrations}/**/*.ts', { cwd: root })

describe('every setting', () => {
  test('is explained in docs/settings.md, and nothing else is', () => {
    expect(matches(read('docs/settings.md'), /^\| `([A-Z_]+)` \|/gm)).toEqual(names)
  })

  test('stands in .env.example, and nothing else but the password of the compose file’s own database', () => {
    expect(matches(read('.env.example'), /^#?([A-Z_]+)=/gm)).toEqual([...names, 'POSTGRES_PASSWORD'].sort())
  })

  test('of .env.example is one that the server takes', () => {
    const env = Object.fromEntries([...read('.env.example').matchAll(/^#?([A-Z_]+)=(.+)$/gm)].map(([, k, v]) => [k, v]))
    expect(() => readConfig({ ...env, SECRETS: 'x'.repeat(48) })).not.toThrow()
  })
})

describe('the image', () => {
  const dockerfile = read('Dockerfile')
  const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, from]) => from?.split(' ') ?? [])

  test('copies only what exists, and all that the server imports', () => {
    for (const path of copied) expect(existsSync(join(root, path)), path).toBe(true)
    const folders = new Set(sources.map((path) => path.split('/')[0]))
    for (const folder of folders) expect(copied).toContain(folder)
    const outside = sources
      .flatMap((path) => importsOf({ path, text: read(path) }))
      .filter(({ local, target }) => local && !copied.includes(target.split('/')[0] ?? ''))
    expect(outside).toEqual([])
  })

  test('gets from its context what it copies', () => {
    const allowed = matches(read('.dockerignore'), /^!(.+)$/gm)
    expect(allowed).toEqual([...new Set(copied)].sort())
  })

  test('has the same Node as the package', () => {
    const major = manifest.dependencies['node']?.split('.')[0]
    const images = [...dockerfile.matchAll(/^FROM node:(\d+)/gm)].map(([, version]) => version)
    expect(images.length).toBeGreaterThan(0)
    for (const version of images) expect(version).toBe(major)
  })

  test('starts as npm start does, without rights and without dev dependencies', () => {
    const command = JSON.parse(/^CMD (\[.+\])$/m.exec(dockerfile)?.[1] ?? '[]') as string[]
    expect(`exec ${command.join(' ')}`).toBe(manifest.scripts['start'])
    expect(matches(dockerfile, /^USER (.+)$/gm).at(-1)).toBe('node')
    expect(dockerfile).toContain('npm ci --omit=dev')
    expect(dockerfile).toContain('STOPSIGNAL SIGTERM')
  })

  test('names only settings that exist', () => {
    const line = /^ENV (.+)$/m.exec(dockerfile)?.[1] ?? ''
    const env = Object.fromEntries(line.split(' ').map((pair) => pair.split('=')))
    for (const name of Object.keys(env)) expect(names).toContain(name)
    expect(env['NODE_ENV']).toBe('production')
    expect(dockerfile).toContain(`EXPOSE ${env['PORT']}`)
  })

  test('checks its health with a command that runs, at a path that the server answers', () => {
    const check = JSON.parse(/^HEALTHCHECK[\s\S]+?CMD (\[.+\])$/m.exec(dockerfile)?.[1] ?? '[]') as string[]
    const [program, flag, script = ''] = check
    expect([program, flag]).toEqual(['node', '-e'])
    const path = /\}(\/[a-z/]+)`/.exec(script)?.[1] ?? 'none'
    expect(
      sources.some((source) => source.startsWith('server/') && read(source).includes(`'${path}'`)),
      path,
    ).toBe(true)
    // Nobody listens on port 1: unhealthy, not broken.
    expect(statusOf(script, { PORT: '1' })).toBe(1)
  })
})

describe('the compose file', () => {
  const compose = read('compose.yaml')
  const [, server = '', database = ''] = compose.split(/^ {2}(?:server|database):$/m)
  const serverSettings = [...server.matchAll(/^ {6}([A-Z_]+): (.+)$/gm)].map(([, name = '', value = '']) => [
    name,
    value,
  ])

  test('gives the server settings that it has, and that are enough for production', () => {
    for (const [name] of serverSettings) expect(names).toContain(name)
    const given: Record<string, string> = {
      ISSUER: 'https://a.example',
      SECRETS: 'x'.repeat(48),
      POSTGRES_PASSWORD: 'p',
    }
    const env = Object.fromEntries(serverSettings.map(([name, value]) => [name, interpolate(value ?? '', given)]))
    expect(readConfig(env)).toMatchObject({
      production: true,
      issuer: 'https://a.example',
      secrets: [given['SECRETS']],
    })
  })

  test('connects the server to its own database, once that is healthy', () => {
    const url = serverSettings.find(([name]) => name === 'DATABASE_URL')?.[1] ?? ''
    const [, user, host, name] = /^postgres:\/\/(\w+):\$\{.+\}@(\w+):5432\/(\w+)$/.exec(url) ?? []
    expect(host).toBe('database')
    expect(server).toMatch(/depends_on:\n\s+database:\n\s+condition: service_healthy/)
    expect(database).toContain(`POSTGRES_USER: ${user}\n`)
    expect(database).toContain(`POSTGRES_DB: ${name}\n`)
    expect(database).toMatch(/healthcheck:\n\s+test: \[CMD, pg_isready/)
    expect(Number(/image: postgres:(\d+)/.exec(database)?.[1])).toBeGreaterThanOrEqual(15)
  })

  test('publishes the port of the image to this machine alone, and keeps its volumes', () => {
    const port = /EXPOSE (\d+)/.exec(read('Dockerfile'))?.[1]
    expect(server).toContain(`- 127.0.0.1:${port}:${port}\n`)
    const declared = matches(compose.split(/^volumes:$/m)[1] ?? '', /^ {2}(\w+):$/gm)
    expect(matches(compose, /^ {6}- (\w+):\//gm)).toEqual(declared)
    expect(read('Dockerfile')).toContain('VOLUME /data')
  })
})

test('what only tests need is not imported by the server', () => {
  const imported = sources.flatMap((path) => importsOf({ path, text: read(path) }))
  for (const name of Object.keys(manifest.devDependencies)) {
    const users = imported.filter(
      ({ target, typeOnly }) => !typeOnly && (target === name || target.startsWith(`${name}/`)),
    )
    expect(users, name).toEqual([])
  }
})

describe('the documents', () => {
  const documents = ['README.md', ...globSync('docs/**/*.md', { cwd: root })]

  test('link only to files that exist', () => {
    for (const path of documents) {
      for (const [, target = ''] of read(path).matchAll(/\]\((?![a-z]+:)([^)#]+)/g)) {
        expect(existsSync(join(root, dirname(path), target)), `${path} → ${target}`).toBe(true)
      }
    }
  })

  test('name only scripts that exist', () => {
    for (const path of [...documents, '.ci/run']) {
      for (const [, script = ''] of read(path).matchAll(/npm run ([a-z:-]+)/g)) {
        expect(manifest.scripts, path).toHaveProperty([script])
      }
    }
  })

  test('name only commands that exist', () => {
    const known = commands.map(({ name }) => name)
    for (const path of [...documents, 'compose.yaml', '.ci/run']) {
      for (const [, words = ''] of read(path).matchAll(
        /(?:npx habitat-auth|server\/cli\.ts) ([a-z-]+(?: [a-z][a-z-]*)?)/g,
      )) {
        expect(known, `${path}: ${words}`).toContain(words)
      }
    }
  })

  test('are all found from the index', () => {
    const index = read('docs/README.md')
    for (const path of documents.filter((it) => it !== 'README.md' && it !== 'docs/README.md')) {
      expect(index).toContain(`(${path.slice('docs/'.length)})`)
    }
  })
})

function matches(text: string, pattern: RegExp): readonly (string | undefined)[] {
  return [...new Set([...text.matchAll(pattern)].map(([, found]) => found))].sort()
}

/** Compose's `${NAME:?message}` and `${NAME:-default}`. */
function interpolate(value: string, given: Record<string, string>): string {
  return value.replaceAll(/\$\{(\w+):([?-])([^}]*)\}/g, (_, name: string, kind: string, rest: string) => {
    const found = given[name] ?? (kind === '-' ? rest : undefined)
    if (found === undefined) throw new Error(`${name} is not given`)
    return found
  })
}

function statusOf(script: string, env: Record<string, string>): number | null {
  try {
    execFileSync(process.execPath, ['-e', script], { env, stdio: 'ignore' })
    return 0
  } catch (error) {
    return (error as { status: number | null }).status
  }
}
