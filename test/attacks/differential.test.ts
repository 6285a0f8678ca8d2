/**
 * The same requests to our server and to the protocol library as it comes, with the same clients: what the library
 * refuses we refuse, and where it sends nobody we send nobody. We may be stricter, never laxer.
 */
import fc from 'fast-check'
import { errors } from 'oidc-provider'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Pkce, pkce } from '../support/authorize.ts'
import { type BareProvider, startBareProvider } from '../support/bare-provider.ts'
import { always, hostileText, near } from '../support/properties.ts'
import { startTestServer, type TestClient, type TestServer } from '../support/server.ts'
import { toy } from '../support/toy-provider.ts'
import { type Visit, type Visitor, visitor } from '../support/visitor.ts'

/** One of the two, with somebody who has signed in and agreed to everything. */
interface Side {
  readonly origin: string
  readonly person: Visitor
}

/** What came of a request, from what nobody gets to what was asked for. */
const outcomes = ['refused here', 'refused at the app', 'a page of ours', 'granted'] as const
type Outcome = (typeof outcomes)[number]

const secret = 'a secret of more than thirty-two characters'
let server: TestServer
let bare: BareProvider
let web: TestClient
let spa: TestClient
let service: TestClient
let ours: Side
let theirs: Side
/** How often both granted, both refused, and only we refused. */
const counted = new Map<string, number>()

beforeAll(async () => {
  server = await startTestServer({ providers: [toy()] })
  web = await server.client('web', { redirect_uris: ['https://web.example/cb'] })
  spa = await server.client('spa', { redirect_uris: ['https://spa.example/cb'] })
  service = await server.client('service')
  const code = { response_types: ['code'] as ['code'], grant_types: ['authorization_code', 'refresh_token'] }
  bare = await startBareProvider({
    accountId: 'alice',
    scopes: ['openid', 'offline_access'],
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      dPoP: { enabled: true },
      introspection: { enabled: true, allowedPolicy: async () => true },
      pushedAuthorizationRequests: { enabled: true },
      // None is registered with either.
      resourceIndicators: { enabled: true, getResourceServerInfo: () => Promise.reject(new errors.InvalidTarget()) },
      revocation: { enabled: true, allowedPolicy: async () => true },
    },
    clients: [
      { client_id: web.id, client_secret: secret, redirect_uris: [web.redirectUri], ...code },
      { client_id: spa.id, token_endpoint_auth_method: 'none', redirect_uris: [spa.redirectUri], ...code },
      {
        client_id: service.id,
        client_secret: secret,
        redirect_uris: [],
        response_types: [],
        grant_types: ['client_credentials'],
      },
    ],
  })
  ours = { origin: server.origin, person: server.visitor() }
  theirs = { origin: bare.origin, person: visitor(bare.origin) }
  for (const client of [web, spa]) {
    for (const side of [ours, theirs]) expect(await codeOf(side, client, pkce()), 'the sound request').not.toBe('')
  }
})
afterAll(async () => {
  // What one side refuses always would show nothing.
  const all = ['authorize', 'token', 'tokens'].flatMap((kind) => [`${kind}: both granted`, `${kind}: both refused`])
  expect([...counted.keys()]).toEqual(expect.arrayContaining(all))
  await bare[Symbol.asyncDispose]()
  await server.stop()
})

const scope = 'openid offline_access'

function sound(client: TestClient, proof: Pkce): Record<string, string> {
  return {
    client_id: client.id,
    redirect_uri: client.redirectUri,
    response_type: 'code',
    scope,
    prompt: 'consent',
    state: 'a state',
    code_challenge: proof.challenge,
    code_challenge_method: 'S256',
  }
}

/** Asks until the person is back at the app, or stands somewhere. */
async function authorize({ person }: Side, query: string): Promise<Visit> {
  let visit = await person.get(`/authorize?${query}`)
  if (visit.text.includes('/start/toy"')) {
    visit = await person.submit(visit, '/start/toy')
    visit = await person.submit(visit, '/answer', { email: 'alice' })
  }
  if (!visit.left && visit.text.includes('value="allow"'))
    visit = await person.submit(visit, '/consent', { decision: 'allow' })
  return visit
}

async function codeOf(side: Side, client: TestClient, proof: Pkce): Promise<string> {
  const visit = await authorize(side, new URLSearchParams(sound(client, proof)).toString())
  return visit.url.searchParams.get('code') ?? ''
}

function outcomeOf(visit: Visit): Outcome {
  expect(visit.status, visit.text).toBeLessThan(500)
  if (/name="(code|access_token|id_token)"/.test(visit.text)) return 'granted'
  if (!visit.left) return visit.status >= 400 ? 'refused here' : 'a page of ours'
  expect([web.redirectUri, spa.redirectUri]).toContain(visit.url.origin + visit.url.pathname)
  const answer = new URLSearchParams(visit.url.search === '' ? visit.url.hash.slice(1) : visit.url.search)
  return answer.has('code') || answer.has('access_token') || answer.has('id_token') ? 'granted' : 'refused at the app'
}

