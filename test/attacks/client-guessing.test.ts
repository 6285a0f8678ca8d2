/** Guessing secrets of clients: how it is slowed down, and who must not suffer from it (ASVS 5 §6.3.1). */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { audit } from '../../adapters/postgres/audit.ts'
import { clock } from '../support/clock.ts'
import { iftttClient } from '../support/ifttt-client.ts'
import { startTestServer, type TestClient, type TestServer } from '../support/server.ts'

const time = clock(new Date())
let server: TestServer
let client: TestClient
beforeAll(async () => {
  server = await startTestServer({ settings: { TRUST_PROXY: '127.0.0.1,::1' }, now: time.now })
  client = await iftttClient(server)
})
afterAll(() => server.stop())

let networks = 0
/** An address that no other test uses. */
function newAddress(): string {
  networks += 1
  return `203.0.${113 + (networks >> 8)}.${networks & 255}`
}

interface Try {
  from: string
  id?: string
  secret?: string
  path?: string
  headers?: Record<string, string>
}

interface Answer {
  status: number
  /** Seconds. */
  wait: number
  headers: Headers
  body: Record<string, unknown>
}

async function attempt({
  from,
  id = client.id,
  secret = 'wrong',
  path = '/token',
  headers = {},
}: Try): Promise<Answer> {
  const fields = { client_id: id, client_secret: secret, grant_type: 'refresh_token', refresh_token: 'x', token: 'x' }
  const response = await fetch(`${server.origin}${path}`, {
    method: 'POST',
    headers: { 'x-forwarded-for': from, ...headers },
    body: new URLSearchParams(fields),
  })
  return {
    status: response.status,
    wait: Number(response.headers.get('retry-after') ?? 0),
    headers: response.headers,
    body: (await response.json()) as Answer['body'],
  }
}

async function fail(times: number, guess: Try): Promise<number[]> {
  const statuses: number[] = []
  for (let round = 0; round < times; round += 1) statuses.push((await attempt(guess)).status)
  return statuses
}

const slowed = async () =>
  (await audit(server.database.store.db, time.now).list({ limit: 1000 })).filter(
    ({ event }) => event === 'client.guessing-slowed',
  )

test('after 21 failures each further one has to wait, twice as long each time, up to a quarter of an hour', async () => {
  const from = newAddress()
  expect(await fail(21, { from })).toEqual(Array(21).fill(401))
  const waits: number[] = []
  for (let round = 0; round < 7; round += 1) {
    const held = await attempt({ from })
    expect(held.status).toBe(429)
    waits.push(held.wait)
    time.advance(held.wait)
    expect((await attempt({ from })).status).toBe(401)
  }
  expect(waits).toEqual([60, 120, 240, 480, 900, 900, 900])
})

test('what is held off says so as RFC 6585 §4 and RFC 6749 §5.2 want it, also to a browser', async () => {
  const from = newAddress()
  await fail(21, { from })
  for (const headers of [{}, { accept: 'text/html' }]) {
    const { status, body, headers: answered } = await attempt({ from, headers })
    expect(status).toBe(429)
    expect(body).toMatchObject({ error: 'invalid_client', reference: expect.stringMatching(/^[0-9A-F]{10}$/) })
    expect(answered.get('content-type')).toBe('application/json; charset=utf-8')
    expect(answered.get('cache-control')).toBe('no-store')
    expect(answered.get('www-authenticate')).toBeNull()
  }
})

test('the right secret is never held off, wherever it comes from', async () => {
  const from = newAddress()
  await fail(25, { from })
  expect((await attempt({ from })).status).toBe(429)
  for (const path of ['/token', '/third-party/ifttt/v1/tokens']) {
    expect((await attempt({ from, secret: client.secret, path })).body['error']).toBe('invalid_grant')
  }
  expect((await attempt({ from, secret: client.secret, path: '/introspect' })).body).toEqual({ active: false })
})

test('tries at one address count together; other addresses and other clients are not touched', async () => {
  const from = newAddress()
  const paths = ['/token', '/introspect', '/revoke', '/par', '/third-party/ifttt/v1/tokens']
  for (let round = 0; round < 21; round += 1) await attempt({ from, path: paths[round % paths.length] ?? '' })
  for (const path of paths) expect([path, (await attempt({ from, path })).status]).toEqual([path, 429])
  expect((await attempt({ from: newAddress() })).status).toBe(401)
  const other = await server.client('service')
  expect((await attempt({ from, id: other.id })).status).toBe(401)
})

test('a header counts as the body does, and a network of IPv6 as one address', async () => {
  const headers = { authorization: `Basic ${Buffer.from(`${client.id}:wrong`).toString('base64')}` }
  const guess = async (host: number) => {
    const response = await fetch(`${server.origin}/token`, {
      method: 'POST',
      headers: { ...headers, 'x-forwarded-for': `2001:db8:1:2::${host}` },
      body: new URLSearchParams({ grant_type: 'client_credentials' }),
    })
    return response.status
  }
  for (let host = 1; host <= 21; host += 1) expect(await guess(host)).toBe(401)
  expect(await guess(22)).toBe(429)
  expect((await attempt({ from: '2001:db8:1:2::ffff' })).status).toBe(429)
  expect((await attempt({ from: '2001:db8:1:3::1' })).status).toBe(401)
})

test('naming another client each time helps up to a hundred; nobody learns which clients there are', async () => {
  const from = newAddress()
  for (let round = 0; round < 101; round += 1) expect((await attempt({ from, id: `nobody-${round}` })).status).toBe(401)
  expect((await attempt({ from, id: 'nobody' })).status).toBe(429)
  const [known, unknown] = [newAddress(), newAddress()]
  const statuses = [await fail(23, { from: known }), await fail(23, { from: unknown, id: 'nobody' })]
  expect(statuses[0]).toEqual(statuses[1])
  expect(statuses[0]?.slice(-2)).toEqual([429, 429])
})

test('guessing in parallel gains nothing', async () => {
  const from = newAddress()
  const answers = await Promise.all(Array.from({ length: 60 }, () => attempt({ from })))
  expect(answers.filter(({ status }) => status === 401)).toHaveLength(21)
})

test('a block stands once in the audit, with client and address and without the secret', async () => {
  const from = newAddress()
  await fail(30, { from, secret: 'a-guess-of-somebody' })
  const mine = (await slowed()).filter(({ address }) => address === from)
  expect(mine).toMatchObject([{ clientId: client.id, detail: { seconds: 60 } }])
  expect(server.logged.join('\n')).not.toContain('a-guess-of-somebody')
  time.advance(60)
  await fail(3, { from })
  expect((await slowed()).filter(({ address }) => address === from)).toHaveLength(2)
})

test('a request that succeeds asks the limits nothing', async () => {
  const service = await server.client('service')
  const rows = () => server.database.store.db.selectFrom('limits').select('key').execute()
  const before = await rows()
  const response = await fetch(`${server.origin}/token`, {
    method: 'POST',
    headers: { 'x-forwarded-for': newAddress() },
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: service.id,
      client_secret: service.secret,
    }),
  })
  expect(response.status).toBe(200)
  expect((await rows()).length).toBe(before.length)
})
