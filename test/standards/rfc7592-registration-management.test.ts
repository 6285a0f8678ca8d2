/** Apps that read, change and end the registration that they made (RFC 7592), over HTTP: openid-client and oauth4webapi leave it out. */
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { endpoint } from '../support/authorize.ts'
import { goodMetadata, registerClient, registrationRequest } from '../support/registration.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer({ settings: { CLIENT_REGISTRATION: 'open' } })
})
afterAll(async () => {
  vi.useRealTimers()
  await server.stop()
})
// How many apps an address may register is counted by the hour.
beforeEach(() => later(60 * 60))

function later(seconds: number): void {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + seconds * 1000 })
}

async function app(metadata: Record<string, unknown> = {}) {
  const { body } = await registerClient(server, { ...goodMetadata, ...metadata })
  const [address, token] = [String(body['registration_client_uri']), String(body['registration_access_token'])]
  return { body, id: String(body['client_id']), secret: String(body['client_secret'] ?? ''), address, token }
}

test('§2.1: an app reads its registration, without its secret', async () => {
  const { body, address, token } = await app({
    token_endpoint_auth_method: 'client_secret_basic',
    scope: 'openid email',
  })
  const read = await registrationRequest(address, 'GET', token)
  expect(read.status).toBe(200)
  const { client_secret: secret, client_secret_expires_at: expires, client_id_issued_at: issued, ...rest } = body
  expect([secret, expires, issued]).toEqual([expect.any(String), 0, expect.any(Number)])
  expect(read.body).toEqual(rest)
})

test('§2.2: an app that proves who it is by keys may ask for a secret, gets one that works, and may give it back', async () => {
  const keys = { token_endpoint_auth_method: 'private_key_jwt', jwks_uri: 'https://photos.example/jwks' }
  const { id, secret, address, token } = await app(keys)
  expect(secret).toBe('')
  const change = (method: object) =>
    registrationRequest(address, 'PUT', token, { ...goodMetadata, ...method, client_id: id })
  const { body } = await change({ token_endpoint_auth_method: 'client_secret_basic' })
  const given = { id, secret: String(body['client_secret']), redirectUri: '' }
  later(2)
  expect((await endpoint(server, given, '/introspect', { token: 'none' })).status).toBe(200)
  expect((await change(keys)).body).not.toHaveProperty('client_secret')
  later(2)
  const again = await change({ token_endpoint_auth_method: 'client_secret_basic' })
  expect(again.body['client_secret']).not.toBe(given.secret)
  later(2)
  const refused = await endpoint(server, given, '/introspect', { token: 'none' })
  expect(refused.body).toMatchObject({ error: 'invalid_client' })
})

test('§2.2: an app changes its registration; what it leaves out goes, its secret stays', async () => {
  const { id, secret, address, token } = await app({
    token_endpoint_auth_method: 'client_secret_basic',
    tos_uri: 'https://photos.example/terms',
  })
  const changed = await registrationRequest(address, 'PUT', token, {
    client_id: id,
    client_secret: secret,
    client_name: 'Pictures',
    redirect_uris: ['https://photos.example/other'],
  })
  expect(changed.body).toMatchObject({ client_name: 'Pictures', redirect_uris: ['https://photos.example/other'] })
  expect(changed.status).toBe(200)
  expect(changed.body).not.toHaveProperty('tos_uri')
  expect(changed.body).not.toHaveProperty('client_secret')
  later(2)
  const asked = await endpoint(server, { id, secret, redirectUri: '' }, '/introspect', { token: 'none' })
  expect(asked).toEqual({ status: 200, body: { active: false } })
  expect((await registrationRequest(address, 'GET', token)).body).toMatchObject({ client_name: 'Pictures' })
})

test.each([
  [{ redirect_uris: ['javascript:alert(1)'] }, 'invalid_redirect_uri'],
  [{ client_name: '' }, 'invalid_client_metadata'],
  [{ token_endpoint_auth_method: 'client_secret_basic' }, 'invalid_client_metadata'],
  [{ client_id: 'another' }, 'invalid_request'],
  [{ client_secret: 'made up' }, 'invalid_request'],
  [{ registration_access_token: 'chosen' }, 'invalid_request'],
  [{ client_id_issued_at: 1 }, 'invalid_request'],
])('§2.2: a change to %j is refused', async (change, error) => {
  const { id, address, token } = await app()
  const answer = await registrationRequest(address, 'PUT', token, { client_id: id, ...goodMetadata, ...change })
  expect([answer.status, answer.body['error']]).toEqual([400, error])
  later(2)
  expect((await registrationRequest(address, 'GET', token)).body).toMatchObject({ client_name: 'Photos' })
})

test('§2.3: an app ends its registration, and everything with it', async () => {
  const { id, address, token } = await app()
  expect((await registrationRequest(address, 'DELETE', token)).status).toBe(204)
  later(2)
  expect((await registrationRequest(address, 'GET', token)).status).toBe(401)
  const page = await server.visitor().get(`/authorize?client_id=${id}&response_type=code&scope=openid`)
  expect([page.status, page.left]).toEqual([400, false])
})

test('§3: nobody manages an app by another token, or by that of another app', async () => {
  const [one, other] = [await app(), await app()]
  for (const token of ['another', other.id, undefined]) {
    for (const method of ['GET', 'PUT', 'DELETE']) {
      const body = method === 'PUT' ? { client_id: one.id, ...goodMetadata } : undefined
      expect((await registrationRequest(one.address, method, token, body)).status).toBe(401)
    }
  }
  expect((await registrationRequest(one.address, 'GET', other.token)).status).toBe(401)
  expect((await registrationRequest(one.address, 'GET', one.token)).status).toBe(200)
})

test('an app that an administrator registered is not managed so', async () => {
  const client = await server.client('web')
  const { token } = await app()
  const address = `${server.origin}/register/${client.id}`
  expect((await registrationRequest(address, 'DELETE', token)).status).toBe(401)
})
