/**
 * Plays Google, or any other OpenID Connect issuer: a whole issuer of its own, on its own port, with people who choose
 * an account there or turn back. Checks what a real one checks: client, redirect URI, PKCE, codes that count once.
 */
import { generateKeyPairSync } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import {
  type AdapterPayload,
  type ClientMetadata,
  type InteractionResults,
  interactionPolicy,
  Provider,
} from 'oidc-provider'

/** Somebody with an account there; every field is a claim. */
export interface IssuerPerson {
  readonly sub: string
  readonly email?: string
  readonly email_verified?: boolean
  readonly name?: string
  /** The organisation at Google. */
  readonly hd?: string
  readonly [claim: string]: unknown
}

/** What a server has to be told to take this issuer for Google. */
export function asGoogle({ issuer, clientId, clientSecret }: FakeIssuer) {
  return { GOOGLE_CLIENT_ID: clientId, GOOGLE_CLIENT_SECRET: clientSecret, GOOGLE_ISSUER: issuer }
}

export interface FakeIssuer extends AsyncDisposable {
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret: string
  readonly people: readonly [IssuerPerson, IssuerPerson, ...IssuerPerson[]]
  /** Parameters of every authorization request that came. */
  readonly asked: URLSearchParams[]
  /** Every token that was given out. */
  readonly issued: string[]
  /** Takes this redirect URI from now on. */
  allow(redirectUri: string): void
  /** What the browser of this person does, from where it is sent to the callback. */
  choose(to: URL, person: IssuerPerson | 'cancel'): Promise<URL>
  /** `refuse`: connections are closed without an answer. */
  setMood(mood: 'well' | 'refuse'): void
}

export interface FakeIssuerOptions {
  /** Our registration there, beside id, secret and redirect URIs. */
  client?: Partial<ClientMetadata>
  /** Whether claims stand at the userinfo endpoint alone, as the specification has it. */
  claimsAtUserinfo?: boolean
  people?: FakeIssuer['people']
}

const alice: IssuerPerson = {
  sub: '110169484474386276334',
  email: 'alice@gmail.com',
  email_verified: true,
  name: 'Alice',
}
const bob: IssuerPerson = {
  sub: '110169484474386276335',
  email: 'bob@corp.example',
  email_verified: true,
  name: 'Bob',
  hd: 'corp.example',
}

const clientId = 'habitat.apps.googleusercontent.com'
const clientSecret = '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en'

const signingKey = {
  ...generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' }),
  alg: 'RS256',
  kid: 'theirs',
  use: 'sig',
}

export async function fakeGoogle(options: FakeIssuerOptions = {}): Promise<FakeIssuer> {
  const people = options.people ?? [alice, bob]
  const redirectUris = new Set<string>()
  const asked: URLSearchParams[] = []
  let mood: 'well' | 'refuse' = 'well'
  const listener = createServer()
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
  const issuer = `http://localhost:${(listener.address() as AddressInfo).port}`
  const provider = providerFor(issuer, people, options)
  provider.Client.prototype.redirectUriAllowed = (uri) => redirectUris.has(uri)
  const issued: string[] = []
  provider.use(async (ctx, next) => {
    await next()
    const { access_token, id_token } = (ctx.body ?? {}) as Record<string, unknown>
    if (ctx.path === '/token') issued.push(...[access_token, id_token].filter((token) => typeof token === 'string'))
  })
  const answer = provider.callback()
  listener.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const url = new URL(request.url ?? '/', issuer)
    if (mood === 'refuse') return request.socket.destroy()
    if (url.pathname === '/auth') asked.push(url.searchParams)
    const work = url.pathname.startsWith('/choose/') ? chooseAccount(provider, people, request, response) : undefined
    if (work === undefined) return void answer(request, response)
    work.catch(() => response.writeHead(400).end('This choice is over.'))
  })

  return {
    issuer,
    clientId,
    clientSecret,
    people,
    asked,
    issued,
    allow: (redirectUri) => void redirectUris.add(redirectUri),
    choose: (to, person) => walk(issuer, to, person === 'cancel' ? 'cancel' : person.sub),
    setMood: (wanted) => {
      mood = wanted
    },
    async [Symbol.asyncDispose]() {
      listener.closeAllConnections()
      await new Promise((resolve) => listener.close(resolve))
    },
  }
}

