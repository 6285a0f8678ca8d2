/** Approval in the chat (OpenID CIBA Core, poll mode) by openid-client: the bot asks, the app waits. */
import { randomUUID } from 'node:crypto'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import * as oauth from 'openid-client'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { askingClient, connected, press } from '../support/approval.ts'
import { startTelegram, type Telegram } from '../support/fakes/telegram.ts'
import { startTestServer, type TestClient, type TestServer } from '../support/server.ts'
import { pollingAt, stopBoth } from '../support/telegram-bot.ts'
import { passSeconds, stopClock, withoutWaiting } from '../support/time-lapse.ts'
import { toy } from '../support/toy-provider.ts'

let telegram: Telegram
let server: TestServer
let client: TestClient
let config: oauth.Configuration
beforeAll(async () => {
  stopClock()
  telegram = await startTelegram()
  server = await startTestServer({ settings: pollingAt(telegram), providers: [toy()] })
  client = await askingClient(server)
  const options = { execute: [oauth.allowInsecureRequests] }
  config = await oauth.discovery(new URL(server.origin), client.id, {}, oauth.ClientSecretBasic(client.secret), options)
})
afterAll(async () => {
  vi.useRealTimers()
  await stopBoth(server, telegram)
})

/** Asks somebody who has connected the app, and presses a button for them. */
async function answered(button: 'Approve' | 'Deny') {
  const { sub, person } = await connected(server, telegram, client)
  const request = await oauth.initiateBackchannelAuthentication(config, { login_hint: sub, scope: 'openid' })
  await press(person, await person.told('asks for access'), button)
  return { sub, tokens: withoutWaiting(() => oauth.pollBackchannelAuthenticationGrant(config, request)) }
}

test('an app that waits gets the tokens of who approves (§7.3, §10.1, §11)', async () => {
  const { sub, tokens } = await answered('Approve')
  const { access_token, claims, token_type } = await tokens.then((it) => ({ ...it, claims: it.claims() }))
  expect([token_type, claims?.sub]).toEqual(['bearer', sub])
  expect(await oauth.fetchUserInfo(config, access_token, sub)).toMatchObject({ sub })
})

test('an app is told that the person said no (§11)', async () => {
  const { tokens } = await answered('Deny')
  await expect(tokens).rejects.toMatchObject({ error: 'access_denied' })
})

test('an app is told that nobody answered in time (§11)', async () => {
  const { sub } = await connected(server, telegram, client)
  const asked = { login_hint: sub, scope: 'openid', requested_expiry: '60' }
  const request = await oauth.initiateBackchannelAuthentication(config, asked)
  passSeconds(61)
  const waiting = withoutWaiting(() => oauth.pollBackchannelAuthenticationGrant(config, request))
  await expect(waiting).rejects.toMatchObject({ error: 'expired_token' })
})

test('refused: whom nobody knows, and an app that was not registered for it (§13)', async () => {
  const unknown = oauth.initiateBackchannelAuthentication(config, { login_hint: 'usr_nobody', scope: 'openid' })
  await expect(unknown).rejects.toMatchObject({ error: 'unknown_user_id' })
  const web = await server.client('web')
  const options = { execute: [oauth.allowInsecureRequests] }
  const plain = await oauth.discovery(new URL(server.origin), web.id, {}, oauth.ClientSecretBasic(web.secret), options)
  const asked = oauth.initiateBackchannelAuthentication(plain, { login_hint: 'usr_nobody', scope: 'openid' })
  await expect(asked).rejects.toMatchObject({ error: expect.stringMatching(/unauthorized_client|invalid_request/) })
})

test('a request may be signed: it counts once, and nobody is asked for one that is not right (§7.1.1)', async () => {
  const { privateKey, publicKey } = await generateKeyPair('ES256')
  const signing = await askingClient(server, { jwks: { keys: [{ ...(await exportJWK(publicKey)), kid: 'one' }] } })
  const options = { execute: [oauth.allowInsecureRequests] }
  const method = oauth.ClientSecretBasic(signing.secret)
  const configured = await oauth.discovery(new URL(server.origin), signing.id, {}, method, options)
  const { sub, person } = await connected(server, telegram, signing)
  const now = Math.floor(Date.now() / 1000)
  const right = {
    ...{ iss: signing.id, aud: server.origin, iat: now, nbf: now, exp: now + 60, jti: randomUUID() },
    ...{ login_hint: sub, scope: 'openid' },
  }
  const ask = async (claims: Record<string, unknown>, key: typeof privateKey = privateKey) => {
    const request = await new SignJWT(claims).setProtectedHeader({ alg: 'ES256', kid: 'one' }).sign(key)
    return oauth.initiateBackchannelAuthentication(configured, { request })
  }
  const wrong = [{ aud: 'https://other.example' }, { iss: 'other' }, { exp: now - 60 }, { jti: undefined }]
  const refused = { error: expect.stringMatching(/^invalid_request/) }
  for (const one of wrong) await expect(ask({ ...right, ...one })).rejects.toMatchObject(refused)
  await expect(ask(right, (await generateKeyPair('ES256')).privateKey)).rejects.toMatchObject(refused)
  const request = await ask(right)
  await expect(ask(right)).rejects.toMatchObject(refused)
  await press(person, await person.told('asks for access'), 'Approve')
  const tokens = await withoutWaiting(() => oauth.pollBackchannelAuthenticationGrant(configured, request))
  expect(tokens.claims()?.sub).toBe(sub)
})
