/**
 * Apps that people really build: each with a library that is not ours, in a process of its own, and a person who goes to
 * and fro between app and server.
 *
 * The apps are programs below `test/interop/clients/`, written as the documentation of their library says. They know
 * nothing but what an operator would tell them: issuer, client id, secret, their own address.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { extname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { pathToFileURL } from 'node:url'
import { inject } from 'vitest'
import { type Person, register, signIn, somebody } from './people.ts'
import type { TestClient, TestServer } from './server.ts'
import { freePort } from './server-process.ts'
import { type Visit, type Visitor, visitor } from './visitor.ts'

export interface AppOptions {
  /** File name of the program, `.ts` left out; `.js` where the library has no types, or types of a browser. */
  program: string
  profile?: string
  /** Paths of the app that it is registered with. */
  callback?: string
  afterLogout?: string
  /** Where its address begins; browsers and programs of one machine name it differently. */
  host?: 'localhost' | '127.0.0.1'
  /** More of its registration. */
  registration?: Record<string, unknown>
  /** More of its environment. */
  settings?: Record<string, string>
  /** Loaded before the program: a file beside it. */
  preload?: string
}

export interface App extends AsyncDisposable {
  readonly origin: string
  readonly client: TestClient
  /** The next line that it writes; throws when it ends instead. */
  line(): Promise<string>
}

/** Registers an app and starts it; its first line says that it listens. Throws what it wrote when it ends instead. */
export async function startApp(server: TestServer, options: AppOptions): Promise<App> {
  const { program, profile = 'web', callback = '/callback', afterLogout = '/', host = 'localhost' } = options
  const port = await freePort()
  const origin = `http://${host}:${port}`
  const client = await server.client(profile, {
    redirect_uris: [origin + callback],
    post_logout_redirect_uris: [origin + afterLogout],
    ...options.registration,
  })
  const fileOf = (name: string) => join(import.meta.dirname, '../interop/clients', name)
  const preload = options.preload === undefined ? [] : ['--import', pathToFileURL(fileOf(options.preload)).href]
  const file = fileOf(extname(program) === '' ? `${program}.ts` : program)
  const child = spawn(process.execPath, [...preload, file], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env['PATH'] ?? '',
      NODE_COMPILE_CACHE: inject('compileCache'),
      PORT: String(port),
      BASE_URL: origin,
      ISSUER: server.origin,
      CLIENT_ID: client.id,
      CLIENT_SECRET: client.secret,
      ...options.settings,
    },
  })
  const ended = once(child, 'exit')
  const complaints = text(child.stderr)
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  const line = async () => {
    const { value, done } = await lines.next()
    if (done) throw new Error(`${program} ended: ${await complaints}`)
    return value
  }
  await line()
  return {
    origin,
    client,
    line,
    async [Symbol.asyncDispose]() {
      child.kill()
      await ended
    },
  }
}

export interface Traveller {
  readonly person: Person
  /** The person's browser at the app, and at the server. */
  readonly atApp: Visitor
  readonly atServer: Visitor
  /** Opens an address of the app and goes wherever that leads, until a page of the app is there. */
  open(path: string): Promise<Visit>
  /** Goes on from a page or a redirect in the same way. */
  travel(from: Visit): Promise<Visit>
}

/** Somebody without an account yet, who registers, signs in, allows and signs out wherever the server asks for that. */
export function traveller(server: TestServer, app: Pick<App, 'origin'>): Traveller {
  const person = somebody()
  const atApp = visitor(app.origin)
  const atServer = server.visitor()
  let registered = false

  async function answer(page: Visit): Promise<Visit> {
    if (page.text.includes('/logout/confirm"')) return atServer.submit(page, '/logout/confirm', { logout: 'yes' })
    if (page.text.includes('value="allow"')) return atServer.submit(page, '/consent', { decision: 'allow' })
    if (!page.text.includes('name="password"')) throw new Error(`stuck: ${page.status} ${page.url}\n${page.text}`)
    const enter = registered ? signIn : register
    registered = true
    return enter(atServer, page.url.href, person)
  }

  async function travel(from: Visit): Promise<Visit> {
    let visit = from
    for (let steps = 0; steps < 20; steps += 1) {
      const { origin, pathname, search } = visit.url
      if (!visit.left && origin === app.origin) return visit
      if (!visit.left) visit = await answer(visit)
      else if (origin === server.origin) visit = await atServer.get(pathname + search, acrossPorts)
      else if (origin === app.origin) visit = await atApp.get(pathname + search, acrossPorts)
      else throw new Error(`sent to ${visit.url}`)
    }
    throw new Error(`no end of it: ${visit.url}`)
  }

  return { person, atApp, atServer, travel, open: async (path) => travel(await atApp.get(path)) }
}

/** To a browser two ports of one machine are the same site, not the same origin. */
const acrossPorts = { 'sec-fetch-site': 'same-site' }
