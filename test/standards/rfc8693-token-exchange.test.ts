/** Token exchange (RFC 8693) by openid-client: for another API, with fewer scopes, by somebody who acts for the person. */
import { decodeJwt } from 'jose'
import * as oauth from 'openid-client'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { removeExpired } from '../../adapters/postgres/cleanup.ts'
import { exchangePolicies } from '../../adapters/postgres/exchange-policies.ts'
import { grants } from '../../adapters/postgres/grants.ts'
import { authorize, pkce, redeem } from '../support/authorize.ts'
import { appCertificate, escaped } from '../support/certificates.ts'
import { dpopKey } from '../support/dpop.ts'
import { startTestServer, type TestClient, type TestServer } from '../support/server.ts'
import { toy } from '../support/toy-provider.ts'

const grantType = 'urn:ietf:params:oauth:grant-type:token-exchange'
const types = {
  access: 'urn:ietf:params:oauth:token-type:access_token',
  id: 'urn:ietf:params:oauth:token-type:id_token',
  refresh: 'urn:ietf:params:oauth:token-type:refresh_token',
}
const orders = 'https://orders.example'
const stock = 'https://stock.example'
const exchangers = { resource_scopes: 'orders.read stock.read stock.write' }

let server: TestServer
/** Signs people in and calls the orders API. */
let shop: TestClient
/** The program behind the orders API, which calls the stock API; and a second one behind that. */
let [ordersApi, stockApi]: TestClient[] = []
/** May introspect what is for the stock API. */
let stockResource: TestClient
beforeAll(async () => {
  const settings = { TRUST_PROXY: '127.0.0.1', CLIENT_CERTIFICATE_HEADER: 'Client-Cert' }
  server = await startTestServer({ providers: [toy()], settings })
  await server.resource(orders, ['orders.read', 'orders.write'])
  stockResource = await server.resource(stock, ['stock.read', 'stock.write'])
  await server.resource(`${stock}/jwt`, ['stock.read'], 'jwt')
  shop = await server.client('web', {
    first_party: true,
    scope: 'openid offline_access',
    resource_scopes: 'orders.read orders.write stock.read',
    grant_types: ['authorization_code', 'refresh_token', grantType],
  })
  const program = { ...exchangers, grant_types: ['client_credentials', grantType] }
  ;[ordersApi, stockApi] = [await server.client('service', program), await server.client('service', program)]
})
afterAll(() => server.stop())

function present(client: TestClient | undefined): TestClient {
  if (client === undefined) throw new Error('no client')
  return client
}

interface Policy {
  client?: TestClient | undefined
  source?: string
  target?: string
  scopes?: string[]
  impersonate?: boolean
  mayAct?: string
}

async function allow({ client, source = orders, target = stock, scopes = ['stock.read'], ...rest }: Policy = {}) {
  const { impersonate = false, mayAct } = rest
  const clientId = present(client ?? ordersApi).id
  const policy = { clientId, source, target, kind: 'access-token', scopes, resources: [], impersonate } as const
  const store = exchangePolicies(server.database.store.db, () => new Date())
  const { id } = await store.allow({ ...policy, mayAct, clientThere: undefined })
  return {
    async [Symbol.asyncDispose]() {
      await store.deny(id)
    },
  }
}

interface Held {
  access: string
  id: string
  sub: string
}

/** What the shop has after somebody signed in, for the orders API. */
async function signedIn(resource: string | undefined = orders): Promise<Held> {
  const proof = pkce()
  const scope = 'openid offline_access orders.read'
  const extra = { scope, prompt: 'consent', ...(resource === undefined ? {} : { resource }) }
  const back = await authorize(server.visitor(), shop, proof, { name: crypto.randomUUID(), extra })
  const { body } = await redeem(server, shop, back.searchParams.get('code') ?? '', proof)
  return {
    access: String(body.access_token),
    id: String(body.id_token),
    sub: decodeJwt(String(body.id_token)).sub ?? '',
  }
}

