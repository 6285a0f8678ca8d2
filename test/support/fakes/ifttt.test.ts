/** The simulator of IFTTT's platform is as strict as it says: a right service passes, and each planted fault is named. */
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Connection, ifttt, type Platform } from './ifttt.ts'
import { type DeclaredService, endpointTests } from './ifttt-endpoint-tests.ts'
import { startRealtime } from './ifttt-realtime.ts'

interface Reply {
  status: number
  type: string | undefined
  /** JSON, or text as it is. */
  body: unknown
}

type Fault = (path: string, reply: Reply, sent: Record<string, unknown>) => Reply

const json = 'application/json; charset=utf-8'
const ok = (body: unknown): Reply => ({ status: 200, type: json, body })
const no = (status: number, message = 'no', more = {}): Reply => ({
  status,
  type: json,
  body: { errors: [{ message, ...more }] },
})
const key = 'the-key-of-the-service'
const user = { id: 'usr_1', name: 'Alice' }
const events = [3, 2, 1].map((n) => ({ text: `${n}`, meta: { id: `event-${n}`, timestamp: 1_700_000_000 + n } }))
const tokens = { token_type: 'Bearer', access_token: 'new-access', refresh_token: 'refresh' }

let fault: Fault = (_path, reply) => reply
let platform: Platform
const server = createServer((request, response) => {
  void answer(request).then(({ status, type, body }) => {
    if (type !== undefined) response.setHeader('content-type', type)
    response.writeHead(status).end(typeof body === 'string' || body === undefined ? body : JSON.stringify(body))
  })
})
beforeAll(async () => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  platform = ifttt({
    serviceId: 'example',
    clientId: 'client',
    clientSecret: 'secret',
    authorizationUrl: `${origin}/authorize`,
    tokenUrl: `${origin}/token`,
    urlPrefix: origin,
    serviceKey: key,
  })
})
afterAll(() => {
  server.closeAllConnections()
  server.close()
})

async function answer(request: IncomingMessage): Promise<Reply> {
  let text = ''
  for await (const chunk of request) text += String(chunk)
  const path = request.url ?? ''
  const form = path === '/token'
  const sent = form ? Object.fromEntries(new URLSearchParams(text)) : (JSON.parse(text === '' ? '{}' : text) as object)
  return fault(path, right(request, path, sent as Record<string, unknown>), sent as Record<string, unknown>)
}

/** A service that does all that is asked. */
function right({ headers }: IncomingMessage, path: string, sent: Record<string, unknown>): Reply {
  if (path === '/token') {
    const good = sent['code'] === 'code' || sent['refresh_token'] === 'refresh'
    return good ? ok(tokens) : { status: 400, type: json, body: { error: 'invalid_grant', error_description: 'no' } }
  }
  if (path.endsWith('/status') || path.endsWith('/setup')) {
    if (headers['ifttt-service-key'] !== key) return no(401)
    if (path.endsWith('/status')) return { status: 200, type: undefined, body: undefined }
    const samples = { triggers: { happened: { which: 'one' } }, actions: { act: { which: 'one' } } }
    const more = { actionRecordSkipping: { act: { which: 'gone' } }, queries: { ask: { which: 'one' } } }
    return ok({ data: { accessToken: 'access', samples: { ...samples, ...more } } })
  }
  if (!['Bearer access', 'Bearer new-access'].includes(headers.authorization ?? '')) return no(401)
  if (path.endsWith('/user/info')) return ok({ data: user })
  if (path.includes('no_such_thing')) return no(404)
  if (path.endsWith('/options')) return ok({ data: [{ label: 'One', value: 'one' }] })
  if (path.includes('trigger_identity')) return ok({ data: {} })
  const fields = (sent['triggerFields'] ?? sent['actionFields'] ?? sent['queryFields']) as
    | { which?: string }
    | undefined
  if (fields?.which === undefined) return no(400)
  if (fields.which === 'gone') return no(400, 'no', { status: 'SKIP' })
  if (path.includes('/actions/')) return ok({ data: [{ id: 'made' }] })
  return ok({ data: events.slice(0, Number(sent['limit'] ?? 50)) })
}

const fields = { which: { options: true } }
const service: DeclaredService = {
  triggers: [{ slug: 'happened', fields, ingredients: ['text'] }],
  actions: [{ slug: 'act', fields, ingredients: [], maySkip: true }],
  queries: [{ slug: 'ask', fields, ingredients: ['text'] }],
}

/** What all endpoint tests say of the service with this fault. */
async function complaints(of: Fault): Promise<string[]> {
  fault = of
  const said: string[] = []
  for (const { name, run } of endpointTests(service))
    await run(platform).catch((error: Error) => void said.push(`${name}: ${error.message}`))
  return said
}

/** A fault at the addresses that contain `part`, in answers with this status. */
function at(part: string, status: number, change: (reply: Reply, sent: Record<string, unknown>) => Reply): Fault {
  return (path, reply, sent) => (path.includes(part) && reply.status === status ? change(reply, sent) : reply)
}

