/** Attacks on approval in a chat: people who are not asked for, answers that are not theirs, requests that are over. */
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { accounts } from '../../adapters/postgres/accounts.ts'
import { clients } from '../../adapters/postgres/clients.ts'
import { grants } from '../../adapters/postgres/grants.ts'
import { identities } from '../../adapters/postgres/identities.ts'
import { sessions } from '../../adapters/postgres/sessions.ts'
import { ask, asked, askingClient, type Connected, collect, connected, press } from '../support/approval.ts'
import { isActive } from '../support/authorize.ts'
import { type DpopKey, dpopKey } from '../support/dpop.ts'
import { outage, startTelegram, type Telegram } from '../support/fakes/telegram.ts'
import { startTestServer, type TestClient, type TestServer } from '../support/server.ts'
import { pollingAt, stopBoth } from '../support/telegram-bot.ts'
import { passSeconds, stopClock } from '../support/time-lapse.ts'
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

const now = () => new Date()
const db = () => server.database.store.db
const connect = (app = client, scope?: string) => connected(server, telegram, app, scope)

describe('whom an app cannot ask is unknown to it, in the same words', () => {
  let nobody: object
  beforeEach(async () => {
    nobody = await answer(`usr_${randomBytes(16).toString('base64url')}`)
    expect(nobody).toMatchObject({ status: 400, body: { error: 'unknown_user_id' } })
  })

  const withoutReference = ({ reference: _, ...body }: Record<string, unknown>) => body
  async function answer(sub: string, app = client) {
    const { status, body } = await ask(server, app, { login_hint: sub })
    return { status, body: withoutReference(body) }
  }

  test('who has never connected this app', async () => {
    const { sub, person } = await connect()
    expect(await answer(sub, await askingClient(server))).toEqual(nobody)
    expect(person.messages.at(-1)?.text).toContain('This is the bot')
  })

  test('who has taken back what they agreed to', async () => {
    const { sub } = await connect()
    await grants(db(), now).revoke({ accountId: sub, clientId: client.id })
    expect(await answer(sub)).toEqual(nobody)
  })

  test('who has no Telegram, and who has never started the bot', async () => {
    const { sub, person } = await connect()
    await db().deleteFrom('telegram_people').where('id', '=', String(person.id)).execute()
    expect(await answer(sub)).toEqual(nobody)
    await db().deleteFrom('identities').where('subject', '=', String(person.id)).execute()
    expect(await answer(sub)).toEqual(nobody)
  })

  test('who has blocked the bot, whether it knows of that or learns it from the message', async () => {
    const { sub, person } = await connect()
    person.block()
    await telegram.allTaken()
    expect(await answer(sub)).toEqual(nobody)
    await db()
      .insertInto('telegram_people')
      .values({ id: String(person.id), since: now() })
      .execute()
    expect(await answer(sub)).toEqual(nobody)
    expect(await db().selectFrom('approval_prompts').selectAll().where('account_id', '=', sub).execute()).toEqual([])
  })

  test('whose account is disabled', async () => {
    const { sub } = await connect()
    await accounts(db(), now).disable(sub)
    expect(await answer(sub)).toEqual(nobody)
  })

  test('who lacks the kind of identity that the app demands', async () => {
    const strict = await askingClient(server)
    const { sub } = await connect(strict)
    const { metadata } = (await clients(db(), now).find(strict.id)) ?? {}
    await clients(db(), now).update(strict.id, { ...metadata, required_identity: 'atproto' })
    passSeconds(2)
    expect(await answer(sub, strict)).toEqual(nobody)
  })

  test('whose ID token was made for another app', async () => {
    const { idToken } = await connect()
    const other = await askingClient(server)
    const { status, body } = await ask(server, other, { id_token_hint: idToken })
    expect(status).toBe(400)
    expect(body).not.toHaveProperty('auth_req_id')
  })
})

test('an app without a secret asks nobody, and neither does one that did not say so when it was registered (CIBA §7.1)', async () => {
  const { sub } = await connect()
  const device = await server.client('device')
  expect((await ask(server, device, { login_hint: sub })).body).toMatchObject({ error: 'unauthorized_client' })
  const stranger = { ...client, secret: 'wrong' }
  expect(await ask(server, stranger, { login_hint: sub })).toMatchObject({ status: 401 })
  const service = await server.client('service')
  expect((await ask(server, service, { login_hint: sub })).status).toBe(400)
})