async function configured(client: TestClient): Promise<oauth.Configuration> {
  const options = { execute: [oauth.allowInsecureRequests] }
  return oauth.discovery(new URL(server.origin), client.id, {}, oauth.ClientSecretBasic(client.secret), options)
}

async function exchange(
  token: string,
  further: Record<string, string> = {},
  client: TestClient | undefined = ordersApi,
  options: { DPoP?: oauth.DPoPHandle } = {},
) {
  const asked = { subject_token: token, subject_token_type: types.access, resource: stock, ...further }
  return oauth.genericGrantRequest(await configured(present(client)), grantType, asked, options)
}

/** The code of the refusal. */
async function refused(answer: Promise<unknown>): Promise<string> {
  try {
    await answer
  } catch (error) {
    if (error instanceof oauth.ResponseBodyError) return error.error
    throw error
  }
  return 'granted'
}

async function introspected(token: string): Promise<oauth.IntrospectionResponse> {
  return oauth.tokenIntrospection(await configured(stockResource), token)
}

describe('by a policy', () => {
  test('a token for one API becomes one for another, and names who acts (§2.2.1, §4.1)', async () => {
    await using _ = await allow()
    const { access, sub } = await signedIn()
    const answer = await exchange(access)
    expect(answer).toMatchObject({
      issued_token_type: types.access,
      token_type: 'bearer',
      scope: 'stock.read',
      expires_in: expect.any(Number),
    })
    expect(answer).not.toHaveProperty('refresh_token')
    const id = present(ordersApi).id
    expect(await introspected(answer.access_token)).toMatchObject({
      active: true,
      sub,
      client_id: id,
      aud: stock,
      scope: 'stock.read',
      act: { sub: id, client_id: id },
    })
    const { db } = server.database.store
    const events = await db.selectFrom('audit_events').selectAll().where('event', '=', 'token.exchanged').execute()
    expect(events).toContainEqual(
      expect.objectContaining({ account_id: sub, client_id: id, detail: expect.objectContaining({ of: shop.id }) }),
    )
  })

  test('who acts after whom is a chain, also in a JWT (§4.1)', async () => {
    await using _ = await allow()
    await using _next = await allow({ client: stockApi, source: stock, target: `${stock}/jwt` })
    const { access, sub } = await signedIn()
    const first = await exchange(access)
    const second = await exchange(first.access_token, { resource: `${stock}/jwt` }, stockApi)
    const [outer, inner] = [present(stockApi).id, present(ordersApi).id]
    expect(decodeJwt(second.access_token)).toMatchObject({
      sub,
      aud: `${stock}/jwt`,
      act: { sub: outer, client_id: outer, act: { sub: inner, client_id: inner } },
    })
    await using _again = await allow({ source: `${stock}/jwt` })
    const third = await exchange(second.access_token)
    expect(await introspected(third.access_token)).toMatchObject({ act: { sub: inner, act: { sub: outer } } })
    await oauth.tokenRevocation(await configured(present(stockApi)), second.access_token)
    expect(await refused(exchange(second.access_token))).toBe('invalid_grant')
    expect(await introspected(third.access_token)).toEqual({ active: false })
  })

  test('an actor who is named by a token of their own acts, and no stranger’s token names one (§2.1)', async () => {
    await using _ = await allow()
    const { access } = await signedIn()
    const actor = await oauth.clientCredentialsGrant(await configured(present(ordersApi)), {
      scope: 'stock.read',
      resource: stock,
    })
    const named = { actor_token: actor.access_token, actor_token_type: types.access }
    const answer = await exchange(access, named)
    expect(await introspected(answer.access_token)).toMatchObject({ act: { sub: present(ordersApi).id } })
    const others = await oauth.clientCredentialsGrant(await configured(present(stockApi)), {
      scope: 'stock.read',
      resource: stock,
    })
    expect(await refused(exchange(access, { ...named, actor_token: others.access_token }))).toBe('invalid_grant')
    expect(await refused(exchange(access, { ...named, actor_token: 'nonsense' }))).toBe('invalid_grant')
    expect(await refused(exchange(access, { actor_token: actor.access_token }))).toBe('invalid_request')
    expect(await refused(exchange(access, { ...named, actor_token_type: types.id }))).toBe('invalid_request')
  })

  test('an app narrows its own token, and gets nothing that the token had not (§1.1)', async () => {
    await using _ = await allow({
      client: shop,
      source: shop.id,
      target: orders,
      scopes: ['orders.read', 'orders.write'],
    })
    const { access } = await signedIn()
    const own = (further: Record<string, string>) =>
      exchange(access, { audience: orders, resource: orders, ...further }, shop)
    expect(await own({ scope: 'orders.read' })).toMatchObject({ scope: 'orders.read' })
    expect(await refused(own({ scope: 'orders.read orders.write' }))).toBe('invalid_scope')
    expect(await own({})).toMatchObject({ scope: 'orders.read' })
  })

  test('the app’s own ID token will do, and that of another app will not', async () => {
    await using _ = await allow({ client: shop, source: shop.id })
    await using _foreign = await allow({ source: shop.id })
    const { id, sub } = await signedIn()
    const answer = await exchange(id, { subject_token_type: types.id }, shop)
    const said = await introspected(answer.access_token)
    expect(said).toMatchObject({ sub, client_id: shop.id })
    expect(said).not.toHaveProperty('act')
    expect(await refused(exchange(id, { subject_token_type: types.id }))).toBe('invalid_grant')
    const tampered = `${id.slice(0, -4)}AAAA`
    expect(await refused(exchange(tampered, { subject_token_type: types.id }, shop))).toBe('invalid_grant')
    expect(await refused(exchange(id, {}, shop))).toBe('invalid_grant')
  })

  test('nobody is hidden behind the person but where the policy says so (§1.1)', async () => {
    const { access } = await signedIn()
    await using _ = await allow({ impersonate: true })
    const { access_token: hidden } = await exchange(access)
    expect(await introspected(hidden)).not.toHaveProperty('act')
    await using _open = await allow({ source: shop.id })
    const { access_token: open } = await exchange(access)
    expect(await introspected(open)).toHaveProperty('act')
  })

  test('a token that names who may act is exchanged by nobody else (§4.4)', async () => {
    await using _ = await allow({ mayAct: present(stockApi).id })
    await using _next = await allow({ client: stockApi, source: stock, target: `${stock}/jwt` })
    await using _other = await allow({ source: stock, target: `${stock}/jwt` })
    const { access } = await signedIn()
    const { access_token: named } = await exchange(access)
    expect(await introspected(named)).toMatchObject({ may_act: { sub: present(stockApi).id } })
    expect(await refused(exchange(named, { resource: `${stock}/jwt` }))).toBe('invalid_grant')
    const next = await exchange(named, { resource: `${stock}/jwt` }, stockApi)
    expect(decodeJwt(next.access_token)['act']).toMatchObject({ sub: present(stockApi).id })
  })

  test('the new token is bound to the key that the request proves (RFC 9449 §5)', async () => {
    await using _ = await allow()
    const { access } = await signedIn()
    const pair = await oauth.randomDPoPKeyPair('ES256')
    const client = await configured(present(ordersApi))
    const { access_token, token_type } = await exchange(access, {}, ordersApi, {
      DPoP: oauth.getDPoPHandle(client, pair),
    })
    expect(token_type).toBe('dpop')
    expect(await introspected(access_token)).toMatchObject({ cnf: { jkt: expect.any(String) } })
  })
})

