/**
 * The same server on the library's own in-memory adapter: what it costs to keep nothing.
 *
 * Everything but storage is as `server/composition/` has it for these requests: the provider's configuration, the keys' kind,
 * the middleware around it, the log. The adapter's store holds 20,000 entries instead of 1,000, so that codes made
 * beforehand are still there when they are redeemed.
 */
import { randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import type { Provider } from 'oidc-provider'
// @ts-expect-error the library ships no types for its adapter
import MemoryAdapter from 'oidc-provider/lib/adapters/memory_adapter.js'
// @ts-expect-error nor for its store
import LeastRecentlyUsed from 'oidc-provider/lib/helpers/lru.js'
import type { Account } from '../adapters/postgres/accounts.ts'
import type { Client } from '../adapters/postgres/clients.ts'
import type { ModelAdapter, OidcModels } from '../adapters/postgres/oidc-models.ts'
import type { SigningKey } from '../adapters/postgres/signing-keys.ts'
import { createApp } from '../server/app.ts'
import { log as createLog } from '../server/log.ts'
import { clientLookup } from '../server/oidc/client-lookup.ts'
import { createProvider } from '../server/oidc/provider.ts'
import { pages as createPages } from '../server/pages.ts'
import { providerPages } from '../server/provider-pages.ts'
import { requestInfo } from '../server/request-info.ts'
import { healthRoutes } from '../server/routes/health.ts'
import { bystanders } from './bystanders.ts'

export interface InMemoryOptions {
  keys: readonly SigningKey[]
  clients: readonly Client[]
  account: Account
}

/** Serves on a free port of this machine. */
export async function serveFromMemory(options: InMemoryOptions): Promise<{ issuer: string; provider: Provider }> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port was given')
  const issuer = `http://localhost:${address.port}`
  const cookieKeys = [randomBytes(32).toString('base64url')]
  const pages = createPages('Habitat')
  const log = createLog('info')
  const provider = createProvider({
    ...bystanders(issuer),
    issuer,
    keys: options.keys,
    cookieKeys,
    dpopNonceSecret: randomBytes(32),
    subjectKey: randomBytes(32),
    models: memoryModels(options.clients),
    findAccount: async (id) => (id === options.account.id ? options.account : undefined),
    pages: providerPages(pages, async () => undefined),
    reference: (request) => requestInfo(request).reference,
    onError: (ctx, error) => log.info({ route: ctx.oidc?.route, error: String(error) }, 'refused'),
    now: () => new Date(),
  })
  const app = createApp({
    issuer,
    proxies: { trusted: [], countryHeader: undefined },
    cookieKeys,
    pages,
    provider: () => provider,
    health: healthRoutes({ ping: async () => undefined, stopping: () => false }),
    routes: [],
    log,
  })
  server.on('request', app.callback())
  return { issuer, provider }
}

function memoryModels(clients: readonly Client[]): OidcModels {
  const store: unknown = new LeastRecentlyUsed({ maxSize: 20_000 })
  const registered = new Map(clients.map((client) => [client.id, client]))
  const findClient = clientLookup({ find: async (id) => registered.get(id), now: () => new Date() })
  return {
    adapter(model) {
      const adapter = new MemoryAdapter(model, store) as ModelAdapter
      if (model === 'Client') adapter.find = findClient
      return adapter
    },
    flush: async () => undefined,
    successorOf: () => randomBytes(32).toString('base64url'),
    requestOf: async () => undefined,
    releaseDevice: async () => undefined,
    account: () => undefined,
  }
}
