/** The example service behind the server, as its README starts it: IFTTT's tests, and a person's day with it. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type IftttDemo, startIftttDemo } from '../../examples/ifttt-service/demo.ts'
import { iftttService } from '../../examples/ifttt-service/service.ts'
import { type Connection, ifttt, type Platform } from '../support/fakes/ifttt.ts'
import { type DeclaredService, endpointTests } from '../support/fakes/ifttt-endpoint-tests.ts'
import { type Realtime, startRealtime } from '../support/fakes/ifttt-realtime.ts'
import { signInAndAllow } from '../support/ifttt-settings.ts'
import { type Visitor, visitor } from '../support/visitor.ts'

let demo: IftttDemo
let realtime: Realtime
let platform: Platform
beforeAll(async () => {
  realtime = await startRealtime()
  demo = await startIftttDemo({ server: 0, app: 0 }, realtime.url)
  realtime.accept(demo.serviceKey)
  platform = ifttt({
    serviceId: demo.serviceId,
    clientId: demo.clientId,
    clientSecret: demo.clientSecret,
    authorizationUrl: `${demo.issuer}/authorize`,
    tokenUrl: `${demo.issuer}/token`,
    urlPrefix: demo.service,
    serviceKey: demo.serviceKey,
  })
})
afterAll(async () => {
  await demo.stop()
  await realtime[Symbol.asyncDispose]()
})

/** What its owner would declare on IFTTT. */
const list = { list: { options: true } }
const service: DeclaredService = {
  triggers: [{ slug: 'item_added', fields: list, ingredients: ['text', 'added_at'] }],
  actions: [{ slug: 'add_item', fields: { ...list, text: { options: false } }, ingredients: [], maySkip: true }],
  queries: [{ slug: 'items', fields: list, ingredients: ['text', 'added_at'] }],
}

describe('the endpoint tests of the platform', () => {
  test.for(endpointTests(service).map(({ name, run }) => [name, run] as const))('%s', ([, run]) => run(platform))
})

async function connect(browser: Visitor): Promise<Connection> {
  return platform.connect((url) => signInAndAllow(browser, url, demo))
}

test('what a person adds is polled for at once, and not any more once the trigger is gone', async () => {
  const connection = await connect(visitor(demo.issuer))
  const [groceries, hardware] = [{ list: 'groceries' }, { list: 'hardware' }]
  const before = await platform.poll(connection, 'item_added', groceries)
  await platform.poll(connection, 'item_added', hardware)
  const id = await platform.act(connection, 'add_item', { ...groceries, text: 'Apples' })

  const identity = platform.identityOf(connection, 'item_added', groceries)
  await realtime.told(identity)
  const after = await platform.poll(connection, 'item_added', groceries, { realtime: true })
  expect(after).toEqual([expect.objectContaining({ text: 'Apples', meta: expect.objectContaining({ id }) }), ...before])
  expect(await platform.query(connection, 'items', groceries)).toMatchObject([{ text: 'Apples' }, ...before.slice(1)])

  await platform.forget(connection, 'item_added', groceries)
  await platform.act(connection, 'add_item', { ...groceries, text: 'Pears' })
  await platform.act(connection, 'add_item', { ...hardware, text: 'Nails' })
  // By then that of the pears would have come, too.
  await realtime.told(platform.identityOf(connection, 'item_added', hardware))
  expect(realtime.untaken(identity)).toBe(0)
  expect(realtime.complaints).toEqual([])
})

test('the account for tests sees nothing of a person, nor can it end their triggers', async () => {
  const connection = await connect(visitor(demo.issuer))
  const hardware = { list: 'hardware' }
  const identity = platform.identityOf(connection, 'item_added', hardware)
  await platform.poll(connection, 'item_added', hardware)
  await platform.act(connection, 'add_item', { ...hardware, text: 'A secret' })
  await realtime.told(identity)
  const setUp = await platform.call('POST', '/test/setup', { key: demo.serviceKey })
  const { accessToken: token } = (JSON.parse(setUp.text) as { data: { accessToken: string } }).data
  const seen = await platform.call('POST', '/queries/items', { token }, { queryFields: hardware })
  expect(seen).toMatchObject({ status: 200, text: '{"data":[]}' })
  await platform.call('DELETE', `/triggers/item_added/trigger_identity/${identity}`, { token })
  await platform.act(connection, 'add_item', { ...hardware, text: 'Another' })
  await realtime.told(identity)
})

test('a poll with a token that ended is renewed; once the person took the access back, nothing opens', async () => {
  const browser = visitor(demo.issuer)
  const connection = await connect(browser)
  connection.access = 'one-that-is-no-more'
  expect(await platform.poll(connection, 'item_added', { list: 'groceries' })).toBeInstanceOf(Array)
  await browser.submit(await browser.get('/account'), '/apps/revoke')
  expect(await platform.poll(connection, 'item_added', { list: 'groceries' })).toBe('disconnected')
  expect(await platform.user(connection)).toBe('disconnected')
})

test.for<[name: string, body: string]>([
  ['no JSON', 'not JSON'],
  ['no object', '[]'],
  ['nothing', ''],
  ['too long', `{"triggerFields":{"list":"groceries"},"more":"${'x'.repeat(100_001)}"}`],
  ['a list that is not there', '{"triggerFields":{"list":"closed"}}'],
])('a body that is %s is refused with 400 and a message', async ([, body]) => {
  const { access } = await connect(visitor(demo.issuer))
  const answer = await fetch(`${demo.service}/ifttt/v1/triggers/item_added`, {
    method: 'POST',
    headers: { authorization: `Bearer ${access}`, 'content-type': 'application/json' },
    body,
  })
  expect([answer.status, await answer.json()]).toEqual([400, { errors: [{ message: expect.any(String) }] }])
})

test('a server that does not answer costs nobody their connection: 503, not 401', async () => {
  const lonely = createServer(
    iftttService({
      issuer: 'http://127.0.0.1:1',
      clientId: 'service',
      clientSecret: 'secret',
      notify: async () => undefined,
      onError: () => undefined,
    }),
  )
  lonely.listen(0, '127.0.0.1')
  await once(lonely, 'listening')
  const root = `http://127.0.0.1:${(lonely.address() as AddressInfo).port}/ifttt/v1`
  for (const [path, method] of [
    ['user/info', 'GET'],
    ['triggers/item_added', 'POST'],
  ]) {
    const answer = await fetch(`${root}/${path}`, { method: method ?? '', headers: { authorization: 'Bearer some' } })
    expect([path, answer.status, await answer.json()]).toEqual([
      path,
      503,
      { errors: [{ message: expect.any(String) }] },
    ])
  }
  lonely.closeAllConnections()
  lonely.close()
})
