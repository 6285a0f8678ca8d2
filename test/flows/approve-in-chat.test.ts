/** Approval in a chat (OpenID CIBA, poll mode), with a client that was written against the standard and not against us. */
import * as oauth from 'openid-client'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { sealer } from '../../adapters/crypto/seal.ts'
import { approvals } from '../../adapters/postgres/approvals.ts'
import { clients } from '../../adapters/postgres/clients.ts'
import { telegramQuestions } from '../../adapters/postgres/telegram-questions.ts'
import { telegramBot } from '../../adapters/telegram/bot.ts'
import { approvalAnswers } from '../../server/telegram/approval-answers.ts'
import { ask, asked, askingClient, collect, connected, press } from '../support/approval.ts'
import { isActive, refresh } from '../support/authorize.ts'
import { postgresTest } from '../support/database.ts'
import { startTelegram, type Telegram } from '../support/fakes/telegram.ts'
import type { Message } from '../support/fakes/telegram-world.ts'
import { startNodes } from '../support/nodes.ts'
import { startTestServer, type TestClient, type TestServer } from '../support/server.ts'
import { pollingAt, stopBoth } from '../support/telegram-bot.ts'
import { passSeconds, stopClock, withoutWaiting } from '../support/time-lapse.ts'
import { toy } from '../support/toy-provider.ts'

let telegram: Telegram
let server: TestServer
let client: TestClient
beforeAll(async () => {
  stopClock()
  telegram = await startTelegram()
  server = await startTestServer({ settings: pollingAt(telegram), providers: [toy()] })
  client = await askingClient(server)
})
afterAll(async () => {
  vi.useRealTimers()
  await stopBoth(server, telegram)
})

const connect = (app = client, scope?: string) => connected(server, telegram, app, scope)

/** A client as `openid-client` makes it, and the answers to its polls; `before` is told the number of each. */
async function discovered(before: (poll: number) => Promise<unknown> = async () => undefined) {
  const options = { execute: [oauth.allowInsecureRequests] }
  const secret = oauth.ClientSecretBasic(client.secret)
  const config = await oauth.discovery(new URL(server.origin), client.id, {}, secret, options)
  const polls: unknown[] = []
  config[oauth.customFetch] = async (address, request) => {
    if (!address.endsWith('/token')) return fetch(address, request as RequestInit)
    await before(polls.length + 1)
    const response = await fetch(address, request as RequestInit)
    polls.push(((await response.clone().json()) as { error?: unknown }).error)
    return response
  }
  return { config, polls }
}

test('metadata name the endpoint and the one way in which tokens are delivered (CIBA §4)', async () => {
  const { config } = await discovered()
  expect(config.serverMetadata()).toMatchObject({
    backchannel_authentication_endpoint: `${server.origin}/backchannel`,
    backchannel_token_delivery_modes_supported: ['poll'],
    backchannel_user_code_parameter_supported: false,
  })
  expect(config.serverMetadata().grant_types_supported).toContain('urn:openid:params:grant-type:ciba')
})

test('somebody who has connected an app is asked in their chat, approves, and the app gets its tokens (CIBA §7, §10)', async () => {
  const { sub, person } = await connect()
  const { config, polls } = await discovered(async (poll) => {
    if (poll === 3) expect(await press(person, person.messages.at(-1) as Message, 'Approve')).toBe('Approved')
  })
  const request = { login_hint: sub, scope: 'openid profile', binding_message: 'blue whale', max_age: '60' }
  const answer = await oauth.initiateBackchannelAuthentication(config, request)
  expect(answer).toMatchObject({ expires_in: 300, interval: 5 })
  const message = await person.told('asks for access')
  expect(message.text).toMatchInlineSnapshot(`
    "“Chat bot” asks for access to your Habitat account.

    It says: “blue whale”
    Approve only if you read the same words in the app.

    It will be able to:
    • Know who you are
    • See your name and basic profile
    • Keep access when you are away

    If you did not just ask it for something, deny.

    You can answer for 5 minutes."
  `)
  const tokens = await withoutWaiting(() => oauth.pollBackchannelAuthenticationGrant(config, answer))
  expect(polls).toEqual(['authorization_pending', 'authorization_pending', undefined])
  expect(tokens.claims()).toMatchObject({ sub, auth_time: expect.any(Number) })
  expect(await oauth.fetchUserInfo(config, tokens.access_token, sub)).toMatchObject({ sub })
  expect((await oauth.refreshTokenGrant(config, tokens.refresh_token ?? '')).access_token).toBeTruthy()
  const ended = person.messages.at(-1)
  expect(ended?.text).toContain('Approved: “Chat bot”')
  expect(ended?.reply_markup?.inline_keyboard ?? []).toEqual([])
})

test('an app is told that the person said no; an ID token names the person also after its end (CIBA §7.1)', async () => {
  const { idToken, person } = await connect()
  passSeconds(2 * 60 * 60)
  const { config } = await discovered()
  const request = { id_token_hint: idToken, scope: 'openid' }
  const answer = await oauth.initiateBackchannelAuthentication(config, request)
  const message = await person.told('asks for access')
  expect(await press(person, message, 'Deny')).toBe('Denied')
  await expect(withoutWaiting(() => oauth.pollBackchannelAuthenticationGrant(config, answer))).rejects.toMatchObject({
    error: 'access_denied',
    error_description: 'the person denied the request',
  })
  expect(message.text).toContain('Denied: “Chat bot”')
})

