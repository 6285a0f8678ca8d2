/**
 * What the way through this server adds to a call of a PDS: small queries, many at once, in turns by an app's own
 * session at the PDS and by its token from us. PDS, server and app are processes of their own.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { join } from 'node:path'
import { NodeOAuthClient, type NodeSavedSession, type NodeSavedState } from '@atproto/oauth-client-node'
import { clients as clientStore } from '../adapters/postgres/clients.ts'
import { openPostgres } from '../adapters/postgres/database.ts'
import { profiles } from '../server/oidc/profiles.ts'
import { tokensFor } from '../test/support/pds-app.ts'
import { visitor } from '../test/support/visitor.ts'
import { startProgram } from './footprint.ts'
import { median } from './median.ts'
import type { PdsStarted } from './pds.ts'

export interface ProxyFigures {
  connections: number
  rounds: number
  /** Milliseconds at the median. */
  direct: number
  proxied: number
  added: number
  /** Microseconds of the server's processor for a call. */
  cpu: number
}

type Program = Awaited<ReturnType<typeof startProgram>>

export interface ProxyPlan {
  rounds: number
  /** Calls of one run. */
  amount: number
}

export const proxyConnections = 32

/** Measures, on a Postgres that has its tables already. */
export async function measureProxy(databaseUrl: string, { rounds, amount }: ProxyPlan): Promise<ProxyFigures> {
  const pds = fork(join(import.meta.dirname, 'pds.ts'), { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  let node: Program | undefined
  try {
    const world = await answer<PdsStarted>(pds)
    const secret = randomBytes(32).toString('hex')
    node = await startProgram({ databaseUrl, secret, settings: { ...world.settings, LOG_LEVEL: 'info' } })
    const login = async (address: string | URL) => {
      const asked = answer<{ back: string }>(pds)
      pds.send({ login: String(address) })
      return new URL((await asked).back)
    }
    const direct = await ownSession(world, login)
    const proxied = await throughUs(node, databaseUrl, world, login)
    for (const call of [direct, proxied]) await run(call, amount)
    const turns: { direct: number; proxied: number; cpu: number }[] = []
    for (let round = 0; round < rounds; round += 1) {
      const without = await run(direct, amount)
      const before = node.cpu()
      const through = await run(proxied, amount)
      turns.push({ direct: without, proxied: through, cpu: (node.cpu() - before) / amount })
    }
    return {
      connections: proxyConnections,
      rounds,
      direct: median(turns.map((turn) => turn.direct)),
      proxied: median(turns.map((turn) => turn.proxied)),
      added: median(turns.map((turn) => turn.proxied - turn.direct)),
      cpu: median(turns.map((turn) => turn.cpu)),
    }
  } finally {
    await node?.stop()
    const ended = once(pds, 'exit')
    pds.disconnect()
    await ended
  }
}

type Call = () => Promise<Response>
type Login = (address: string | URL) => Promise<URL>

/** The app as a client of the PDS: its own session, its own proofs of possession. */
async function ownSession({ settings, account, record }: PdsStarted, login: Login): Promise<Call> {
  const redirectUri = 'http://127.0.0.1:5555/callback'
  const scope = 'atproto transition:generic'
  const client = new NodeOAuthClient({
    clientMetadata: {
      client_id: `http://localhost?${new URLSearchParams({ redirect_uri: redirectUri, scope })}`,
      redirect_uris: [redirectUri],
      scope,
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
      application_type: 'native',
      dpop_bound_access_tokens: true,
    },
    stateStore: memory<NodeSavedState>(),
    sessionStore: memory<NodeSavedSession>(),
    requestLock: async (_name, work) => work(),
    plcDirectoryUrl: String(settings['ATPROTO_PLC_URL']),
    handleResolver: String(settings['ATPROTO_HANDLE_RESOLVER']),
    allowHttp: true,
  })
  const back = await login(await client.authorize(account.handle, { scope }))
  const { session } = await client.callback(back.searchParams)
  return () => session.fetchHandler(record)
}

/** The app as a client of ours. */
async function throughUs(node: Program, databaseUrl: string, world: PdsStarted, login: Login): Promise<Call> {
  const client = await registered(databaseUrl)
  const { access } = await tokensFor(
    {
      server: { origin: node.issuer },
      pds: { url: world.url, login },
      client,
      account: world.account,
      person: visitor(node.issuer),
    },
    'openid offline_access atproto transition:generic',
  )
  const address = `${node.issuer}${world.record}`
  return () => fetch(address, { headers: { authorization: `Bearer ${access}` } })
}

async function registered(databaseUrl: string): Promise<{ id: string; secret: string; redirectUri: string }> {
  const store = openPostgres(databaseUrl)
  const client = { id: randomBytes(8).toString('hex'), secret: '', redirectUri: 'https://app.example/cb' }
  await clientStore(store.db, () => new Date()).add({
    id: client.id,
    profile: 'spa',
    firstParty: false,
    metadata: {
      client_name: 'Bench',
      ...profiles.spa.metadata,
      redirect_uris: [client.redirectUri],
      scope: 'openid atproto offline_access',
      resource_scopes: 'transition:generic',
    },
    secretHashes: [],
  })
  await store.close()
  return client
}

/** The median of so many calls, milliseconds. */
async function run(call: Call, amount: number): Promise<number> {
  const latencies: number[] = []
  let begun = 0
  const worker = async () => {
    while (begun < amount) {
      begun += 1
      const at = performance.now()
      const response = await call()
      const text = await response.text()
      latencies.push(performance.now() - at)
      if (response.status !== 200) throw new Error(`a call was answered with ${response.status}: ${text}`)
    }
  }
  await Promise.all(Array.from({ length: proxyConnections }, worker))
  return median(latencies)
}

function memory<T>() {
  const rows = new Map<string, T>()
  return {
    get: async (key: string) => rows.get(key),
    set: async (key: string, value: T) => void rows.set(key, value),
    del: async (key: string) => void rows.delete(key),
  }
}

function answer<T>(from: ChildProcess): Promise<T> {
  return new Promise((resolve, reject) => {
    from.once('message', (message: T & { error?: string }) =>
      message.error === undefined ? resolve(message) : reject(new Error(message.error)),
    )
    from.once('exit', () => reject(new Error('the PDS has ended')))
  })
}
