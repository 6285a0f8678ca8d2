#!/usr/bin/env node
/**
 * Composition root: settings → database → adapters → application → listen → stop on signal.
 *
 * With `cli.ts` the only file that touches an adapter's code. `startServer` is what tests and the demo call; the last
 * lines run it when this file is the program.
 */
import { existsSync } from 'node:fs'
import type { RequestListener } from 'node:http'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { atprotoClient, type RunningAtprotoClient } from '../adapters/atproto/client.ts'
import { guardedFetch } from '../adapters/atproto/guarded-fetch.ts'
import { readIdentifier } from '../adapters/atproto/identifier.ts'
import { loadOrCreateSecrets } from '../adapters/crypto/generated-secrets.ts'
import { passwordHashing } from '../adapters/crypto/password-hash.ts'
import { sealer as createSealer, SealBroken, type Sealer } from '../adapters/crypto/seal.ts'
import { atproto } from '../adapters/identity/atproto.ts'
import type { IdentityProvider } from '../adapters/identity/contract.ts'
import { password } from '../adapters/identity/password.ts'
import { passwordSettings } from '../adapters/identity/password-settings.ts'
import { accounts as accountStore } from '../adapters/postgres/accounts.ts'
import { atprotoKeys } from '../adapters/postgres/atproto-keys.ts'
import { atprotoSessions } from '../adapters/postgres/atproto-sessions.ts'
import { atprotoStates } from '../adapters/postgres/atproto-states.ts'
import { attempts as attemptStore } from '../adapters/postgres/attempts.ts'
import { audit as auditStore } from '../adapters/postgres/audit.ts'
import { removeExpired } from '../adapters/postgres/cleanup.ts'
import { clients as clientStore } from '../adapters/postgres/clients.ts'
import { consents as consentStore } from '../adapters/postgres/consents.ts'
import { DatabaseInUse, openEmbedded, openPostgres, ping, type Store } from '../adapters/postgres/database.ts'
import { grants as grantStore } from '../adapters/postgres/grants.ts'
import { limits as limitStore } from '../adapters/postgres/limits.ts'
import { oidcModels, reached } from '../adapters/postgres/oidc-models.ts'
import { passwords as passwordStore } from '../adapters/postgres/passwords.ts'
import { pdsLinks } from '../adapters/postgres/pds-links.ts'
import { resources as resourceStore } from '../adapters/postgres/resources.ts'
import { sessions as sessionStore } from '../adapters/postgres/sessions.ts'
import { signingKeys } from '../adapters/postgres/signing-keys.ts'
import { accountRoutes } from './account/routes.ts'
import { type AdminSocket, serveAdminSocket } from './admin-socket.ts'
import { createApp } from './app.ts'
import { pdsAccess } from './atproto/access.ts'
import { declaredScopes } from './atproto/declared-scopes.ts'
import { pdsProvider } from './atproto/identity.ts'
import { linkEnds } from './atproto/link-ends.ts'
import { background } from './background.ts'
import { cached } from './cached.ts'
import { commandServices } from './cli.ts'
import { runRequest } from './commands/run.ts'
import { adminSocketPath, type Config, ConfigError, readConfig } from './config.ts'
import { sameOriginOnly } from './cross-origin.ts'
import { migrated } from './database-trouble.ts'
import { describe } from './describe-error.ts'
import { garbageCollection, type IdleMemory, idleMemory } from './idle-memory.ts'
import { attemptDriver } from './interactions/attempt.ts'
import { consent } from './interactions/consent.ts'
import { attemptCookies } from './interactions/cookies.ts'
import { pdsStep } from './interactions/pds.ts'
import { restartUrl } from './interactions/restart.ts'
import { interactionRoutes } from './interactions/router.ts'
import { signIn } from './interactions/sign-in.ts'
import { drained, listen } from './listener.ts'
import { log as createLog, type Log } from './log.ts'
import { bearer } from './oidc/bearer.ts'
import { clientLookup } from './oidc/client-lookup.ts'
import { dpopNonces } from './oidc/dpop-nonce.ts'
import { pdsResource } from './oidc/pds-resource.ts'
import { createProvider } from './oidc/provider.ts'
import { requestScope } from './oidc/request-scope.ts'
import { pages as createPages } from './pages.ts'
import { providerPages } from './provider-pages.ts'
import { repeated } from './repeated.ts'
import { requestInfo } from './request-info.ts'
import { atprotoClientRoutes, callbackBounce } from './routes/atproto-client.ts'
import { healthRoutes } from './routes/health.ts'
import { logoRoutes } from './routes/logos.ts'
import { pdsProxy } from './routes/pds-proxy.ts'
import { protectedResourceRoutes } from './routes/protected-resource.ts'
import { startProblem } from './start-problem.ts'
import { welcome } from './welcome.ts'

