/**
 * Server-side request forgery through what clients name (OWASP A10): keys, lists and documents at addresses of theirs.
 *
 * Every name leads to this machine, where a canary listens at the usual port as far as our requests can tell. Each case
 * is shown to reach it where the guard is open.
 */
import { type AddressInfo, createServer, type Server } from 'node:net'
import tls from 'node:tls'
import { generateKeyPair, SignJWT } from 'jose'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { logoutNotices } from '../../adapters/postgres/logout-notices.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

let canary: Server
/** Connections that reached the canary. */
let reached = 0

beforeAll(async () => {
  canary = createServer((socket) => {
    reached += 1
    socket.destroy()
  })
  await new Promise<void>((resolve) => canary.listen(0, '127.0.0.1', resolve))
  const { port } = canary.address() as AddressInfo
  const connect = tls.connect.bind(tls) as (options: tls.ConnectionOptions) => tls.TLSSocket
  vi.spyOn(tls, 'connect').mockImplementation(((options: tls.ConnectionOptions) =>
    connect({ ...options, port })) as typeof tls.connect)
})
beforeEach(() => {
  reached = 0
})
afterAll(() => {
  vi.restoreAllMocks()
  canary.close()
})

describe.each([
  ['reach a host of ours where the guard is open', true],
  ['reach nothing of ours', false],
])('what clients name can %s', (_promise, open) => {
  let server: TestServer
  beforeAll(async () => {
    server = await startTestServer({
      outside: {
        plcUrl: undefined,
        handleResolver: undefined,
        open,
        resolve: async () => [{ address: '127.0.0.1', family: 4 }],
      },
    })
  })
  afterAll(() => server.stop())

  test('the keys of a client (jwks_uri)', async () => {
    const client = await server.client('web', {
      token_endpoint_auth_method: 'private_key_jwt',
      token_endpoint_auth_signing_alg: 'ES256',
      jwks_uri: 'https://keys.habitat-evil.dev/jwks',
    })
    const answer = await fetch(`${server.origin}/token`, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'authorization_code',
        code: 'none',
        client_id: client.id,
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion: await assertion(client.id, server.origin),
      }),
    })
    expect(await answer.json()).toMatchObject({ error: expect.stringMatching(/^invalid_client/) })
    expect(reached > 0).toBe(open)
  })

  test('where an app wants to hear of sign-outs (backchannel_logout_uri)', async () => {
    const { db } = server.database.store
    const uri = 'https://app.habitat-evil.dev/signed-out'
    const { id } = await server.client('web', { backchannel_logout_uri: uri })
    await logoutNotices(db, () => new Date()).add({ sid: `sid-${open}`, clientId: id, accountId: 'usr_1' })
    const problem = () => db.selectFrom('logout_notices').select('problem').executeTakeFirst()
    await vi.waitUntil(async () => (await problem())?.problem != null, { timeout: 10_000 })
    expect(reached > 0).toBe(open)
  })
})

async function assertion(clientId: string, issuer: string): Promise<string> {
  const { privateKey } = await generateKeyPair('ES256')
  return new SignJWT({ jti: 'one' })
    .setProtectedHeader({ alg: 'ES256' })
    .setIssuer(clientId)
    .setSubject(clientId)
    .setAudience(issuer)
    .setIssuedAt()
    .setExpirationTime('1m')
    .sign(privateKey)
}
