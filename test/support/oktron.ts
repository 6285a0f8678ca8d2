/** The whole of it for tests of the example bot: server, API, Telegram and bot, and what each of them said. */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { vi } from 'vitest'
import { oktoApi } from '../../examples/okto-api/api.ts'
import { type Oktron, oktron } from '../../examples/oktron/oktron.ts'
import { asGoogle, type FakeIssuer, fakeGoogle } from './fakes/google.ts'
import { startTelegram, type Telegram } from './fakes/telegram.ts'
import { startTestServer, type TestClient, type TestServer } from './server.ts'
import { pollingAt } from './telegram-bot.ts'
import { holdWaits, stopClock } from './time-lapse.ts'

export interface OktronStage extends AsyncDisposable {
  readonly server: TestServer
  readonly client: TestClient
  readonly google: FakeIssuer
  readonly telegram: Telegram
  readonly api: string
  readonly bot: Oktron
  readonly folder: string
  /** Every line of the bot's log. */
  readonly lines: string[]
  /** Every request that was made in this process, but for those of the bot to Telegram: address, headers, body. */
  readonly requests: string[]
  /** Seconds that Telegram made the bot wait. */
  readonly waited: number[]
  /** Lets the time pass that the bot waits between two requests for tokens, until there is this result. */
  passUntil<T>(result: Promise<T>): Promise<T>
  /** Another bot over the same folder, at this Telegram. */
  another(at: Telegram): Promise<Oktron>
  /** Where the pages of the bots are, if they have any. */
  readonly pages: string
  /** Their client for that. */
  readonly browsers: TestClient
  /** Lets the time be over for everything of the bots that waits for it. */
  ring(): void
  /** The contents of the vault, as they lie there, with the names of the files. */
  vault(): Promise<string>
}

export interface OktronSettings {
  /** The bots hand people over to a browser. */
  web?: boolean
  /** Where the server's own bot is, which asks people for the bots. */
  approval?: Telegram
}

export async function startOktronStage({ web = false, approval }: OktronSettings = {}): Promise<OktronStage> {
  stopClock()
  const waits = holdWaits()
  const requests: string[] = []
  const ask = globalThis.fetch
  const spy = vi.spyOn(globalThis, 'fetch').mockImplementation((input, init) => {
    const headers = JSON.stringify([...new Headers(init?.headers)])
    requests.push(`${init?.method ?? 'GET'} ${input instanceof Request ? input.url : input}\n${headers}\n${init?.body}`)
    return ask(input, init)
  })
  const google = await fakeGoogle()
  const server = await startTestServer({
    settings: { ...asGoogle(google), ...(approval === undefined ? {} : pollingAt(approval)) },
  })
  google.allow(`${server.origin}/interaction/callback/google`)
  const front = await listen()
  const api = front.origin
  front.serve(oktoApi({ issuer: server.origin, resource: api, onError: (error) => void lines.push(String(error)) }))
  await server.resource(api, ['okto:read', 'okto:write'], 'jwt')
  const client = await server.client('device', {
    client_name: 'oktron',
    scope: 'openid profile',
    resource_scopes: 'okto:read okto:write',
    ...(approval === undefined ? {} : { approve_in_chat: true }),
  })
  const telegram = await startTelegram()
  const folder = await mkdtemp(join(tmpdir(), 'oktron-'))
  const key = randomBytes(32)
  const lines: string[] = []
  const waited: number[] = []
  const started: Oktron[] = []
  let alarms: (() => void)[] = []
  const own = await listen()
  const browsers = web
    ? await server.client('web', {
        client_name: 'oktron',
        scope: 'openid profile offline_access',
        resource_scopes: 'okto:read okto:write',
        redirect_uris: [`${own.origin}/connected`],
      })
    : undefined
  let pages: RequestListener | undefined
  own.serve((request, response) => pages?.(request, response))
  const another = async (at: Telegram) => {
    const bot = await oktron({
      token: at.token,
      apiRoot: at.apiRoot,
      issuer: server.origin,
      client: { id: client.id, ...(client.secret === '' ? {} : { secret: client.secret }) },
      web: browsers && { address: own.origin, client: browsers },
      api,
      vault: { folder, key },
      log: (line) => void lines.push(line),
      wait: async (seconds) => void waited.push(seconds),
      until: (_seconds, over) =>
        new Promise((resolve) => {
          alarms.push(resolve)
          over.addEventListener('abort', () => resolve())
        }),
    })
    pages = bot.pages
    started.push(bot)
    return bot
  }
  return {
    ...{ server, client, google, telegram, api, folder, lines, requests, waited, another },
    bot: await another(telegram),
    pages: own.origin,
    browsers: browsers ?? client,
    ring() {
      for (const ring of alarms) ring()
      alarms = []
    },
    passUntil: waits.passUntil,
    async vault() {
      const names = await readdir(folder)
      const contents = await Promise.all(names.map((name) => readFile(join(folder, name), 'latin1')))
      return [...names, ...contents].join('\n')
    },
    async [Symbol.asyncDispose]() {
      for (const bot of started) await bot.stop()
      waits.release()
      spy.mockRestore()
      vi.useRealTimers()
      await telegram[Symbol.asyncDispose]()
      await front.close()
      await own.close()
      await server.stop()
      await google[Symbol.asyncDispose]()
      await rm(folder, { recursive: true })
    },
  }
}

/** Listens on this machine alone. */
export async function listen(): Promise<{
  origin: string
  serve(listener: RequestListener): void
  close(): Promise<void>
}> {
  const server: Server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    serve: (listener) => void server.on('request', listener),
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