export interface StartOptions {
  log?: Log
  now?: () => Date
  /** A database that is open already; it is the caller's to close. */
  store?: Store
  /** Further ways to prove who one is. */
  providers?: readonly IdentityProvider[]
  /** Another world of PDSs than the settings and the issuer say. */
  outside?: Partial<Outside>
  /** Counts the requests; its ticks are the caller's, because the memory is the process's. */
  memory?: IdleMemory
  /** Gives up a start that still waits for the database. */
  signal?: AbortSignal
}

/** Where PDSs and what they need are found. */
interface Outside {
  /** Origin of the PLC directory; undefined: the public one. */
  plcUrl: string | undefined
  /** Origin of a service that resolves handles; undefined: by DNS and HTTPS. */
  handleResolver: string | undefined
  /** Lets our client reach plain http and private addresses; otherwise only where the issuer is on this machine. */
  open: boolean
}

export interface RunningServer {
  readonly issuer: string
  /** Where it listens; behind a proxy not the issuer's. */
  readonly port: number
  readonly store: Store
  /** Builds the provider anew, with the signing keys of the moment; requests under way finish on the one before. */
  rebuild(): Promise<void>
  /** Finishes what is in flight, then lets go of everything. Idempotent. */
  stop(): Promise<void>
}

/** Milliseconds. */
const cleanupInterval = 60_000
const memoryInterval = 5_000
const farewell = 3_000

/** Starts a server and answers once it can serve. Throws `DatabaseInUse`, `SealBroken`, or what listening throws. */
export async function startServer(settings: Config, options: StartOptions = {}): Promise<RunningServer> {
  const now = options.now ?? (() => new Date())
  const log = options.log ?? createLog(settings.logLevel)
  const stopping = new AbortController()
  const front = await listen(settings)
  // Without ISSUER the port is part of it, and with PORT=0 known only now.
  const config = settings.issuer.endsWith(':0') ? { ...settings, issuer: `http://localhost:${front.port}` } : settings
  let store: Store | undefined
  let adminSocket: AdminSocket | undefined
  let composed: Awaited<ReturnType<typeof compose>>
  try {
    store = options.store ?? (await openStore(config, log))
    await migrated(store, log, options.signal)
    const sealer = createSealer(secretsOf(config))
    if (options.store === undefined && store.kind === 'embedded') {
      adminSocket = await openAdminSocket({ config, store, sealer, now, log })
    }
    const providers = options.providers ?? []
    const outside = { ...config.atproto, open: config.issuer.startsWith('http:'), ...options.outside }
    composed = await compose({ config, store, sealer, now, log, stopping: stopping.signal, providers, outside })
    front.serve(options.memory?.counted(composed.listener) ?? composed.listener)
  } catch (error) {
    front.server.close()
    await adminSocket?.close()
    if (options.store === undefined) await store?.close()
    throw error
  }
  const database = store
  const stopCleaning = repeated(
    cleanupInterval,
    async () => {
      await removeExpired(database.db, now, stopping.signal)
      await composed.endLinks()
    },
    (error) => log.warn({ error: describe(error) }, 'removing expired rows failed'),
  )

  let stopped: Promise<void> | undefined
  const stop = async (): Promise<void> => {
    stopping.abort()
    stopCleaning()
    await drained(front.server)
    await composed.settled()
    await adminSocket?.close()
    if (options.store === undefined) await database.close()
  }
  return {
    issuer: config.issuer,
    port: front.port,
    store: database,
    rebuild: composed.rebuild,
    stop: () => {
      stopped ??= stop()
      return stopped
    },
  }
}

