/** The device authorization grant as `openid-client` speaks it: a poller that was written against RFC 8628, not against us. */
import * as oauth from 'openid-client'
import { encode } from 'uqr'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { connectDevice } from '../../examples/device/device.ts'
import { approve, enter } from '../support/device.ts'
import { startTestServer, type TestClient, type TestServer } from '../support/server.ts'
import { passSeconds, stopClock, withoutWaiting } from '../support/time-lapse.ts'
import { toy } from '../support/toy-provider.ts'

let server: TestServer
let client: TestClient
beforeAll(async () => {
  stopClock()
  server = await startTestServer({ providers: [toy()] })
  client = await server.client('device')
})
afterAll(async () => {
  vi.useRealTimers()
  await server.stop()
})

interface Poll {
  /** Seconds since the first one. */
  at: number
  error: unknown
}

/** A client that notes its polls; `before` is told the number of each. */
async function device(before: (number: number) => Promise<unknown> = async () => undefined) {
  const options = { execute: [oauth.allowInsecureRequests] }
  const config = await oauth.discovery(new URL(server.origin), client.id, {}, oauth.None(), options)
  const codes = await oauth.initiateDeviceAuthorization(config, { scope: 'openid profile' })
  const polls: Poll[] = []
  let first: number | undefined
  config[oauth.customFetch] = async (address, request) => {
    if (!address.endsWith('/token')) return fetch(address, request as RequestInit)
    await before(polls.length + 1)
    first ??= Date.now()
    const at = (Date.now() - first) / 1000
    const response = await fetch(address, request as RequestInit)
    polls.push({ at, error: ((await response.clone().json()) as { error?: unknown }).error })
    return response
  }
  const wait = (answer = codes, handle?: oauth.DPoPHandle) =>
    withoutWaiting(() =>
      oauth.pollDeviceAuthorizationGrant(config, answer, undefined, handle === undefined ? {} : { DPoP: handle }),
    )
  return { config, codes, polls, wait }
}

test('a client that keeps to the interval waits without being slowed down, and gets its tokens (RFC 8628 §3.4)', async () => {
  const person = server.visitor()
  const { codes, polls, wait, config } = await device(async (number) => number === 4 && approve(person, codes))
  const tokens = await wait()
  expect(polls.map(({ error }) => error)).toEqual([...Array(3).fill('authorization_pending'), undefined])
  expect(polls.map(({ at }) => at)).toEqual([0, 5, 10, 15])
  const subject = tokens.claims()?.sub ?? ''
  expect(await oauth.fetchUserInfo(config, tokens.access_token, subject)).toMatchObject({ name: 'alice' })
  expect((await oauth.refreshTokenGrant(config, tokens.refresh_token ?? '')).access_token).toBeTruthy()
})

test('a client that began too fast slows down by five seconds each time and then keeps up (RFC 8628 §3.5)', async () => {
  const person = server.visitor()
  const { codes, polls, wait } = await device(async (number) => number === 7 && approve(person, codes))
  expect((await wait({ ...codes, interval: 1 })).token_type).toBe('bearer')
  expect(polls).toEqual([
    { at: 0, error: 'authorization_pending' },
    { at: 1, error: 'slow_down' },
    { at: 7, error: 'slow_down' },
    { at: 18, error: 'authorization_pending' },
    { at: 29, error: 'slow_down' },
    { at: 45, error: 'authorization_pending' },
    { at: 61, error: undefined },
  ])
})

test('a client is told that the person said no', async () => {
  const person = server.visitor()
  const deny = async () => person.submit(await enter(person, codes), '/device', { decision: 'deny' })
  const { codes, polls, wait } = await device(async (number) => number === 2 && deny())
  await expect(wait()).rejects.toMatchObject({ error: 'access_denied' })
  expect(polls).toHaveLength(2)
})

test('a client is told that its code has expired', async () => {
  const { polls, wait } = await device(async (number) => number === 3 && passSeconds(600))
  await expect(wait()).rejects.toMatchObject({ error: 'expired_token' })
  expect(polls).toHaveLength(3)
})

test('a client that has a key gets tokens for that key (RFC 9449 §5)', async () => {
  const { codes, wait, config } = await device()
  await approve(server.visitor(), codes)
  const handle = oauth.getDPoPHandle(config, await oauth.randomDPoPKeyPair())
  expect((await wait(codes, handle)).token_type).toBe('dpop')
})

/** The squares that a terminal shows, dark or not: two to a character, light ones drawn in the foreground. */
function squaresIn(screen: string): boolean[][] {
  const lines = screen.split('\n').filter((line) => line.startsWith('\u001b[97;40m') && line.endsWith('\u001b[0m'))
  const drawn = lines.map((line) => [...line.slice('\u001b[97;40m'.length, -'\u001b[0m'.length)])
  return drawn.flatMap((line) => [line.map((it) => ' ▄'.includes(it)), line.map((it) => ' ▀'.includes(it))])
}

test('the example of a device shows the link as a QR code, and the code beside it to be compared', async () => {
  const person = server.visitor()
  const shown: string[] = []
  const { promise, resolve } = Promise.withResolvers<string>()
  const connected = withoutWaiting(() =>
    connectDevice({
      issuer: server.origin,
      clientId: client.id,
      scope: 'openid profile',
      show(text) {
        shown.push(text)
        resolve(/^ {4}(\S+)$/m.exec(text)?.[1] ?? '')
      },
    }),
  )
  const user_code = await promise
  await approve(person, { user_code })
  expect(await connected).toMatchObject({ name: 'alice' })
  const { data, size } = encode(`${server.origin}/device?user_code=${user_code}`, { border: 4 })
  const squares = squaresIn(shown.join('\n'))
  expect(squares.slice(0, size)).toEqual(data)
  expect(squares.length - size).toBeLessThan(2)
})