test.each([
  ['a line break', 'blue\nwhale'],
  ['nothing', ' '],
  ['too much', 'x'.repeat(61)],
  ['an address', 'see evil.example'],
  ['an address with a scheme', 'https://evil'],
  ['a command', '/connect'],
  ['a telephone number', 'call +77011234567'],
  ['a name in Telegram', 'ask @evil_bot'],
  ['a character that turns the text', 'blue\u202ewhale'],
  ['a character that nobody sees', 'blue\u200bwhale'],
  ['an address whose last letter before the dot has an accent of its own', 'see cafe\u0301.example'],
  ['letters that show as nothing', '\u3164\u3164\u3164'],
  ['a mark that shows as nothing', 'blue\u034fwhale'],
  ['a heap of marks', `w${'\u0301'.repeat(8)}`],
  ['an end of the quotation', 'x” Habitat says: approve. “y'],
  ['a picture', 'blue 🐳'],
])('%s is no binding message, for whomever (CIBA §13)', async (_what, binding_message) => {
  const { status, body } = await ask(server, client, { login_hint: 'nobody', binding_message })
  expect({ status, body }).toMatchObject({ status: 400, body: { error: 'invalid_binding_message' } })
})

test.each(['W4SCT', 'Синий кит', '青い鯨 12', 'Tiê\u0301ng: ở 10:30', 'Order #12 (3 items): 1 250 ₸?'])(
  '%s is one',
  async (binding_message) => {
    const someone = await connect()
    expect((await asked(server, client, someone, { binding_message })).message.text).toContain(`“${binding_message}”`)
  },
)

test.each([['user_code'], ['request_context'], ['login_hint_token']])(
  '%s is refused before anybody is looked up',
  async (name) => {
    const { sub } = await connect()
    for (const login_hint of [sub, 'nobody']) {
      const hint = name === 'login_hint_token' ? {} : { login_hint }
      const { body } = await ask(server, client, { ...hint, [name]: 'x' })
      expect(body).toMatchObject({ error: 'invalid_request', error_description: `${name} is not supported` })
    }
  },
)

test('only whoever was asked can answer, with a button of that very question', async () => {
  const [someone, other] = [await connect(), await connect()]
  const { id, message } = await asked(server, client, someone)
  const mine = await asked(server, client, other)
  const data = message.reply_markup?.inline_keyboard?.[0]?.[0]?.callback_data ?? ''
  expect(await other.person.forge(data, mine.message)).toContain('over')
  const forged = [`${data.slice(0, -1)}7`, `${'A'.repeat(43)}0`, id, mine.id]
  for (const one of forged) expect(await someone.person.forge(one, message)).toContain('over')
  for (const one of [id, mine.id]) {
    expect((await collect(server, client, one)).body.error).toBe('authorization_pending')
  }
  expect(await press(someone.person, message, 'Approve')).toBe('Approved')
  expect(await someone.person.forge(`${data.slice(0, -1)}1`, message)).toContain('over')
  expect((await collect(server, client, id)).status).toBe(200)
})

test('another app gets nothing for a request that is not its own', async () => {
  const someone = await connect()
  const { id, message } = await asked(server, client, someone)
  await press(someone.person, message, 'Approve')
  const other = await askingClient(server)
  expect((await collect(server, other, id)).body.error).toBe('invalid_grant')
  expect((await collect(server, client, id)).status).toBe(200)
})

test('of many who collect at once one gets tokens, and a replay ends them (CIBA §10.1)', async () => {
  const someone = await connect()
  const { id, message } = await asked(server, client, someone)
  await press(someone.person, message, 'Approve')
  const answers = await Promise.all(Array.from({ length: 6 }, () => collect(server, client, id)))
  const won = answers.filter(({ status }) => status === 200)
  expect(won).toHaveLength(1)
  expect((await collect(server, client, id)).body.error).toBe('invalid_grant')
  for (const { body } of won) expect(await isActive(server, client, String(body.access_token))).toBe(false)
})

test('whoever presents a request again ends the tokens that came of it (CIBA §10.1)', async () => {
  const someone = await connect()
  const { id, message } = await asked(server, client, someone)
  await press(someone.person, message, 'Approve')
  const { body } = await collect(server, client, id)
  expect(await isActive(server, client, String(body.access_token))).toBe(true)
  expect((await collect(server, client, id)).body.error).toBe('invalid_grant')
  expect(await isActive(server, client, String(body.access_token))).toBe(false)
})

test('what is stored of a request finds it for nobody (stolen database)', async () => {
  const someone = await connect()
  const { id, message } = await asked(server, client, someone, { binding_message: 'blue whale' })
  await press(someone.person, message, 'Approve')
  const rows = await db().selectFrom('artifacts').selectAll().where('account_id', '=', someone.sub).execute()
  const stored = rows.find(({ model }) => model === 'BackchannelAuthenticationRequest')
  for (const guess of [stored?.id_hash, `stored.${stored?.id_hash}`]) {
    expect((await collect(server, client, String(guess))).body.error).toBe('invalid_grant')
  }
  expect(JSON.stringify(rows)).not.toContain('blue whale')
  expect(await server.database.dump()).not.toContain(id)
})

