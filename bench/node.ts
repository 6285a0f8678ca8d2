/**
 * One server under test, in a process of its own; told what to do by the bench over the channel between them.
 */
import { randomBytes } from 'node:crypto'
import type { Provider } from 'oidc-provider'
import { sealer as createSealer } from '../adapters/crypto/seal.ts'
import { type Account, accounts as accountStore } from '../adapters/postgres/accounts.ts'
import { clients as clientStore } from '../adapters/postgres/clients.ts'
import { openEmbedded, type Store } from '../adapters/postgres/database.ts'
import { oidcModels } from '../adapters/postgres/oidc-models.ts'
import { signingKeys } from '../adapters/postgres/signing-keys.ts'
import { readConfig } from '../server/config.ts'
import { startServer } from '../server/main.ts'
import { clientLookup } from '../server/oidc/client-lookup.ts'
import { hashClientSecret, newClientSecret } from '../server/oidc/client-secrets.ts'
import { type ProfileName, profiles } from '../server/oidc/profiles.ts'
import { createProvider } from '../server/oidc/provider.ts'
import { requestScope } from '../server/oidc/request-scope.ts'
import { pages as createPages } from '../server/pages.ts'
import { providerPages } from '../server/provider-pages.ts'
import { bystanders } from './bystanders.ts'
import { serveFromMemory } from './in-memory.ts'
import type { Artifact, Parties } from './operations.ts'
import { stock } from './stock.ts'

export type StoreKind = 'Postgres' | 'PGlite' | 'in memory'

export type Order =
  | { order: 'start'; kind: StoreKind; databaseUrl: string; dataDir: string; secret: string }
  | { order: 'stock'; artifact: Artifact; count: number }
  | { order: 'usage' }

export interface Started {
  issuer: string
  parties: Parties
}

/** Microseconds of CPU since the start of the process, user and system; bytes of resident memory. */
export interface Usage {
  cpu: number
  memory: number
}

const now = () => new Date()
let running: { provider: Provider; parties: Parties; accountId: string } | undefined

process.on('message', (message: { id: number } & Order) => {
  carryOut(message).then(
    (result) => process.send?.({ id: message.id, result }),
    (error: unknown) => process.send?.({ id: message.id, error: String((error as Error).stack ?? error) }),
  )
})
process.on('disconnect', () => process.exit(0))

async function carryOut(order: Order): Promise<Started | string[] | Usage> {
  switch (order.order) {
    case 'start':
      return start(order)
    case 'stock': {
      if (running === undefined) throw new Error('not started')
      const { provider, parties, accountId } = running
      return stock(provider, parties, accountId, order.artifact, order.count)
    }
    case 'usage': {
      const { user, system } = process.cpuUsage()
      return { cpu: user + system, memory: process.memoryUsage.rss() }
    }
  }
}

async function start({ kind, databaseUrl, dataDir, secret }: Order & { order: 'start' }): Promise<Started> {
  if (kind === 'in memory') {
    // Clients, person and keys come to be in a database, as they do elsewhere; none of it is asked again.
    const store = await openEmbedded(undefined)
    await store.migrate()
    const { parties, account } = await populated(store)
    const keys = await signingKeys(store.db, createSealer([secret]), now).loadOrCreate()
    const clients = await clientStore(store.db, now).list()
    await store.close()
    const { issuer, provider } = await serveFromMemory({ keys, clients, account })
    running = { provider, parties, accountId: account.id }
    return { issuer, parties }
  }
  const environment = kind === 'Postgres' ? { DATABASE_URL: databaseUrl } : { DATA_DIR: dataDir }
  const server = await startServer(readConfig({ PORT: '0', SECRETS: secret, ...environment }))
  const { parties, account } = await populated(server.store)
  running = { provider: await makerOf(server.store, secret), parties, accountId: account.id }
  return { issuer: server.issuer, parties }
}

/** Two clients and a person. */
async function populated({ db }: Store): Promise<{ parties: Parties; account: Account }> {
  const clients = clientStore(db, now)
  const redirectUri = 'https://app.example/cb'
  const register = async (profile: ProfileName, metadata: Record<string, unknown>) => {
    const id = randomBytes(8).toString('hex')
    const secret = newClientSecret()
    await clients.add({
      id,
      profile,
      firstParty: false,
      metadata: { client_name: 'Bench', ...profiles[profile].metadata, ...metadata },
      secretHashes: [hashClientSecret(secret)],
    })
    return { id, secret }
  }
  const client = await register('web', { redirect_uris: [redirectUri] })
  const service = await register('service', {})
  const account = await accountStore(db, now).create({
    name: 'Bench',
    email: 'bench@example.com',
    identity: { provider: 'bench', subject: randomBytes(8).toString('hex') },
  })
  const parties = {
    clientId: client.id,
    clientSecret: client.secret,
    serviceId: service.id,
    serviceSecret: service.secret,
    redirectUri,
    codeVerifier: randomBytes(32).toString('base64url'),
  }
  return { parties, account }
}

/** A provider over the same database that serves nobody: only its models are used. */
async function makerOf({ db }: Store, secret: string): Promise<Provider> {
  const sealer = createSealer([secret])
  return createProvider({
    ...bystanders('http://localhost'),
    issuer: 'http://localhost',
    keys: await signingKeys(db, sealer, now).loadOrCreate(),
    cookieKeys: [secret],
    dpopNonceSecret: sealer.derive('dpop-nonce')[0],
    subjectKey: randomBytes(32),
    models: oidcModels({
      db,
      sealer,
      now,
      scope: requestScope,
      findClient: clientLookup({ find: clientStore(db, now).find, now }),
      onReplay: () => undefined,
    }),
    findAccount: accountStore(db, now).find,
    pages: providerPages(createPages('Bench'), async () => undefined),
    reference: () => '',
    onError: () => undefined,
    now,
  })
}
