/** Authorization requests that are pushed to the server before the browser comes. */
import * as oauth from 'oauth4webapi'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import {
  agreeable,
  errorIn,
  insecure,
  metadataOf,
  type OutsideClient,
  outsideClient,
} from '../support/outside-client.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import type { Visit } from '../support/visitor.ts'

let server: TestServer
let metadata: oauth.AuthorizationServer
let visit: (address: string) => Promise<Visit>
let app: OutsideClient
beforeAll(async () => {
  server = await startTestServer()
  metadata = await metadataOf(server)
  visit = await agreeable(server)
  app = outsideClient(metadata, await server.client('web', { require_pushed_authorization_requests: true }))
})
afterAll(async () => {
  vi.useRealTimers()
  await server.stop()
})

test('a pushed request is answered with a reference for a minute, which the browser brings (§2.2, §4)', async () => {
  const params = await app.request({ scope: 'openid offline_access' })
  const response = await oauth.pushedAuthorizationRequest(metadata, app.own, app.authentication, params, insecure)
  const pushed = await oauth.processPushedAuthorizationResponse(metadata, app.own, response)
  expect(pushed).toMatchObject({
    expires_in: 60,
    request_uri: expect.stringMatching(/^urn:ietf:params:oauth:request_uri:.{43,}$/),
  })
  const address = `/authorize?${new URLSearchParams({ client_id: app.client.id, request_uri: pushed.request_uri })}`
  const back = await visit(address)
  const tokens = await app.redeem(oauth.validateAuthResponse(metadata, app.own, back.url, 'state'))
  // What was pushed counts as if it stood in the address: offline access without a word about prompts, too.
  expect(tokens.scope?.split(' ')).toContain('offline_access')
  expect(errorIn(await visit(address))).not.toBe('no error')
})

test('what stands in the address beside the reference is not believed (§4)', async () => {
  const address = await app.push(await app.request({ state: 'pushed' }))
  const extra = new URLSearchParams({
    state: 'changed',
    redirect_uri: 'https://evil.example/cb',
    scope: 'openid email',
  })
  const back = await visit(`${address}&${extra}`)
  expect(`${back.url.origin}${back.url.pathname}`).toBe(app.client.redirectUri)
  const tokens = await app.redeem(oauth.validateAuthResponse(metadata, app.own, back.url, 'pushed'))
  expect(tokens.scope).toBe('openid')
})

test('an app that has to push cannot ask in the address, and others need not push (§6)', async () => {
  expect(errorIn(await visit(`/authorize?${await app.request()}`))).toBe('invalid_request')
  const free = outsideClient(metadata, await server.client('web'))
  expect(errorIn(await visit(`/authorize?${await free.request()}`))).toBe('no error')
  expect(metadata.require_pushed_authorization_requests ?? false).toBe(false)
})

test('a reference is no good after its minute, to another app, or when it is made up (§2.2, §4)', async () => {
  const stranger = await server.client('web', { redirect_uris: ['https://stranger.example/cb'] })
  const theirs = new URLSearchParams((await app.push(await app.request())).split('?')[1])
  theirs.set('client_id', stranger.id)
  expect(errorIn(await visit(`/authorize?${theirs}`))).toBe('invalid_request_object')
  for (const request_uri of ['urn:ietf:params:oauth:request_uri:made-up', 'https://app.example/request.jwt']) {
    const made = new URLSearchParams({ client_id: app.client.id, request_uri })
    expect(errorIn(await visit(`/authorize?${made}`))).not.toBe('no error')
  }
  const late = await app.push(await app.request())
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 90_000 })
  expect(errorIn(await visit(late))).not.toBe('no error')
})

test.each([
  ['an address that is not registered', { redirect_uri: 'https://evil.example/cb' }, 'invalid_request'],
  ['no proof of who redeems', { code_challenge: undefined, code_challenge_method: undefined }, 'invalid_request'],
  ['a plain one', { code_challenge_method: 'plain' }, 'invalid_request'],
  ['an implicit answer', { response_type: 'token' }, 'unsupported_response_type'],
  ['a scope that there is not', { scope: 'openid nothing:here' }, undefined],
  ['another reference', { request_uri: 'urn:ietf:params:oauth:request_uri:x' }, 'request_uri_not_supported'],
])('%s is refused when it is pushed, not when the person has come (§2.3)', async (_what, extra, error) => {
  const refusal = await app.push(await app.request(extra)).catch((reason: unknown) => reason)
  if (error === undefined) expect(refusal).toBeDefined()
  else expect(refusal).toMatchObject({ error, status: 400 })
})

test('nobody pushes without proving who it is, nor for another app (§2.1)', async () => {
  const wrong = outsideClient(metadata, app.client, oauth.ClientSecretBasic('x'))
  await expect(wrong.push(await wrong.request())).rejects.toMatchObject({ status: 401 })
  const other = await server.client('web')
  const foreign = outsideClient(metadata, app.client, oauth.ClientSecretBasic(other.secret))
  await expect(foreign.push(await foreign.request())).rejects.toMatchObject({ status: 401 })
})
