/** When refresh tokens end, as clients are told (draft-ietf-oauth-refresh-token-expiration-03), over plain HTTP. */
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { authorize, endpoint, pkce, redeem, refresh, type TokenAnswer } from '../support/authorize.ts'
import { approve, askForCodes, poll } from '../support/device.ts'
import { startTestServer, type TestClient, type TestServer } from '../support/server.ts'
import { passSeconds, stopClock } from '../support/time-lapse.ts'
import { toy } from '../support/toy-provider.ts'

let server: TestServer
beforeAll(async () => {
  stopClock()
  server = await startTestServer({ providers: [toy()] })
})
afterAll(async () => {
  vi.useRealTimers()
  await server.stop()
})

const day = 24 * 60 * 60

async function first(client: TestClient, scope = 'openid offline_access'): Promise<TokenAnswer> {
  const proof = pkce()
  const callback = await authorize(server.visitor(), client, proof, { extra: { scope } })
  return redeem(server, client, callback.searchParams.get('code') ?? '', proof)
}

test('discovery says that there are both kinds of expiration (§8)', async () => {
  for (const name of ['openid-configuration', 'oauth-authorization-server']) {
    const document = await (await fetch(`${server.origin}/.well-known/${name}`)).json()
    expect(document).toMatchObject({ refresh_token_expiration_types_supported: ['authorization', 'token_timeout'] })
  }
})

test('a code and each use of the refresh token tell how long it may lie, and when all of it ends (§6.1, §6.3)', async () => {
  const client = await server.client('web')
  const { body } = await first(client)
  const whole = { refresh_token_expires_in: 90 * day, refresh_token_timeout: 90 * day }
  expect(body).toMatchObject({ ...whole, authorization_expires_in: 365 * day })
  passSeconds(80 * day)
  const second = await refresh(server, client, String(body.refresh_token))
  expect(second.body).toMatchObject({ ...whole, authorization_expires_in: 285 * day })
  // A lost answer is given again, with the same end.
  passSeconds(5)
  const again = await refresh(server, client, String(body.refresh_token))
  expect(again.body.refresh_token).toBe(second.body.refresh_token)
  expect(again.body).toMatchObject({ authorization_expires_in: 285 * day - 5 })
  passSeconds(80 * day - 5)
  const third = await refresh(server, client, String(second.body.refresh_token))
  passSeconds(80 * day)
  const fourth = await refresh(server, client, String(third.body.refresh_token))
  passSeconds(80 * day)
  const last = await refresh(server, client, String(fourth.body.refresh_token))
  expect(last.body).toMatchObject({ refresh_token_timeout: 45 * day, authorization_expires_in: 45 * day })
  passSeconds(45 * day)
  expect((await refresh(server, client, String(last.body.refresh_token))).body).toMatchObject({
    error: 'invalid_grant',
  })
})

test('introspection of a refresh token tells what is left, of an access token nothing (§7)', async () => {
  const client = await server.client('web')
  const { body } = await first(client)
  passSeconds(60)
  const introspect = async (token: unknown) =>
    (await endpoint(server, client, '/introspect', { token: String(token) })).body
  expect(await introspect(body.refresh_token)).toMatchObject({
    active: true,
    refresh_token_expires_in: 90 * day - 60,
    refresh_token_timeout: 90 * day - 60,
    authorization_expires_in: 365 * day - 60,
  })
  const ofAccess = await introspect(body.access_token)
  expect(ofAccess).toMatchObject({ active: true })
  expect(JSON.stringify(ofAccess)).not.toMatch(/expires_in|timeout/)
})

test('a device is told too (RFC 8628)', async () => {
  const client = await server.client('device')
  const codes = await askForCodes(server, client)
  await approve(server.visitor(), codes)
  const { body } = await poll(server, client, codes)
  expect(body).toMatchObject({ refresh_token_expires_in: 90 * day, authorization_expires_in: 365 * day })
})

test('without a refresh token nothing is said, nor of one that no time ends (§6.1.2)', async () => {
  const service = await server.client('service')
  const { body } = await endpoint(server, service, '/token', { grant_type: 'client_credentials' })
  expect(body).toMatchObject({ token_type: 'Bearer' })
  expect(JSON.stringify(body)).not.toMatch(/refresh|authorization_expires/)
  const kept = await first(await server.client('ifttt'), 'ifttt')
  expect(kept.body).toMatchObject({ refresh_token: expect.any(String) })
  expect(JSON.stringify(kept.body)).not.toMatch(/refresh_token_|authorization_expires/)
})