function compare(kind: string, mine: Outcome, library: Outcome, what: string): void {
  const [own, other] = [outcomes.indexOf(mine), outcomes.indexOf(library)]
  expect(own, `${what}: ${mine}, where the library: ${library}`).toBeLessThanOrEqual(other)
  const both = own === other ? (mine === 'granted' ? 'both granted' : 'both refused') : 'only we refused'
  counted.set(`${kind}: ${both}`, (counted.get(`${kind}: ${both}`) ?? 0) + 1)
}

/** A form with a few fields that were changed, added, doubled or taken out. */
interface Change {
  readonly name: string
  readonly how: 'set' | 'add' | 'drop' | 'near'
  readonly value: string
}

function changes(names: readonly string[], values: readonly string[]): fc.Arbitrary<readonly Change[]> {
  const value = fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(...values) },
    { weight: 1, arbitrary: hostileText.map((text) => text.slice(0, 200)) },
  )
  const how = fc.constantFrom('set' as const, 'set' as const, 'add' as const, 'drop' as const, 'near' as const)
  return fc.array(fc.record({ name: fc.constantFrom(...names), how, value }), { maxLength: 3 })
}

function changed(form: Record<string, string>, all: readonly Change[]): URLSearchParams {
  const params = new URLSearchParams(form)
  for (const { name, how, value } of all) {
    const now = params.get(name)
    if (how === 'drop') params.delete(name)
    else if (how === 'set') params.set(name, value)
    else if (how === 'add') params.append(name, value)
    else if (now !== null) params.set(name, now + value.slice(0, 2))
  }
  return params
}

const asked = [
  'client_id',
  'redirect_uri',
  'response_type',
  'scope',
  'state',
  'code_challenge',
  'code_challenge_method',
  'prompt',
  'response_mode',
  'nonce',
  'request',
  'request_uri',
  'registration',
  'resource',
  'max_age',
  'id_token_hint',
  'claims',
  'dpop_jkt',
  'acr_values',
  'display',
  'ui_locales',
  'login_hint',
  'web_message_uri',
  'authorization_details',
] as const
const answers = [
  '',
  'code',
  'token',
  'id_token',
  'code id_token',
  'none',
  'plain',
  'S256',
  'query',
  'fragment',
  'form_post',
  'web_message',
  'jwt',
  'openid',
  'openid openid',
  'openid offline_access',
  'email',
  '0',
  '-1',
  '1e3',
  'login',
  'none login',
  'consent',
  'create',
  'https://web.example/cb',
  'https://spa.example/cb',
  'https://evil.example/cb',
  'http://127.0.0.1/cb',
  'urn:ietf:params:oauth:request_uri:x',
  '{}',
  '[]',
  '{"id_token":{"sub":{"value":"bob"}}}',
  'eyJhbGciOiJub25lIn0.e30.',
  'x'.repeat(43),
  'https://api.example',
] as const

always(
  'an authorization request that the library refuses is refused (by address and pushed)',
  fc.record({ isWeb: fc.boolean(), by: fc.constantFrom('get', 'par'), all: changes(asked, answers) }),
  async ({ isWeb, by, all }) => {
    const client = isWeb ? web : spa
    const params = changed(sound(client, pkce()), all)
    const run = async (side: Side): Promise<Outcome> => {
      if (by === 'get') return outcomeOf(await authorize(side, params.toString()))
      const pushed = await post(side, '/par', client, params)
      if (pushed.status !== 201) return 'refused here'
      const request = { client_id: client.id, request_uri: String(pushed.body['request_uri']) }
      return outcomeOf(await authorize(side, new URLSearchParams(request).toString()))
    }
    compare('authorize', await run(ours), await run(theirs), `${by} ${params}`)
  },
  { runs: 120 },
)

/** How a client says who it is. */
type Authentication = 'basic' | 'post' | 'none' | 'wrong' | 'both'
const authentications = fc.constantFrom<Authentication>('basic', 'basic', 'basic', 'post', 'none', 'wrong', 'both')

async function post(
  side: Side,
  path: string,
  client: TestClient,
  params: URLSearchParams,
  how: Authentication = 'basic',
) {
  const own = side === ours ? client.secret : secret
  const body = new URLSearchParams(params)
  const headers: Record<string, string> = {}
  const isPublic = client.secret === ''
  if (isPublic && !body.has('client_id')) body.set('client_id', client.id)
  if (!isPublic && how !== 'none' && how !== 'post') {
    const presented = how === 'wrong' ? `${own}x` : own
    headers['authorization'] =
      `Basic ${Buffer.from(`${client.id}:${encodeURIComponent(presented)}`).toString('base64')}`
  }
  if (!isPublic && (how === 'post' || how === 'both')) body.append('client_secret', own)
  const response = await fetch(`${side.origin}${path}`, { method: 'POST', headers, body })
  const text = await response.text()
  expect(response.status, text).toBeLessThan(500)
  return { status: response.status, body: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>) }
}