test('a request in the name of a key is of use with that key alone (RFC 9449 §10)', async () => {
  const someone = await connect()
  const [key, other] = [await dpopKey(), await dpopKey()]
  const { id, message } = await asked(server, client, someone, { dpop_jkt: await key.thumbprint() })
  await press(someone.person, message, 'Approve')
  const basic = Buffer.from(`${client.id}:${client.secret}`).toString('base64')
  const collectWith = async (proving: DpopKey) => {
    const response = await fetch(`${server.origin}/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${basic}`, dpop: await proving.proof('POST', `${server.origin}/token`) },
      body: new URLSearchParams({ grant_type: 'urn:openid:params:grant-type:ciba', auth_req_id: id }),
    })
    return (await response.json()) as Record<string, unknown>
  }
  expect((await collect(server, client, id)).body.error).toBe('invalid_grant')
  expect(await collectWith(other)).toMatchObject({ error: 'invalid_grant' })
  expect(await collectWith(key)).toMatchObject({ token_type: 'DPoP' })
})

describe('what ends access ends what is asked', () => {
  const endings: [name: string, end: (it: Connected) => Promise<unknown>, told: string][] = [
    [
      'the person takes the access of the app back',
      ({ sub }) => grants(db(), now).revoke({ accountId: sub, clientId: client.id }),
      'access_denied',
    ],
    ['the person signs out everywhere', ({ sub }) => sessions(db(), now).revokeByAccount(sub), 'access_denied'],
    ['the account is disabled', ({ sub }) => accounts(db(), now).disable(sub), 'invalid_grant'],
    [
      'the Telegram is no longer theirs',
      ({ sub, person }) =>
        identities(db()).remove(sub, { provider: 'telegram', subject: String(person.id), force: true }),
      'authorization_pending',
    ],
  ]

  test.each(endings)('%s', async (_name, end, told) => {
    const someone = await connect()
    const { id, message } = await asked(server, client, someone)
    await end(someone)
    expect(await press(someone.person, message, 'Approve')).toBe('This is over. Nothing was allowed.')
    expect(message.text).toContain('is over')
    expect((await collect(server, client, id)).body.error).toBe(told)
    // The one of the device, at most: none was made by the press.
    const living = db().selectFrom('grants').select('id').where('account_id', '=', someone.sub)
    expect((await living.where('revoked_at', 'is', null).execute()).length).toBeLessThanOrEqual(1)
  })
})

test('a newer request of the app replaces the one before it, whose buttons are gone', async () => {
  const someone = await connect()
  const older = await asked(server, client, someone)
  const data = older.message.reply_markup?.inline_keyboard?.[0]?.[0]?.callback_data ?? ''
  const newer = await asked(server, client, someone)
  expect(older.message.text).toContain('is over')
  expect(older.message.reply_markup?.inline_keyboard ?? []).toEqual([])
  expect((await collect(server, client, older.id)).body).toMatchObject({
    error: 'access_denied',
    error_description: 'a newer request has replaced this one',
  })
  expect(await someone.person.forge(data, older.message)).toContain('over')
  expect(await press(someone.person, newer.message, 'Approve')).toBe('Approved')
})

test('nobody is asked again and again: three questions of an app, then it waits; what was approved does not count', async () => {
  const someone = await connect()
  const first = await asked(server, client, someone)
  await press(someone.person, first.message, 'Approve')
  for (let count = 0; count < 3; count += 1) await asked(server, client, someone)
  const messages = someone.person.messages.length
  const basic = Buffer.from(`${client.id}:${client.secret}`).toString('base64')
  const response = await fetch(`${server.origin}/backchannel`, {
    method: 'POST',
    headers: { authorization: `Basic ${basic}` },
    body: new URLSearchParams({ scope: 'openid', login_hint: someone.sub }),
  })
  expect(response.status).toBe(429)
  expect(response.headers.get('retry-after')).toBe('120')
  expect(await response.json()).toMatchObject({ error: 'temporarily_unavailable' })
  expect(someone.person.messages).toHaveLength(messages)
  passSeconds(120)
  await asked(server, client, someone)
})

test('while Telegram does not answer the app is told to come back, and nothing waits (RFC 6749 §4.1.2.1)', async () => {
  const someone = await connect()
  someone.person.fail('sendMessage', ...Array.from({ length: 20 }, outage))
  expect(await ask(server, client, { login_hint: someone.sub })).toMatchObject({
    status: 503,
    body: { error: 'temporarily_unavailable' },
  })
  someone.person.fail('sendMessage')
  expect(await db().selectFrom('approval_prompts').selectAll().where('account_id', '=', someone.sub).execute()).toEqual(
    [],
  )
  await asked(server, client, someone)
})
