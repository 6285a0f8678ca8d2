/**
 * The protocol library as it comes: the same features and clients as ours, nothing else of ours. Whoever has to sign in
 * is signed in, and whatever is asked for is agreed to.
 */
import { randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair } from 'jose'
import { type Adapter, type AdapterPayload, type Configuration, Provider } from 'oidc-provider'

export interface BareProvider extends AsyncDisposable {
  readonly origin: string
}

export interface BareOptions {
  clients: Configuration['clients']
  scopes: readonly string[]
  features: Configuration['features']
  /** Of the only person. */
  accountId: string
}

const kept = ['Interaction', 'Grant', 'Session', 'AccessToken', 'RefreshToken', 'IdToken', 'ClientCredentials'] as const

/** Serves on a free port of this machine. */
export async function startBareProvider(options: BareOptions): Promise<BareProvider> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const origin = `http://localhost:${(server.address() as AddressInfo).port}`
  const keys = await Promise.all(['RS256', 'ES256'].map(signingKey))
  const { accountId } = options
  const provider = new Provider(origin, {
    adapter: memory(),
    clients: options.clients ?? [],
    scopes: [...options.scopes],
    jwks: { keys: keys as never },
    cookies: { keys: [randomBytes(32).toString('hex')] },
    features: options.features ?? {},
    routes: {
      authorization: '/authorize',
      userinfo: '/userinfo',
      introspection: '/introspect',
      revocation: '/revoke',
      pushed_authorization_request: '/par',
    },
    // Its own lifetimes come with a notice for each.
    ttl: Object.fromEntries(kept.map((model) => [model, 3600])),
    interactions: { url: (_ctx, { uid }) => `/agree/${uid}` },
    findAccount: async (_ctx, sub) => ({ accountId: sub, claims: async () => ({ sub }) }),
    renderError: (ctx, out) => {
      ctx.body = out
    },
  })
  provider.use(async (ctx, next) => {
    if (!ctx.path.startsWith('/agree/')) return next()
    const { params } = await provider.interactionDetails(ctx.req, ctx.res)
    const grant = new provider.Grant({ accountId, clientId: String(params['client_id']) })
    grant.addOIDCScope(String(params['scope'] ?? 'openid'))
    const consent = { grantId: await grant.save() }
    await provider.interactionFinished(ctx.req, ctx.res, { login: { accountId }, consent })
    ctx.respond = false
  })
  server.on('request', provider.callback())
  return {
    origin,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

async function signingKey(alg: string) {
  const { privateKey } = await generateKeyPair(alg, { extractable: true })
  return { ...(await exportJWK(privateKey)), alg, use: 'sig', kid: alg }
}

/** Keeps everything until the process ends. */
function memory(): (model: string) => Adapter {
  const rows = new Map<string, AdapterPayload>()
  return (model) => {
    const of = (id: string) => `${model}:${id}`
    const findBy = (name: 'uid' | 'userCode') => async (value: string) =>
      [...rows].find(([key, row]) => key.startsWith(of('')) && row[name] === value)?.[1]
    return {
      upsert: async (id, payload) => void rows.set(of(id), payload),
      find: async (id) => rows.get(of(id)),
      findByUid: findBy('uid'),
      findByUserCode: findBy('userCode'),
      async consume(id) {
        const row = rows.get(of(id))
        if (row !== undefined) row.consumed = Math.floor(Date.now() / 1000)
      },
      destroy: async (id) => void rows.delete(of(id)),
      async revokeByGrantId(grantId) {
        for (const [key, row] of rows) if (row.grantId === grantId) rows.delete(key)
      },
    }
  }
}