test('a right service passes all endpoint tests', async () => {
  expect(await complaints((_path, reply) => reply)).toEqual([])
})

describe('the endpoint tests find', () => {
  const withData = (change: (data: never) => unknown) => (reply: Reply) => ({
    ...reply,
    body: { data: change((reply.body as { data: never }).data) },
  })
  test.for<[fault: string, sentence: string, fault: Fault]>([
    ['a body of status', 'the body is empty', at('/status', 200, () => ok({ data: {} }))],
    ['a key that is not looked at', 'the status is 401', at('/status', 401, () => ok(undefined))],
    ['the same at test/setup', 'the status is 401', at('/setup', 401, () => ok({ data: {} }))],
    [
      'a refusal without errors',
      'a refusal has a list of "errors"',
      at('', 401, () => ({ ...no(401), body: { error: 'x' } })),
    ],
    ['an error without words', 'each of "errors" has a "message"', at('', 401, () => no(401, ''))],
    ['a 403 in place of a 401', 'the status is 401', at('/user/info', 401, () => no(403))],
    [
      'another content type',
      'the content type is',
      at('/user/info', 200, (it) => ({ ...it, type: 'application/json' })),
    ],
    ['no content type', 'the content type is', at('/user/info', 401, (it) => ({ ...it, type: undefined }))],
    ['no envelope', 'a success has its content in "data"', at('/user/info', 200, () => ok(user))],
    ['a body that is no JSON', 'the body is JSON', at('/user/info', 200, () => ok('<html>'))],
    [
      'a person without a name',
      'a person has a "name"',
      at(
        '/user/info',
        200,
        withData(() => ({ id: 'usr_1' })),
      ),
    ],
    [
      'an address for an id',
      'neither a token nor an e-mail',
      at(
        '/user/info',
        200,
        withData(() => ({ ...user, id: 'a@b' })),
      ),
    ],
    [
      'a token for an id',
      'neither a token nor an e-mail',
      at(
        '/user/info',
        200,
        withData(() => ({ ...user, id: 'access' })),
      ),
    ],
    [
      'an id that is too long',
      'at most 200',
      at(
        '/user/info',
        200,
        withData(() => ({ ...user, id: 'x'.repeat(201) })),
      ),
    ],
    [
      'an id that changes',
      'changes',
      at(
        '/user/info',
        200,
        withData(() => ({ ...user, id: String(Math.random()) })),
      ),
    ],
    [
      'no sample',
      'no sample for queries ask',
      at(
        '/setup',
        200,
        withData((it) => ({ ...Object(it), samples: { triggers: { happened: { which: 'one' } } } })),
      ),
    ],
    [
      'keys that are not known refused',
      'the status is 200',
      at('', 200, (it, sent) => (JSON.stringify(sent).includes('extra_') ? no(400) : it)),
    ],
    ['a missing field taken', 'the status is 400', at('/queries/', 400, () => ok({ data: [] }))],
    ['a slug that is not there taken', 'the status is 404', at('no_such_thing', 404, () => ok({ data: [] }))],
    [
      'two events',
      'there are 3 events',
      at(
        '/triggers/happened',
        200,
        withData((it: unknown[]) => (it.length === undefined ? it : it.slice(0, 2))),
      ),
    ],
    [
      'the oldest first',
      'newer events come first',
      at(
        '/triggers/happened',
        200,
        withData((it: unknown[]) => (it.length === undefined ? it : [...it].reverse())),
      ),
    ],
    [
      'milliseconds',
      'whole seconds',
      at(
        '/triggers/happened',
        200,
        withData((it: unknown[]) =>
          it.length === 3 ? [{ text: '', meta: { id: 'a', timestamp: 1_700_000_000_000 } }] : it,
        ),
      ),
    ],
    [
      'an id twice',
      'of its own',
      at(
        '/triggers/happened',
        200,
        withData((it: unknown[]) => (it.length === 3 ? [it[0], it[0], it[0]] : it)),
      ),
    ],
    [
      'a limit that is not kept',
      'at most 1 events',
      at(
        '/triggers/happened',
        200,
        withData((it: unknown[]) => (it.length < 3 ? events : it)),
      ),
    ],
    [
      'a missing ingredient',
      'the ingredient "text"',
      at(
        '/triggers/happened',
        200,
        withData((it: { meta?: unknown }[]) => (it.length === 3 ? it.map(({ meta }) => ({ meta })) : it)),
      ),
    ],
    [
      'an action without an id',
      'has an "id"',
      at(
        '/actions/act',
        200,
        withData((it: { id?: string }[]) => (it[0]?.id === undefined ? it : [{}])),
      ),
    ],
    ['an action that is tried for ever', 'the status SKIP', at('/actions/act', 400, () => no(400))],
    ['options without labels', 'a "label" and a "value"', at('/options', 200, () => ok({ data: [{ value: 'one' }] }))],
    ['an identity that is not forgotten', 'the status is 200', at('trigger_identity', 200, () => no(404))],
  ])('%s', async ([, sentence, planted]) => {
    expect(await complaints(planted)).toContainEqual(expect.stringContaining(sentence))
  })
})