interface Composition {
  config: Config
  store: Store
  sealer: Sealer
  now: () => Date
  log: Log
  stopping: AbortSignal
  providers: readonly IdentityProvider[]
  outside: Outside
}

interface Composed {
  listener: RequestListener
  rebuild(): Promise<void>
  /** Ends the links to PDSs that nobody needs any more. */
  endLinks(): Promise<void>
  /** Answers once what nobody waited for is done. */
  settled(): Promise<unknown>
}

/** Puts the parts together over an open, migrated database. */
async function compose({ config, store, sealer, now, log, stopping, ...composition }: Composition): Promise<Composed> {
  const { db } = store
  const accounts = accountStore(db, now)
  const audit = auditStore(db, now)
  const clients = clientStore(db, now)
  const consents = consentStore(db, now)
  const sessions = sessionStore(db, now)
  const grants = grantStore(db, now)
  const resources = resourceStore(db, now)
  const cookieKeys = sealer.derive('cookies').map((key) => key.toString('base64url'))
  const pages = createPages(config.productName)
  const models = oidcModels({
    db,
    sealer,
    now,
    scope: requestScope,
    findClient: clientLookup({ find: (id) => reached(() => clients.find(id)), now }),
    onReplay: ({ model, grantId }) => {
      log.warn({ model, grantId }, 'a spent code or token was presented again; its grant is revoked')
      void audit.record({ event: 'token.reuse-detected', detail: { model, grantId } }).catch(() => undefined)
    },
  })
  const findResource = cached((identifier: string) => reached(() => resources.find(identifier)), {
    lifetime: 1_000,
    size: 1_000,
    now,
  })
  const { scope: ceiling } = config.atproto
  const declared = cached(async () => declaredScopes(ceiling, await reached(clients.resourceScopes)), {
    lifetime: 1_000,
    size: 1,
    now,
  })
  const pds = pdsResource({
    issuer: config.issuer,
    ceiling,
    // On a developer's machine our client declares the scopes of each request.
    declared: config.issuer.startsWith('https:') ? () => declared('') : undefined,
  })
  const { unneeded, ownerOf } = pdsLinks(db, now)
  const inBackground = background((error) => log.error({ error: describe(error) }, 'work in the background failed'))
  const { outside } = composition
  const pdsClient = pdsClientOf(
    { config, store, sealer, now, log, outside },
    () => declared(''),
    async (did, cause) =>
      audit.record({ event: 'pds.link-ended', accountId: await ownerOf(did), detail: { did, cause } }),
  )
  const ends = linkEnds({
    unneeded: () => unneeded(config.issuer),
    end: pdsClient.end,
    onError: (error) => log.warn({ error: describe(error) }, 'ending the link to a PDS failed'),
  })
  const signedOut = (accountId: string): void => {
    if (config.atproto.signOut !== 'end') return
    inBackground.run(async () => {
      const did = (await access.account(accountId))?.did
      if (did !== undefined) await pdsClient.end(did, 'sign-out')
    })
  }
  const accessEnded = () => inBackground.run(ends.look)
  const access = pdsAccess({
    resource: pds,
    identitiesOf: (accountId) => reached(() => accounts.identitiesOf(accountId)),
    linkState: (did) => reached(() => pdsClient.linkState(did)),
    grantsAt: grants.atResource,
  })
  const restartOf = async (uid: string): Promise<string | undefined> => {
    const params = await models.requestOf(uid)
    return params && restartUrl(params)
  }
  const keys = signingKeys(db, sealer, now)
  const dpopNonceSecret = sealer.derive('dpop-nonce')[0]
  const build = async () =>
    createProvider({
      issuer: config.issuer,
      keys: await keys.loadOrCreate(),
      cookieKeys,
      dpopNonceSecret,
      models,
      findAccount: (id) => reached(() => accounts.find(id)),
      findIdentities: (accountId) => reached(() => accounts.identitiesOf(accountId)),
      findConsent: (accountId, clientId) => reached(() => consents.find(accountId, clientId)),
      findResource,
      pds,
      pdsAccess: access,
      onSignOut: signedOut,
      onGrantRevoked: accessEnded,
      endSession: (uid) => reached(() => sessions.revoke(uid)),
      pages: providerPages(pages, restartOf),
      reference: (request) => requestInfo(request).reference,
      onError: (ctx, error) => {
        const { reference, address } = requestInfo(ctx.req)
        const serious = ctx.status >= 500
        log[serious ? 'error' : 'info'](
          { reference, address, route: ctx.oidc?.route, error: describe(error) },
          'refused',
        )
      },
      now,
    })
  let provider = await build()
  const hashing = passwordHashing()
  const limits = limitStore(db, now)
  const passwords = passwordStore(db, now)
  const { productName, registration } = config
  const local = password({ passwords, limits, hashing, sealer, now, registration, productName, audit })
  const byHandle = atproto({ client: pdsClient, recognise: (text) => readIdentifier(text, outside.open), limits, now })
  const providers = new Map(
    [local, byHandle, ...composition.providers].map((identityProvider) => [identityProvider.id, identityProvider]),
  )
  const cookies = attemptCookies(config.issuer.startsWith('https:'))
  const attempts = attemptDriver(attemptStore({ db, sealer, now }), providers)
  const interactions = interactionRoutes({
    provider: () => provider,
    pages,
    cookies,
    restartOf,
    signIn: signIn({
      issuer: config.issuer,
      providers,
      attempts,
      accounts,
      audit: audit.record,
      cookies,
      registration,
      now,
    }),
    consent: consent({
      findAccount: accounts.find,
      findResource,
      pds,
      findPdsAccount: access.account,
      remember: consents.add,
      audit: audit.record,
    }),
    pds: pdsStep({
      issuer: config.issuer,
      provider: providers.get(pdsProvider),
      attempts,
      cookies,
      access,
      audit: audit.record,
    }),
  })
  const account = accountRoutes({
    issuer: config.issuer,
    provider: () => provider,
    pages,
    accounts,
    clients,
    consents,
    grants,
    findResource,
    sessions,
    pds: {
      account: access.account,
      linkState: pdsClient.linkState,
      end: pdsClient.end,
      accessEnded,
      signedOut,
    },
    passwords: passwordSettings({ passwords, hashing, sealer, productName, now }),
    spendTry: (key) => limits.spend(key, accountTries),
    clearTries: limits.clear,
    providerLabels: new Map([...providers].map(([id, { label }]) => [id, label])),
    audit: audit.record,
    now,
  })
  const xrpc = pdsProxy({
    bearer: bearer({
      issuer: config.issuer,
      provider: () => provider,
      nonces: dpopNonces(dpopNonceSecret, now),
      now,
    }),
    identityOf: cached(access.account, {
      lifetime: 1_000,
      size: 1_000,
      now,
    }),
    link: pdsClient.link,
    log,
  })
  const app = createApp({
    issuer: config.issuer,
    trustProxy: config.trustProxy,
    cookieKeys,
    pages,
    provider: () => provider,
    bounce: callbackBounce(config.issuer, pdsClient.redirectUri),
    health: healthRoutes({ ping: () => ping(db), stopping: () => stopping.aborted }),
    routes: [
      sameOriginOnly(config.issuer, ['/interaction/', '/account']),
      interactions,
      account,
      logoRoutes(clients.find),
      atprotoClientRoutes(pdsClient),
      protectedResourceRoutes({ issuer: config.issuer, productName, scopes: ceiling }),
      xrpc,
    ],
    log,
  })
  return {
    endLinks: ends.look,
    listener: app.callback(),
    rebuild: async () => {
      provider = await build()
    },
    settled: () =>
      Promise.race([inBackground.settled().then(pdsClient.settled), setTimeout(farewell, undefined, { ref: false })]),
  }
}