function providerFor(issuer: string, people: readonly IssuerPerson[], options: FakeIssuerOptions): Provider {
  const policy = interactionPolicy.base()
  policy.add(new interactionPolicy.Prompt({ name: 'select_account', requestable: true }), 0)
  return new Provider(issuer, {
    clients: [
      {
        client_id: clientId,
        client_secret: clientSecret,
        redirect_uris: ['https://unused.example/cb'],
        token_endpoint_auth_method: 'client_secret_post',
        ...options.client,
      },
    ],
    adapter: memory,
    jwks: { keys: [signingKey] },
    claims: {
      openid: ['sub', 'hd', 'employee'],
      email: ['email', 'email_verified'],
      profile: ['name', 'preferred_username'],
    },
    conformIdTokenClaims: options.claimsAtUserinfo === true,
    extraParams: ['access_type', 'hd'],
    pkce: { required: () => true },
    features: { devInteractions: { enabled: false } },
    interactions: { policy, url: (_ctx, { uid }) => `/choose/${uid}` },
    // Beside another issuer on the same host, as both are in tests.
    cookies: {
      keys: ['not secret'],
      names: { session: 'issuer_session', interaction: 'issuer_interaction', resume: 'issuer_resume' },
    },
    ttl: { Interaction: 600, Session: 600, Grant: 600, AccessToken: 600, IdToken: 600 },
    async loadExistingGrant({ oidc }) {
      const grant = new oidc.provider.Grant({
        clientId: oidc.client?.clientId ?? '',
        accountId: oidc.session?.accountId ?? '',
      })
      grant.addOIDCScope('openid email profile')
      await grant.save()
      return grant
    },
    findAccount: (_ctx, sub) => {
      const person = people.find((one) => one.sub === sub)
      return person === undefined ? undefined : { accountId: sub, claims: () => ({ ...person }) }
    },
  })
}

/** The page that lists the accounts, and the choice made on it. */
async function chooseAccount(
  provider: Provider,
  people: readonly IssuerPerson[],
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (request.method !== 'POST') {
    const buttons = people.map(({ sub, email }) => `<button name="account" value="${sub}">${email ?? sub}</button>`)
    response.writeHead(200, { 'content-type': 'text/html' })
    response.end(
      `<!doctype html><title>Choose an account</title><form method="post">${buttons.join(' ')} <button name="account" value="cancel">Cancel</button></form>`,
    )
    return
  }
  let form = ''
  for await (const chunk of request) form += chunk
  const account = new URLSearchParams(form).get('account')
  const result = account === null || account === 'cancel' ? { error: 'access_denied' } : chosen(account)
  await provider.interactionFinished(request, response, result)
}

function chosen(accountId: string): InteractionResults {
  return { login: { accountId }, select_account: {} }
}

/** A browser of its own: follows redirects on the issuer with its cookies, chooses once, stops at the callback. */
async function walk(issuer: string, to: URL, account: string): Promise<URL> {
  const cookies = new Map<string, string>()
  let url = to
  let init: RequestInit = {}
  for (let hops = 0; hops < 10; hops += 1) {
    const response = await fetch(url, {
      ...init,
      redirect: 'manual',
      headers: { cookie: [...cookies].map((pair) => pair.join('=')).join('; ') },
    })
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      cookies.set(name, value)
    }
    const location = response.headers.get('location')
    if (location === null && response.status !== 200) throw new Error(`the issuer refuses: ${await response.text()}`)
    url = location === null ? url : new URL(location, url)
    if (url.origin !== issuer) return url
    init = location === null ? { method: 'POST', body: new URLSearchParams({ account }) } : {}
  }
  throw new Error('the issuer sends the browser in circles')
}

const rows = new Map<string, AdapterPayload>()

/** Keeps everything for as long as the tests run; ids are random, so issuers do not meet. */
function memory(model: string) {
  const key = (id: string) => `${model}:${id}`
  return {
    upsert: async (id: string, payload: AdapterPayload) => void rows.set(key(id), payload),
    find: async (id: string) => rows.get(key(id)),
    findByUid: async (uid: string) => [...rows.values()].find((row) => row.kind === model && row.uid === uid),
    findByUserCode: async () => undefined,
    destroy: async (id: string) => void rows.delete(key(id)),
    revokeByGrantId: async () => undefined,
    consume: async (id: string) =>
      void rows.set(key(id), { ...rows.get(key(id)), consumed: Math.floor(Date.now() / 1000) }),
  }
}