const fields = [
  'grant_type',
  'code',
  'redirect_uri',
  'code_verifier',
  'client_id',
  'scope',
  'resource',
  'refresh_token',
  'client_assertion',
  'client_assertion_type',
  'dpop_jkt',
  'username',
  'audience',
] as const
const contents = [
  '',
  'authorization_code',
  'refresh_token',
  'client_credentials',
  'password',
  'implicit',
  'x',
  'x'.repeat(43),
  'openid',
  'offline_access',
  'openid email profile',
  'https://web.example/cb',
  'https://spa.example/cb',
  'https://evil.example',
  'https://api.example',
  'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
  'urn:ietf:params:oauth:grant-type:token-exchange',
  'eyJhbGciOiJub25lIn0.e30.',
] as const

always(
  'a token request that the library refuses is refused: codes, refresh tokens, clients alone',
  fc.record({
    kind: fc.constantFrom('code', 'refresh', 'alone'),
    isWeb: fc.boolean(),
    crossed: fc.nat(9).map((number) => number === 0),
    how: authentications,
    all: changes(fields, contents),
  }),
  async ({ kind, isWeb, crossed, how, all }) => {
    const client = isWeb ? web : spa
    const asking = kind === 'alone' ? service : crossed ? (isWeb ? spa : web) : client
    const run = async (side: Side): Promise<Outcome> => {
      const proof = pkce()
      const form = kind === 'alone' ? { grant_type: 'client_credentials' } : await codeForm(side, client, proof)
      const start = kind === 'refresh' ? await refreshForm(side, client, form) : form
      const answer = await post(side, '/token', asking, changed(start, all), how)
      return answer.status === 200 ? 'granted' : 'refused here'
    }
    compare('token', await run(ours), await run(theirs), `${kind} ${how} ${JSON.stringify(all)}`)
  },
  { runs: 60 },
)

async function codeForm(side: Side, client: TestClient, proof: Pkce): Promise<Record<string, string>> {
  const code = await codeOf(side, client, proof)
  return { grant_type: 'authorization_code', code, redirect_uri: client.redirectUri, code_verifier: proof.verifier }
}

async function refreshForm(
  side: Side,
  client: TestClient,
  form: Record<string, string>,
): Promise<Record<string, string>> {
  const { body } = await post(side, '/token', client, new URLSearchParams(form))
  return { grant_type: 'refresh_token', refresh_token: String(body['refresh_token']) }
}

always(
  'a token that the library does not know is unknown at userinfo, introspection and revocation',
  fc.record({
    isWeb: fc.boolean(),
    which: fc.constantFrom('access_token', 'refresh_token', 'id_token'),
    crossed: fc.boolean(),
    how: authentications,
    all: changes(['token', 'token_type_hint', 'client_id'], ['', 'access_token', 'refresh_token', 'x', 'x'.repeat(43)]),
    scheme: fc.constantFrom('Bearer', 'bearer', 'DPoP', 'Basic', ''),
    edit: fc.oneof(
      fc.constant(''),
      near('').map((text) => text.slice(0, 5)),
    ),
  }),
  async ({ isWeb, which, crossed, how, all, scheme, edit }) => {
    const client = isWeb ? web : spa
    const asking = crossed ? (isWeb ? spa : web) : client
    const run = async (side: Side): Promise<Outcome[]> => {
      const form = new URLSearchParams(await codeForm(side, client, pkce()))
      const tokens = (await post(side, '/token', client, form)).body
      const token = String(tokens[which])
      const authorization = `${scheme} ${token}${edit}`
      const header = /^[\x20-\x7e]+$/.test(authorization) ? authorization : `${scheme} ${token}x`
      const info = await fetch(`${side.origin}/userinfo`, { headers: { authorization: header } })
      expect(info.status).toBeLessThan(500)
      const seen = await post(side, '/introspect', asking, changed({ token }, all), how)
      await post(side, '/revoke', asking, changed({ token }, all), how)
      return [
        info.status === 200 ? 'granted' : 'refused here',
        seen.body['active'] === true ? 'granted' : 'refused here',
      ]
    }
    const [mine, library] = [await run(ours), await run(theirs)]
    for (const at of [0, 1]) {
      compare(
        'tokens',
        mine[at] ?? 'granted',
        library[at] ?? 'refused here',
        `${which} ${how} ${scheme} ${edit} ${JSON.stringify(all)}`,
      )
    }
  },
  { runs: 25 },
)

test('a sound request is granted by both, so that refusing everything would be noticed', async () => {
  for (const client of [web, spa]) {
    for (const side of [ours, theirs]) {
      const answer = await post(side, '/token', client, new URLSearchParams(await codeForm(side, client, pkce())))
      expect(answer.body).toMatchObject({ access_token: expect.any(String), refresh_token: expect.any(String) })
    }
  }
})