/** Our client at people's PDSs. */
function pdsClientOf(
  { config, store, sealer, now, log, outside }: Omit<Composition, 'stopping' | 'providers'>,
  declaredScopes: () => Promise<readonly string[]>,
  onEnded: (did: string, cause: string) => Promise<void>,
): RunningAtprotoClient {
  const { db, withLock } = store
  return atprotoClient({
    issuer: config.issuer,
    productName: config.productName,
    plcUrl: outside.plcUrl,
    handleResolver: outside.handleResolver,
    declaredScopes,
    states: atprotoStates(db, sealer, now),
    sessions: atprotoSessions(db, sealer, now),
    keys: atprotoKeys(db, sealer, now),
    lock: withLock,
    fetch: guardedFetch({ open: outside.open }),
    allowHttp: outside.open,
    now,
    async onEnded(did, cause) {
      log.info({ cause }, 'a link to a PDS has ended')
      await onEnded(did, cause)
    },
    report: (message, error) => log.info({ error: describe(error) }, message),
  })
}

/** Tries at what is behind a sign-in already: five, then a delay that rises to a quarter of an hour. */
const accountTries = { free: 5, firstDelay: 1, maxDelay: 15 * 60, forget: 60 * 60 }

/** Lets the CLI in while this process holds the embedded database. */
async function openAdminSocket(
  parts: Pick<Composition, 'config' | 'store' | 'sealer' | 'now' | 'log'>,
): Promise<AdminSocket | undefined> {
  const services = commandServices({ ...parts, insideServer: true })
  try {
    return await serveAdminSocket({
      path: adminSocketPath(parts.config.dataDir),
      run: (request) => runRequest(services, request),
      onError: (error) => parts.log.error({ error: describe(error) }, 'a command failed'),
    })
  } catch (error) {
    parts.log.warn({ error: describe(error).split('\n')[0] }, 'commands cannot reach this server')
    return undefined
  }
}

