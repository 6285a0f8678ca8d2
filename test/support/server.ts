/**
 * A whole server for a test: its own database, its own port, a log that can be read, a clock that can be set.
 */
import { randomBytes } from 'node:crypto'
import type { IdentityProvider } from '../../adapters/identity/contract.ts'
import { clients as clientStore } from '../../adapters/postgres/clients.ts'
import { resources as resourceStore } from '../../adapters/postgres/resources.ts'
import { type Config, readConfig } from '../../server/config.ts'
import { log } from '../../server/log.ts'
import { type StartOptions, startServer } from '../../server/main.ts'
import { hasSecret, profileOfClient } from '../../server/oidc/client-profile.ts'
import { hashClientSecret, newClientSecret } from '../../server/oidc/client-secrets.ts'
import { openTestDatabase, type TestDatabase } from './database.ts'
import { type Visitor, visitor } from './visitor.ts'

export interface TestServerOptions {
  /** Settings by their environment names. */
  settings?: Record<string, string>
  providers?: readonly IdentityProvider[]
  now?: () => Date
  /** Another world of PDSs than settings and issuer say. */
  outside?: StartOptions['outside']
  /** A database to share with another node; it is then the caller's to close. */
  database?: TestDatabase
}

export interface TestClient {
  id: string
  /** Empty for public clients. */
  secret: string
  redirectUri: string
}

export interface TestServer extends AsyncDisposable {
  readonly origin: string
  /** Where it listens; another address than the origin's when the settings name an issuer behind a proxy. */
  readonly address: string
  readonly database: TestDatabase
  /** Every line that was logged. */
  readonly logged: string[]
  /** Somebody at a browser; `headers` go with every request (a proxy's, for example). */
  visitor(headers?: Record<string, string>): Visitor
  /** Registers a client of a profile. */
  client(profile: string, extra?: Record<string, unknown>): Promise<TestClient>
  /** Registers a resource server with an introspection client of its own. */
  resource(identifier: string, scopes: string[], format?: 'opaque' | 'jwt'): Promise<TestClient>
  /** Builds the provider anew, as a rotation of keys does. */
  rebuild(): Promise<void>
  stop(): Promise<void>
}

export const testRedirectUri = 'https://app.example/cb'

export async function startTestServer(options: TestServerOptions = {}): Promise<TestServer> {
  const database = options.database ?? (await openTestDatabase())
  const logged: string[] = []
  const settings = { PORT: '0', SECRETS: randomBytes(32).toString('hex'), ...options.settings }
  const config: Config = readConfig(settings)
  const now = options.now ?? (() => new Date())
  const server = await startServer(config, {
    store: database.store,
    log: log('debug', { write: (line) => void logged.push(line) }),
    now,
    ...(options.providers === undefined ? {} : { providers: options.providers }),
    ...(options.outside === undefined ? {} : { outside: options.outside }),
  })
  const clients = clientStore(database.store.db, now)
  const behindProxy = !server.issuer.endsWith(`:${server.port}`)
  const address = behindProxy ? `http://127.0.0.1:${server.port}` : server.issuer
  const proxied: Record<string, string> = behindProxy
    ? { 'x-forwarded-host': new URL(server.issuer).host, 'x-forwarded-proto': 'https', 'x-forwarded-for': '192.0.2.7' }
    : {}
  const stop = async (): Promise<void> => {
    await server.stop()
    if (options.database === undefined) await database.close()
  }

  async function client(profileName: string, extra: Record<string, unknown> = {}): Promise<TestClient> {
    const profile = profileOfClient(profileName, extra)
    if (profile === undefined) throw new Error(`no profile ${profileName}`)
    const id = `client-${randomBytes(6).toString('hex')}`
    const secret = hasSecret(profile) ? newClientSecret() : ''
    const { first_party, ...metadata } = extra
    const added = await clients.add({
      id,
      profile: profileName,
      firstParty: first_party === true,
      metadata: {
        client_name: 'Example',
        ...profile.metadata,
        ...(profile.redirectUris === 'none' ? {} : { redirect_uris: [testRedirectUri] }),
        ...metadata,
      },
      secretHashes: secret === '' ? [] : [hashClientSecret(secret)],
    })
    const [redirectUri = ''] = (added?.metadata['redirect_uris'] ?? []) as string[]
    return { id, secret, redirectUri }
  }

  return {
    origin: server.issuer,
    address,
    database,
    logged,
    visitor: (headers) => visitor(server.issuer, { address, headers: { ...proxied, ...headers } }),
    client,
    async resource(identifier, scopes, format = 'opaque') {
      const owner = await client('resource')
      await resourceStore(database.store.db, now).add({
        identifier,
        name: 'Example API',
        scopes,
        tokenFormat: format,
        tokenTtl: 600,
        clientId: owner.id,
      })
      return owner
    },
    rebuild: server.rebuild,
    stop,
    [Symbol.asyncDispose]: stop,
  }
}
