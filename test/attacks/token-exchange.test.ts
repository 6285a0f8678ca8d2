/** What token exchange (RFC 8693) must not be good for: outliving a browser session, taking other JWTs for ID tokens. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { exchangePolicies } from '../../adapters/postgres/exchange-policies.ts'
import { sessions } from '../../adapters/postgres/sessions.ts'
import { authorize, endpoint, isActive, pkce, redeem, type TokenAnswer, token } from '../support/authorize.ts'
import { startTestServer, type TestClient, type TestServer } from '../support/server.ts'
import { toy } from '../support/toy-provider.ts'

const grantType = 'urn:ietf:params:oauth:grant-type:token-exchange'
const api = 'https://api.example'
const type = (name: string) => `urn:ietf:params:oauth:token-type:${name}`

let server: TestServer
beforeAll(async () => {
  server = await startTestServer({ providers: [toy()] })
  await server.resource(api, ['read'])
})
afterAll(() => server.stop())

/** An app that may exchange its own tokens for one for the API. */
async function exchanger(metadata: Record<string, unknown> = {}): Promise<TestClient> {
  const grant_types = ['authorization_code', 'refresh_token', grantType]
  const client = await server.client('web', { resource_scopes: 'read', grant_types, ...metadata })
  await exchangePolicies(server.database.store.db, () => new Date()).allow({
    clientId: client.id,
    source: client.id,
    target: api,
    kind: 'access-token',
    scopes: ['read'],
    resources: [],
    impersonate: false,
    mayAct: undefined,
    clientThere: undefined,
  })
  return client
}

function exchange(client: TestClient, subject: string, kind = 'access_token'): Promise<TokenAnswer> {
  const asked = { subject_token: subject, subject_token_type: type(kind), resource: api, scope: 'read' }
  return token(server, client, { grant_type: grantType, ...asked })
}

test('what /userinfo signs about a person is no ID token (RFC 8725 §3.11)', async () => {
  const client = await exchanger({ userinfo_signed_response_alg: 'ES256', first_party: true })
  const proof = pkce()
  const back = await authorize(server.visitor(), client, proof)
  const { body } = await redeem(server, client, back.searchParams.get('code') ?? '', proof)
  const headers = { authorization: `Bearer ${body.access_token}` }
  const said = await (await fetch(`${server.origin}/userinfo`, { headers })).text()
  expect(said.split('.')).toHaveLength(3)
  expect((await exchange(client, String(body.id_token), 'id_token')).status).toBe(200)
  expect(await exchange(client, said, 'id_token')).toMatchObject({ status: 400, body: { error: 'invalid_grant' } })
})

test.each([
  ['openid read', false],
  ['openid read offline_access', true],
] as const)('what came of a token for "%s" lives on after the browser session: %s', async (scope, lives) => {
  const client = await exchanger()
  const person = server.visitor()
  const proof = pkce()
  const back = await authorize(person, client, proof, { name: `${lives}`, extra: { scope, resource: api } })
  const { body } = await redeem(server, client, back.searchParams.get('code') ?? '', proof)
  const access = String(body.access_token)
  const exchanged = String((await exchange(client, access)).body.access_token)
  expect(await isActive(server, client, exchanged)).toBe(true)
  const { sub } = (await endpoint(server, client, '/introspect', { token: access })).body
  await sessions(server.database.store.db, () => new Date()).revokeByAccount(String(sub))
  expect([await isActive(server, client, access), await isActive(server, client, exchanged)]).toEqual([lives, lives])
  expect((await exchange(client, String(body.id_token), 'id_token')).status).toBe(lives ? 200 : 400)
})

test('who acts is named as the app knows them, not by their account (OIDC Core §8.1)', async () => {
  const client = await exchanger({ subject_type: 'pairwise' })
  const [person, actor] = await Promise.all(
    ['person', 'actor'].map(async (name) => {
      const proof = pkce()
      const back = await authorize(server.visitor(), client, proof, {
        name,
        extra: { scope: 'openid read', resource: api },
      })
      const { body } = await redeem(server, client, back.searchParams.get('code') ?? '', proof)
      return String(body.access_token)
    }),
  )
  const known = (await endpoint(server, client, '/introspect', { token: actor ?? '' })).body
  const { body } = await token(server, client, {
    grant_type: grantType,
    subject_token: person ?? '',
    subject_token_type: type('access_token'),
    actor_token: actor ?? '',
    actor_token_type: type('access_token'),
    resource: api,
  })
  const seen = await endpoint(server, client, '/introspect', { token: String(body.access_token) })
  expect(seen.body['act']).toEqual({ sub: known['sub'], client_id: client.id })
  expect(known['sub']).not.toMatch(/^usr_/)
})