async function openStore(config: Config, log: Log): Promise<Store> {
  if (config.database.kind === 'postgres') {
    return openPostgres(config.database.url, {
      onError: (error) => log.warn({ error: error.message }, 'database connection lost'),
    })
  }
  if (!existsSync(join(config.dataDir, 'postgres'))) log.info({}, 'creating the embedded database takes a few seconds')
  return openEmbedded(config.dataDir)
}

function secretsOf(config: Config): readonly string[] {
  return config.secrets.length > 0 ? config.secrets : loadOrCreateSecrets(join(config.dataDir, 'secrets'))
}

async function main(): Promise<void> {
  try {
    process.loadEnvFile()
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
  }
  const config = readConfig(process.env)
  const waiting = new AbortController()
  const memory = idleMemory(garbageCollection())
  setInterval(memory.tick, memoryInterval).unref()
  let server: RunningServer | undefined
  // Before the start, because it may wait for the database: the first process of a container ignores what it does not handle.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      waiting.abort()
      void server?.stop().then(() => process.exit(0))
    })
  }
  try {
    server = await startServer(config, { signal: waiting.signal, memory })
  } catch (error) {
    if (waiting.signal.aborted) process.exit(0)
    throw error
  }
  if (waiting.signal.aborted) {
    await server.stop()
    process.exit(0)
  }
  if (config.production) {
    const { issuer, port } = server
    const database = config.database.kind
    createLog(config.logLevel).info({ issuer, host: config.host, port, database }, 'listening')
  } else process.stdout.write(welcome(config, server.issuer))
}

function expectedProblem(error: unknown): string | undefined {
  if (error instanceof SealBroken) {
    return 'The signing keys were sealed with a secret that is not in SECRETS (or DATA_DIR/secrets). Put it back: habitat-auth doctor says more.'
  }
  return error instanceof ConfigError || error instanceof DatabaseInUse ? error.message : undefined
}

if (import.meta.main) {
  main().catch((error: unknown) => {
    process.stderr.write(`${expectedProblem(error) ?? startProblem(error) ?? describe(error)}\n`)
    process.exit(1)
  })
}
