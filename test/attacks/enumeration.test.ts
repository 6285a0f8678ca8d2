/**
 * Whether an address has an account shows neither in what is answered nor in how long it takes (ASVS 5 §6.3.8).
 *
 * Registration is the one place that tells: an address that is taken cannot be registered again, and without mail
 * there is no other way to say so. It counts against the same limits as guessing.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Person, register, signIn, somebody } from '../support/people.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import type { Visit } from '../support/visitor.ts'

const secrets = 'a-key-ring-that-two-servers-share-long-enough'
let server: TestServer
let known: Person
beforeAll(async () => {
  server = await startTestServer({
    settings: { ISSUER: 'https://auth.example', TRUST_PROXY: '127.0.0.1', SECRETS: secrets },
  })
  known = somebody('known')
  await register(from('192.0.2.200'), '/account', known)
})
afterAll(() => server.stop())

const from = (address: string) => server.visitor({ 'x-forwarded-for': address })

let addresses = 0
function newAddress(): string {
  addresses += 1
  return `203.0.${113 + (addresses >> 8)}.${addresses & 255}`
}

/** The answer without what differs by itself: ids, the address that was typed, the time. */
function withoutIds(page: Visit, email: string): { status: number; text: string; headers: Record<string, string> } {
  const uid = page.url.pathname.split('/')[2] ?? ''
  const plain = (text: string) => text.replaceAll(uid, 'UID').replaceAll(email, 'EMAIL')
  const headers = [...page.headers]
    .filter(([name]) => !['date', 'x-request-id', 'content-length'].includes(name))
    .map(([name, value]) => [name, name === 'set-cookie' ? (value.split('=')[0] ?? '') : plain(value)] as const)
  return { status: page.status, text: plain(page.text), headers: Object.fromEntries(headers) }
}

async function answerTo(email: string, address: string, password = 'wrong password') {
  return withoutIds(await signIn(from(address), '/account', { email, password }), email)
}

test('a wrong password and an unknown address are answered alike', async () => {
  const [address, other] = [newAddress(), newAddress()]
  expect(await answerTo(known.email, address)).toEqual(await answerTo('nobody-at-all@example.com', other))
})

test('they stay alike when there were too many tries', async () => {
  const [address, other] = [newAddress(), newAddress()]
  for (let tries = 0; tries < 9; tries += 1) {
    const right = await answerTo(known.email, address)
    expect(right).toEqual(await answerTo('nobody-either@example.com', other))
    if (tries === 8) expect(right.status).toBe(429)
  }
})

test('neither the hint of an app nor a password that no rule allows tells them apart', async () => {
  for (const password of ['x', '', 'y'.repeat(5000)]) {
    const answers = [known.email, 'nobody-again@example.com'].map((email) => answerTo(email, newAddress(), password))
    const [one, two] = await Promise.all(answers)
    expect(one).toEqual(two)
  }
  const hinted = async (email: string) => {
    const query = new URLSearchParams({ login_hint: email })
    const base = '/authorize?client_id=habitat-account&response_type=code&scope=openid&code_challenge_method=S256'
    const redirect = encodeURIComponent(`${server.origin}/account/signed-in`)
    const page = await from(newAddress()).get(
      `${base}&redirect_uri=${redirect}&code_challenge=${'x'.repeat(43)}&${query}`,
    )
    return withoutIds(page, email)
  }
  expect(await hinted(known.email)).toEqual(await hinted('nobody-hinted@example.com'))
})

test('somebody whose account is disabled is told so only with the right password', async () => {
  const gone = somebody('disabled')
  await register(from(newAddress()), '/account', gone)
  await server.database.store.db
    .updateTable('accounts')
    .set({ disabled_at: new Date() })
    .where('email', '=', gone.email)
    .execute()
  expect(await answerTo(gone.email, newAddress())).toEqual(await answerTo('nobody-there@example.com', newAddress()))
  const right = await signIn(from(newAddress()), '/account', gone)
  expect(right.status).toBe(403)
  expect(right.text).toContain('disabled')
})

test('both take the same time', { timeout: 180_000 }, async () => {
  const took = { known: [] as number[], unknown: [] as number[] }
  const measure = async (email: string): Promise<number> => {
    const person = from(newAddress())
    const page = await person.get('/account')
    const start = performance.now()
    const answer = await person.request(`${page.url.pathname}/answer`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', origin: server.origin },
      body: new URLSearchParams({ email, password: 'wrong password' }).toString(),
    })
    const milliseconds = performance.now() - start
    expect(answer.status).toBe(303)
    return milliseconds
  }
  // A hash takes tens of milliseconds and is what an unequal answer would save. The fastest third is what the machine
  // can do undisturbed; noise only ever adds, so a busy machine is measured for longer, and an unequal answer to the end.
  const difference = () => {
    const [one, two] = [undisturbed(took.known), undisturbed(took.unknown)]
    return Math.abs(one - two) / Math.max(one, two)
  }
  for (let batch = 0; batch < 10 && (batch === 0 || difference() > 0.15); batch += 1) {
    // Each has fewer failures than an account may have from all addresses together.
    const timed = somebody('timed')
    await register(from(newAddress()), '/account', timed)
    for (let round = 0; round < 16; round += 1) {
      // Which one comes first alternates, so that what else the machine does falls on both.
      const order = round % 2 === 0 ? (['known', 'unknown'] as const) : (['unknown', 'known'] as const)
      for (const who of order)
        took[who].push(await measure(who === 'known' ? timed.email : `nobody-${batch}-${round}@example.com`))
    }
  }
  expect(difference()).toBeLessThan(0.3)
  expect(Math.min(undisturbed(took.known), undisturbed(took.unknown))).toBeGreaterThan(5)
})

function undisturbed(times: readonly number[]): number {
  const fastest = times.toSorted((a, b) => a - b).slice(0, Math.ceil(times.length / 3))
  return fastest[Math.floor(fastest.length / 2)] ?? 0
}

test('registration says that an address is taken, only after the same rules, and under the same limits', async () => {
  const address = newAddress()
  const statuses: number[] = []
  for (let tries = 0; tries < 8; tries += 1) {
    const page = await register(from(address), '/account', {
      email: known.email,
      password: `another password ${tries}`,
    })
    statuses.push(page.status)
    if (tries === 0) expect(page.text).toContain('can’t be created with that email')
  }
  expect(statuses.at(-1)).toBe(429)
  const weak = async (email: string) =>
    withoutIds(await register(from(newAddress()), '/account', { email, password: 'short' }), email)
  expect(await weak(known.email)).toEqual(await weak('nobody-weak@example.com'))
})

test('where registration is closed nothing tells an account from none', async () => {
  const settings = { REGISTRATION: 'closed', SECRETS: secrets }
  await using closed = await startTestServer({ settings, database: server.database })
  expect((await closed.visitor().get('/account')).text).not.toContain('Create an account')
  const answer = async (email: string) => {
    const person = closed.visitor()
    const first = await person.get('/account')
    const form = { action: 'register', email, password: 'a password that is long', name: 'x' }
    return withoutIds(await person.submit(first, '/answer', form), email)
  }
  expect(await answer(known.email)).toEqual(await answer('nobody-closed@example.com'))
  expect((await answer(known.email)).text).toContain('can’t be created here')
})