describe('the way of a person is held to', () => {
  const home = 'https://ifttt.com/channels/example/authorize'
  const finish = (query: Record<string, string>, address = home) => {
    const { state, finish: end } = platform.begin()
    return end(new URL(`${address}?${new URLSearchParams({ state, ...query })}`))
  }

  test('a right answer, a denial, a code that is none', async () => {
    fault = (_path, reply) => reply
    expect(await finish({ code: 'code' })).toMatchObject({ access: 'new-access', user })
    expect(await finish({ error: 'access_denied' })).toBe('denied')
    expect(await finish({ code: 'another' })).toBe('code-refused')
  })

  test.for<[name: string, sentence: string, query: Record<string, string>, address?: string]>([
    ['another service', 'ends at', { code: 'code' }, 'https://ifttt.com/channels/other/authorize'],
    ['another state', 'the same state', { code: 'code', state: 'other' }],
    ['another error', 'access_denied alone', { error: 'server_error' }],
    ['a misspelt error', 'access_denied alone', { error: 'acess_denied' }],
    ['nothing', 'comes back with a code', {}],
  ])('the callback: %s', async ([, sentence, query, address]) => {
    await expect(finish(query, address)).rejects.toThrow(sentence)
  })

  const swapped = (body: unknown) => () => ok(body)
  const refusing = (body: unknown) => ({ status: 400, type: json, body })
  test.for<[name: string, code: string, sentence: string, fault: Fault]>([
    [
      'the draft’s token alone',
      'code',
      'the token_type is',
      at('/token', 200, swapped({ ...tokens, token_type: '', token: 'Bearer' })),
    ],
    [
      'no access token',
      'code',
      'there is an access_token',
      at('/token', 200, swapped({ ...tokens, access_token: '' })),
    ],
    [
      'no refresh token',
      'code',
      'there is a refresh_token',
      at('/token', 200, swapped({ ...tokens, refresh_token: null })),
    ],
    ['no charset', 'code', 'the content type is', at('/token', 200, (it) => ({ ...it, type: 'application/json' }))],
    ['a bad code answered 401', 'bad', 'the status is 200', at('/token', 400, (it) => ({ ...it, status: 401 }))],
    [
      'another error',
      'bad',
      'the error is invalid_grant',
      at('/token', 400, () => refusing({ error: 'invalid_request' })),
    ],
    ['the envelope of the API', 'bad', 'the error is invalid_grant', at('/token', 400, () => no(400))],
    ['no words', 'bad', 'an "error_description"', at('/token', 400, () => refusing({ error: 'invalid_grant' }))],
    [
      'the code in the error',
      'bad',
      'no secret comes back',
      at('/token', 400, () => refusing({ error: 'invalid_grant', error_description: 'bad' })),
    ],
    ['nobody behind them', 'code', 'has a "name"', at('/user/info', 200, swapped({ data: {} }))],
  ])('the tokens: %s', async ([, code, sentence, planted]) => {
    fault = planted
    await expect(finish({ code })).rejects.toThrow(sentence)
  })

  test('renewal: a 401 that stays one is the fault of the service', async () => {
    fault = at('/user/info', 200, () => no(401))
    const connection: Connection = {
      access: 'old',
      refresh: 'refresh',
      tokenAnswer: tokens,
      user: { ...user, url: undefined },
    }
    await expect(platform.user(connection)).rejects.toThrow('just issued is taken')
    fault = (_path, reply) => reply
    expect(await platform.user({ ...connection, access: 'old' })).toMatchObject(user)
    expect(await platform.user({ ...connection, access: 'old', refresh: 'ended' })).toBe('disconnected')
  })
})

test('the Realtime API takes what it says, and names what is wrong', async () => {
  await using realtime = await startRealtime()
  const good = { 'ifttt-service-key': key, 'content-type': 'application/json' }
  const notify = async (body: unknown, headers: Record<string, string> = good, url = realtime.url) =>
    (await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) })).status
  const entry = { trigger_identity: 'one' }
  expect(await notify({ data: [entry] })).toBe(401)
  realtime.accept(key)
  expect(await notify({ data: [entry, { user_id: 'usr_1' }] })).toBe(200)
  await realtime.told('one')
  expect(realtime.untaken('one')).toBe(0)
  expect(await notify({ data: [entry] }, { ...good, 'ifttt-service-key': 'another' })).toBe(401)
  expect(await notify({ data: [entry] }, { ...good, 'x-request-id': 'one' })).toBe(400)
  expect(await notify({ data: [entry] }, { ...good, 'content-type': 'text/plain' })).toBe(400)
  for (const body of [
    { data: [] },
    { data: Array(1001).fill(entry) },
    { data: [{}] },
    [entry],
    { data: [{ ...entry, user_id: 'usr_1' }] },
  ])
    expect([body, await notify(body)]).toEqual([body, 400])
  expect(await notify({ data: [entry] }, good, `${realtime.url}/`)).toBe(404)
  expect(realtime.complaints).toHaveLength(10)
  expect(realtime.untaken('one')).toBe(0)
})