test('an app is told that nobody answered in time, and so is whoever answers then', async () => {
  const someone = await connect()
  const { id, message } = await asked(server, client, someone, { requested_expiry: '60' })
  passSeconds(61)
  expect((await collect(server, client, id)).body.error).toBe('expired_token')
  expect(await press(someone.person, message, 'Approve')).toContain('over')
  expect((await collect(server, client, id)).body.error).toBe('expired_token')
})

test.each([
  ['1', 30],
  ['45', 45],
  ['9999', 600],
])('an app may say how long it waits (%s), within bounds (CIBA §7.1)', async (requested, seconds) => {
  const { sub } = await connect()
  const { body } = await ask(server, client, { login_hint: sub, requested_expiry: requested })
  expect(body).toMatchObject({ expires_in: seconds })
})

test('an app that asks too often slows down, and the person’s answer is told at once (CIBA §11)', async () => {
  const someone = await connect()
  const { id, message } = await asked(server, client, someone)
  const error = async () => (await collect(server, client, id)).body.error
  expect([await error(), await error()]).toEqual(['authorization_pending', 'slow_down'])
  await press(someone.person, message, 'Approve')
  expect(await error()).toBeUndefined()
})

test('what is asked for is told in the words of the pages, those of an API included', async () => {
  const resource = 'https://api.example/notes'
  await server.resource(resource, ['notes:read'])
  const reader = await askingClient(server, { client_name: 'Reader', resource_scopes: 'notes:read' })
  const codes = { scope: 'openid notes:read', resource }
  const { sub, person } = await connect(reader, 'openid')
  expect((await ask(server, reader, { login_hint: sub, ...codes })).body).toMatchObject({ error: 'invalid_scope' })
  expect(person.messages.at(-1)?.text).toContain('This is the bot')
  await server.database.store.db
    .updateTable('consents')
    .set({ payload: JSON.stringify({ scopes: ['openid'], claims: [], resources: { [resource]: ['notes:read'] } }) })
    .where('client_id', '=', reader.id)
    .execute()
  const { id, message } = await asked(server, reader, { sub, person }, codes)
  expect(message.text).toContain('notes:read')
  await press(person, message, 'Approve')
  const { body } = await collect(server, reader, id)
  expect(body).toMatchObject({ scope: 'notes:read' })
})

test('a grant of its own: ending it ends neither what the app had before, nor the other way round', async () => {
  const someone = await connect()
  const { id, message } = await asked(server, client, someone)
  await press(someone.person, message, 'Approve')
  const first = await collect(server, client, id)
  passSeconds(10)
  const again = await asked(server, client, someone)
  await press(someone.person, again.message, 'Approve')
  const second = await collect(server, client, again.id)
  expect(second.body).toMatchObject({ refresh_token_expires_in: 90 * 24 * 60 * 60 })
  await refresh(server, client, String(first.body.refresh_token))
  await server.database.store.db
    .updateTable('grants')
    .set({ revoked_at: new Date() })
    .where('id', '=', (query) =>
      query
        .selectFrom('grants')
        .select('id')
        .where('account_id', '=', someone.sub)
        .orderBy('created_at', 'desc')
        .limit(1),
    )
    .execute()
  const alive = [first, second].map(({ body }) => isActive(server, client, String(body.access_token)))
  expect((await Promise.all(alive)).filter(Boolean)).toHaveLength(1)
})

test('a message whose request nobody answered loses its buttons and says so', async () => {
  const { store } = server.database
  const someone = await connect()
  const { message } = await asked(server, client, someone, { requested_expiry: '30' })
  const unused = () => Promise.reject(new Error('nobody answers here'))
  const bot = telegramBot({
    token: telegram.token,
    apiRoot: telegram.apiRoot,
    privateOnly: '',
    inTurn: (_person, work) => work(),
    onBlocked: unused,
    report: () => undefined,
  })
  const now = () => new Date()
  const answers = approvalAnswers({
    decisions: { allow: unused, deny: unused },
    approvals: approvals(store.db, now),
    limits: { forgive: unused },
    clients: clients(store.db, now),
    questions: telegramQuestions(store.db, sealer(['x'.repeat(32)]), now),
    messenger: bot.messenger,
    audit: unused,
  })
  await answers.tidy()
  expect(message.text).toContain('asks for access')
  passSeconds(31)
  await answers.tidy()
  expect(message.text).toBe('This request of “Chat bot” is over. Nothing was allowed.')
  expect(message.reply_markup?.inline_keyboard ?? []).toEqual([])
})

postgresTest('an app may ask at one node and collect at another, whichever the bot is at', async () => {
  await using own = await startTelegram()
  await using nodes = await startNodes({ settings: pollingAt(own), providers: [toy()] })
  const app = await askingClient(nodes.first)
  const someone = await connected(nodes.first, own, app)
  const { id, message } = await asked(nodes.second, app, someone)
  expect((await collect(nodes.first, app, id)).body.error).toBe('authorization_pending')
  expect((await collect(nodes.second, app, id)).body.error).toBe('slow_down')
  expect(await press(someone.person, message, 'Approve')).toBe('Approved')
  expect((await collect(nodes.first, app, id)).status).toBe(200)
})

test('without a bot there is no such endpoint, and an app that could ask works as any device', async () => {
  await using without = await startTestServer({ providers: [toy()] })
  const device = await askingClient(without)
  const metadata = (await (await fetch(`${without.origin}/.well-known/openid-configuration`)).json()) as object
  expect(metadata).not.toHaveProperty('backchannel_authentication_endpoint')
  expect((await fetch(`${without.origin}/backchannel`, { method: 'POST' })).status).toBe(404)
  expect((await collect(without, device, 'x')).body.error).toBe('unsupported_grant_type')
})
