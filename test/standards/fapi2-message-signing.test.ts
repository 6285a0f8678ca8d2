/** FAPI 2.0 with requests and answers that are signed, and introspection that is. */
import * as oauth from 'oauth4webapi'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { signed } from '../support/client-keys.ts'
import { type FapiClient, fapiClient } from '../support/fapi.ts'
import { agreeable, errorIn, insecure, metadataOf } from '../support/outside-client.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import type { Visit } from '../support/visitor.ts'

let server: TestServer
let metadata: oauth.AuthorizationServer
let visit: (address: string) => Promise<Visit>
let app: FapiClient
beforeAll(async () => {
  server = await startTestServer()
  metadata = await metadataOf(server)
  visit = await agreeable(server)
  app = await fapiClient(server, metadata, {
    require_signed_request_object: true,
    request_object_signing_alg: 'ES256',
    authorization_signed_response_alg: 'ES256',
    response_modes: ['jwt', 'query.jwt', 'fragment.jwt', 'form_post.jwt'],
  })
})
afterAll(() => server.stop())

async function pushed(request: string): Promise<string> {
  return app.push(new URLSearchParams({ request }), app.possession)
}

test('a signed request is pushed, the answer comes signed, and tokens are bound to a key (§5.3, §5.4)', async () => {
  const params = await app.request({ response_mode: 'jwt' })
  const { privateKey, kid } = app.key
  const back = await visit(
    await pushed(await oauth.issueRequestObject(metadata, app.own, params, { key: privateKey, kid })),
  )
  expect([...back.url.searchParams.keys()]).toEqual(['response'])
  const own = { ...app.own, authorization_signed_response_alg: 'ES256' }
  const code = await oauth.validateJwtAuthResponse(metadata, own, back.url, 'state', insecure)
  expect((await app.redeem(code, app.possession)).token_type).toBe('dpop')
})

test('nothing unsigned is taken, and no answer is sent unsigned (§5.3.1, §5.4.1)', async () => {
  await expect(app.push(await app.request(), app.possession)).rejects.toMatchObject({ error: 'invalid_request' })
  const params = await app.request({ response_mode: 'query' })
  const { privateKey, kid } = app.key
  const request = await oauth.issueRequestObject(metadata, app.own, params, { key: privateKey, kid })
  const refusal = await pushed(request).catch((error: unknown) => error)
  expect(refusal).toMatchObject({ error: 'invalid_request' })
  expect(errorIn(await visit(`/authorize?${new URLSearchParams({ client_id: app.client.id, request })}`))).not.toBe(
    'no error',
  )
})

test('a signed request begins and ends within an hour, and is for this server (§5.3.1)', async () => {
  const epoch = Math.floor(Date.now() / 1000)
  const good = { iss: app.client.id, aud: metadata.issuer, nbf: epoch, exp: epoch + 60 }
  const request = async (claims: Record<string, unknown>) =>
    signed(app.key, { ...Object.fromEntries(await app.request({ response_mode: 'jwt' })), ...good, ...claims })
  expect(await pushed(await request({}))).toContain('request_uri')
  // Clocks differ by seconds.
  expect(await pushed(await request({ nbf: epoch + 8 }))).toContain('request_uri')
  for (const wrong of [
    { nbf: undefined },
    { exp: undefined },
    { nbf: epoch - 7_200 },
    { nbf: epoch + 120, exp: epoch + 180 },
    { exp: epoch + 7_200 },
    { aud: `${metadata.issuer}/par` },
  ])
    await expect(pushed(await request(wrong)), JSON.stringify(wrong)).rejects.toMatchObject({
      error: 'invalid_request_object',
    })
})