test('the new token is bound to the certificate of an app whose tokens are (RFC 8705 §3)', async () => {
  const strict = await server.client('service', {
    ...exchangers,
    grant_types: [grantType],
    tls_client_certificate_bound_access_tokens: true,
  })
  await using _ = await allow({ client: strict })
  const { access } = await signedIn()
  expect(await refused(exchange(access, {}, strict))).toBe('invalid_grant')
  const response = await fetch(`${server.origin}/token`, {
    method: 'POST',
    headers: {
      authorization: `Basic ${Buffer.from(`${strict.id}:${strict.secret}`).toString('base64')}`,
      'client-cert': escaped(appCertificate),
    },
    body: new URLSearchParams({
      grant_type: grantType,
      subject_token: access,
      subject_token_type: types.access,
      resource: stock,
    }),
  })
  const { access_token = '' } = (await response.json()) as Record<string, string>
  expect(await introspected(access_token)).toMatchObject({ active: true, cnf: { 'x5t#S256': expect.any(String) } })
})

describe('what was exchanged ends', () => {
  test('with the token that it came from, at the latest', async () => {
    await using _ = await allow()
    const now = Date.now()
    vi.useFakeTimers({ toFake: ['Date'], now })
    const { access } = await signedIn()
    vi.setSystemTime(now + 500_000)
    const { expires_in } = await exchange(access)
    expect(expires_in).toBeLessThanOrEqual(100)
    expect(expires_in).toBeGreaterThan(90)
    vi.useRealTimers()
  })

  test('with the grant that it came from, through the whole chain; and a revoked token is not exchangeable', async () => {
    await using _ = await allow()
    await using _next = await allow({ client: stockApi, source: stock, target: stock })
    const { access } = await signedIn()
    const first = await exchange(access)
    const second = await exchange(first.access_token, {}, stockApi)
    expect(await introspected(second.access_token)).toMatchObject({ active: true })
    await oauth.tokenRevocation(await configured(shop), access)
    for (const { access_token } of [first, second]) {
      expect(await introspected(access_token)).toEqual({ active: false })
    }
    expect(await refused(exchange(access))).toBe('invalid_grant')
    expect(await refused(exchange(first.access_token, {}, stockApi))).toBe('invalid_grant')
  })

  test('with the grants of a client that an administrator revokes, and with the client', async () => {
    await using _ = await allow()
    const [one, other] = [await signedIn(), await signedIn()]
    const tokens = [await exchange(one.access), await exchange(other.access)]
    await grants(server.database.store.db, () => new Date()).revoke({ accountId: one.sub, clientId: shop.id })
    const active = await Promise.all(tokens.map(async ({ access_token }) => (await introspected(access_token)).active))
    expect(active).toEqual([false, true])
    expect(await refused(exchange(one.id, { subject_token_type: types.id }, shop))).toBe('invalid_grant')
  })

  test('with the account: one that is disabled has no tokens and gets none', async () => {
    await using _ = await allow()
    await using _own = await allow({ client: shop, source: shop.id })
    const { access, id, sub } = await signedIn()
    const { access_token } = await exchange(access)
    const { db } = server.database.store
    await db.updateTable('accounts').set({ disabled_at: new Date() }).where('id', '=', sub).execute()
    expect(await introspected(access_token)).toEqual({ active: false })
    expect(await refused(exchange(access))).toBe('invalid_grant')
    expect(await refused(exchange(id, { subject_token_type: types.id }, shop))).toBe('invalid_grant')
  })

  test('but not with the rows of what it came from, which are cleaned away', async () => {
    await using _ = await allow()
    const { access, sub } = await signedIn()
    const { access_token } = await exchange(access)
    const { db } = server.database.store
    const past = new Date(Date.now() - 2 * 24 * 60 * 60 * 1000)
    await db.deleteFrom('artifacts').where('account_id', '=', sub).where('client_id', '=', shop.id).execute()
    await db.updateTable('grants').set({ created_at: past }).where('account_id', '=', sub).execute()
    await removeExpired(db, () => new Date())
    expect(await introspected(access_token)).toMatchObject({ active: true })
  })
})

