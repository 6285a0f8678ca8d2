/**
 * The OAuth client library over our fetch, our resolvers and caches that all its instances share.
 *
 * An instance is made for each piece of work, with stores that hold just that: what is kept, and when, is decided by us.
 */
import { createHash, randomBytes } from 'node:crypto'
import {
  type AuthorizationServerMetadataCache,
  CachedHandleResolver,
  DidResolverCached,
  DidResolverCommon,
  JoseKey,
  NodeOAuthClient,
  type NodeSavedSession,
  type NodeSavedState,
  type ProtectedResourceMetadataCache,
} from '@atproto/oauth-client-node'
import type { Fetch } from './guarded-fetch.ts'
import { directHandles, type ResolveTxt, serviceHandles } from './handle-resolution.ts'
import { type MemoryCache, memoryCache } from './memory-cache.ts'
import type { Identification } from './own-client.ts'

/** What one piece of work keeps. */
export interface Held {
  readonly state: MemoryStore<NodeSavedState>
  readonly session: MemoryStore<NodeSavedSession>
}

export interface Library {
  /** DPoP nonces by origin: one store, because a PDS shares them with its authorization server. */
  readonly nonces: MemoryCache<string>
  client(identification: Identification, held?: Partial<Held>): NodeOAuthClient
}

/** A store of the library for one entry. */
export interface MemoryStore<V> {
  get(key: string): Promise<V | undefined>
  set(key: string, value: V): Promise<void>
  del(key: string): Promise<void>
  /** What was set, with its key. */
  readonly entry: { readonly key: string; readonly value: V } | undefined
}

/** Milliseconds: identities are trusted for a minute, and looked up anew at each login anyway. */
const identityLifetime = 60_000
/** A PDS takes a nonce for three minutes (RFC 9449 §8 leaves it to the server). */
const nonceLifetime = 180_000

export function library(options: {
  fetch: Fetch
  plcUrl: string | undefined
  handleResolver: string | undefined
  resolveTxt?: ResolveTxt | undefined
  allowHttp: boolean
  now: () => Date
}): Library {
  const { fetch, plcUrl, allowHttp, now } = options
  const cache = <V>() => memoryCache<V>({ size: 1_000, lifetime: identityLifetime, now })
  const nonces = memoryCache<string>({ size: 10_000, lifetime: nonceLifetime, now })
  const handleResolver = new CachedHandleResolver(
    options.handleResolver === undefined
      ? directHandles(fetch, options.resolveTxt)
      : serviceHandles(fetch, options.handleResolver),
    cache(),
  )
  const didResolver = new DidResolverCached(
    new DidResolverCommon({ fetch, allowHttp, ...(plcUrl === undefined ? {} : { plcDirectoryUrl: plcUrl }) }),
    cache(),
  )
  const authorizationServerMetadataCache: AuthorizationServerMetadataCache = cache()
  const protectedResourceMetadataCache: ProtectedResourceMetadataCache = cache()
  return {
    nonces,
    client: ({ metadata, keyset }, held = {}) =>
      new NodeOAuthClient({
        clientMetadata: metadata,
        ...(keyset === undefined ? {} : { keyset }),
        stateStore: held.state ?? memoryStore(),
        sessionStore: held.session ?? memoryStore(),
        runtimeImplementation: runtime,
        fetch,
        allowHttp,
        handleResolver,
        didResolver,
        authorizationServerMetadataCache,
        protectedResourceMetadataCache,
        dpopNonceCache: nonces,
      }),
  }
}

/** A store for one piece of work; `initial` is there already. */
export function memoryStore<V>(initial?: V): MemoryStore<V> {
  let entry: { key: string; value: V } | undefined
  let given = initial
  return {
    get: async () => entry?.value ?? given,
    async set(key, value) {
      entry = { key, value }
    },
    async del() {
      given = undefined
    },
    get entry() {
      return entry
    },
  }
}

const runtime = {
  createKey: () => JoseKey.generate(['ES256']),
  getRandomValues: (length: number) => randomBytes(length),
  digest: (bytes: Uint8Array) => createHash('sha256').update(bytes).digest(),
  requestLock: <T>(_name: string, work: () => T | PromiseLike<T>) => work(),
}
