/**
 * The API for PDSs on a port of its own, over an upstream that a test writes: for what a real PDS does not do, or not yet.
 */
import { randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Link, PdsUnreachable } from '../../adapters/atproto/contract.ts'
import { accounts as accountStore } from '../../adapters/postgres/accounts.ts'
import { createApp } from '../../server/app.ts'
import { pdsAccountOf } from '../../server/atproto/identity.ts'
import { log } from '../../server/log.ts'
import { bearer } from '../../server/oidc/bearer.ts'
import { dpopNonces } from '../../server/oidc/dpop-nonce.ts'
import { pages } from '../../server/pages.ts'
import { pdsProxy } from '../../server/routes/pds-proxy.ts'
import { type ApiTokens, apiTokens } from './api-tokens.ts'
import { openTestDatabase, type TestDatabase } from './database.ts'

export interface Proxied extends AsyncDisposable {
  readonly origin: string
  readonly port: number
  readonly database: TestDatabase
  readonly tokens: ApiTokens
  readonly logged: string[]
  /** Every request that the upstream got, whole. */
  readonly upstream: Seen[]
  /** Begins to write down what the database is asked; call what it answers to read that. */
  statements(): () => readonly string[]
  /** What the upstream does from now on; undefined: answers `{}`. */
  serve(handler: Handler | undefined): void
  /** What the account's link does instead of asking the upstream; undefined: it asks. */
  setLink(link: (() => Promise<Link | undefined>) | undefined): void
}

export interface Seen {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

type Handler = (request: IncomingMessage, response: ServerResponse) => void

export interface ProxiedOptions {
  now?: () => Date
  /** Milliseconds. */
  patience?: number
  /** Milliseconds. */
  idle?: number
}

export async function proxied({ now = () => new Date(), patience, idle }: ProxiedOptions = {}): Promise<Proxied> {
  const database = await openTestDatabase()
  const upstream: Seen[] = []
  const logged: string[] = []
  let handler: Handler | undefined
  let link: (() => Promise<Link | undefined>) | undefined
  const pds = createServer((request, response) => {
    if (handler !== undefined) return handler(request, response)
    let body = ''
    request.setEncoding('latin1').on('data', (chunk: string) => {
      body += chunk
    })
    request.on('end', () => {
      upstream.push({ method: request.method ?? '', url: request.url ?? '', headers: request.headers, body })
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
    })
  })
  const pdsPort = await listening(pds)
  let application: RequestListener = (_request, response) => response.end()
  const server = createServer((request, response) => application(request, response))
  const port = await listening(server)
  const origin = `http://localhost:${port}`
  const tokens = await apiTokens(database, origin, now)
  const accounts = accountStore(database.store.db, now)
  const cookieKeys = [randomBytes(32).toString('hex')]
  const journal = log('debug', { write: (line) => void logged.push(line) })
  const proxy = pdsProxy({
    bearer: bearer({
      issuer: origin,
      audience: origin,
      provider: () => tokens.provider,
      nonces: dpopNonces(Buffer.alloc(32), now),
      now,
    }),
    identityOf: async (accountId) => pdsAccountOf(await accounts.identitiesOf(accountId)),
    async link(did) {
      if (link !== undefined) return link()
      return {
        did,
        scopes: [],
        fetch: (path, init) =>
          fetch(new URL(path, `http://127.0.0.1:${pdsPort}`), init).catch((cause: unknown) => {
            if (init.signal?.aborted) throw cause
            throw new PdsUnreachable('no answer', { timeout: false, cause })
          }),
      }
    },
    log: journal,
    ...(patience === undefined ? {} : { patience }),
    ...(idle === undefined ? {} : { idle }),
  })
  const app = createApp({
    issuer: origin,
    proxies: { trusted: [], countryHeader: undefined },
    cookieKeys,
    pages: pages('Habitat'),
    provider: () => tokens.provider,
    health: (_ctx, next) => next(),
    routes: [proxy],
    log: journal,
  })
  application = app.callback()
  return {
    origin,
    port,
    database,
    tokens,
    logged,
    upstream,
    statements() {
      const asked: string[] = []
      const executor = database.store.db.getExecutor()
      const execute = executor.executeQuery.bind(executor)
      executor.executeQuery = (query, ...rest) => {
        asked.push(query.sql)
        return execute(query, ...rest)
      }
      return () => {
        executor.executeQuery = execute
        return asked
      }
    },
    serve(next) {
      handler = next
    },
    setLink(next) {
      link = next
    },
    async [Symbol.asyncDispose]() {
      for (const one of [server, pds]) {
        one.closeAllConnections()
        one.close()
      }
      await database.close()
    },
  }
}

async function listening(server: ReturnType<typeof createServer>): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}