describe('refused', () => {
  test('everything that no policy names: another source, another target, another app', async () => {
    const { access } = await signedIn()
    expect(await refused(exchange(access))).toBe('invalid_target')
    await using _ = await allow()
    expect(await refused(exchange(access, { resource: `${stock}/jwt` }))).toBe('invalid_target')
    expect(await refused(exchange(access, { resource: 'https://elsewhere.example' }))).toBe('invalid_target')
    expect(await refused(exchange(access, {}, stockApi))).toBe('invalid_target')
    const { access: plain } = await signedIn(undefined)
    expect(await refused(exchange(plain))).toBe('granted')
  })

  test.for<[string, Record<string, string>, string]>([
    ['scopes beyond the policy', { scope: 'stock.read stock.write' }, 'invalid_scope'],
    ['two APIs', { audience: orders }, 'invalid_target'],
    ['a refresh token', { subject_token_type: types.refresh }, 'invalid_request'],
    ['a type that nobody knows', { subject_token_type: 'urn:x' }, 'invalid_request'],
    ['another kind of token asked for', { requested_token_type: types.refresh }, 'invalid_request'],
    ['a token of nobody', { subject_token: 'nonsense' }, 'invalid_grant'],
    ['a JWT of nobody', { subject_token: 'e30.e30.e30' }, 'invalid_grant'],
    ['an empty token', { subject_token: '' }, 'invalid_request'],
  ])('%s', async ([, further, error]) => {
    await using _ = await allow()
    const { access } = await signedIn()
    expect(await refused(exchange(access, further))).toBe(error)
  })

  test('a program’s own token: it is about nobody', async () => {
    await using _ = await allow({ source: stock })
    const own = await oauth.clientCredentialsGrant(await configured(present(ordersApi)), {
      scope: 'stock.read',
      resource: stock,
    })
    expect(await refused(exchange(own.access_token))).toBe('invalid_grant')
  })

  test('a client that was not registered for it, and one that proves nothing', async () => {
    const { access } = await signedIn()
    const plain = await server.client('service', exchangers)
    await allow({ client: plain })
    expect(await refused(exchange(access, {}, plain))).toBe('invalid_request')
    const open = await server.client('spa', { ...exchangers, grant_types: ['authorization_code', grantType] })
    await allow({ client: open })
    const form = { grant_type: grantType, client_id: open.id, subject_token: access, subject_token_type: types.access }
    const response = await fetch(`${server.origin}/token`, { method: 'POST', body: new URLSearchParams(form) })
    expect(await response.json()).toMatchObject({ error: 'unauthorized_client' })
  })

  test('an app’s own token that is bound to a key, without that key', async () => {
    await using _ = await allow({ client: shop, source: shop.id })
    const proof = pkce()
    const extra = { scope: 'openid offline_access orders.read', resource: orders, prompt: 'consent' }
    const back = await authorize(server.visitor(), shop, proof, { extra })
    const [key, other] = await Promise.all([dpopKey(), dpopKey()])
    const post = async (form: Record<string, string>, with_: Awaited<ReturnType<typeof dpopKey>>) => {
      const basic = Buffer.from(`${shop.id}:${shop.secret}`).toString('base64')
      const response = await fetch(`${server.origin}/token`, {
        method: 'POST',
        headers: { authorization: `Basic ${basic}`, dpop: await with_.proof('POST', `${server.origin}/token`) },
        body: new URLSearchParams(form),
      })
      return (await response.json()) as Record<string, string>
    }
    const redeemed = { grant_type: 'authorization_code', redirect_uri: shop.redirectUri, code_verifier: proof.verifier }
    const { access_token = '' } = await post({ ...redeemed, code: back.searchParams.get('code') ?? '' }, key)
    const form = {
      grant_type: grantType,
      subject_token: access_token,
      subject_token_type: types.access,
      resource: stock,
    }
    expect((await post(form, other))['error']).toBe('invalid_grant')
    expect((await post(form, key))['token_type']).toBe('DPoP')
    expect(await refused(exchange(access_token, {}, shop))).toBe('invalid_grant')
  })
})
