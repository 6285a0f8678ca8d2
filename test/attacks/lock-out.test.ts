/** Guessing passwords and codes: how it is slowed down, and who must not suffer from it (ASVS 5 §6.1.1, §6.3.1). */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { clock } from '../support/clock.ts'
import { enrol, type Person, register, signIn, somebody, totpCode } from '../support/people.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import type { Visit, Visitor } from '../support/visitor.ts'

const time = clock(new Date())
let server: TestServer
beforeAll(async () => {
  server = await startTestServer({
    settings: { ISSUER: 'https://auth.example', TRUST_PROXY: '127.0.0.1' },
    now: time.now,
  })
})
afterAll(() => server.stop())

let networks = 0
/** An address that no other test uses. */
function newAddress(): string {
  networks += 1
  return `203.0.${113 + (networks >> 8)}.${networks & 255}`
}

const from = (address: string): Visitor => server.visitor({ 'x-forwarded-for': address })

async function member(address = newAddress()): Promise<Person & { home: string }> {
  const person = somebody()
  expect((await register(from(address), '/account', person)).text).toContain('This browser')
  return { ...person, home: address }
}

interface Answer {
  status: number
  /** Seconds. */
  wait: number
  in: boolean
}

function answerOf(page: Visit): Answer {
  const wait = Number(page.headers.get('retry-after') ?? 0)
  return { status: page.status, wait, in: page.text.includes('This browser') }
}

/** One guess in a browser of its own: no cookie, no attempt ties it to the one before. */
async function guess(address: string, email: string, password = 'wrong password'): Promise<Answer> {
  return answerOf(await signIn(from(address), '/account', { email, password }))
}

test('after five failures each further one waits twice as long, up to a quarter of an hour', async () => {
  const { email } = await member()
  const address = newAddress()
  for (let failure = 1; failure <= 5; failure += 1) {
    expect(await guess(address, email)).toEqual({ status: 400, wait: 0, in: false })
  }
  const waits: number[] = []
  for (let round = 0; round < 13; round += 1) {
    expect((await guess(address, email)).status).toBe(400)
    const locked = await guess(address, email)
    expect(locked.status).toBe(429)
    waits.push(locked.wait)
    time.advance(locked.wait)
  }
  expect(waits).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900])
})

test('while the delay lasts not even the right password is compared, and asking makes it no longer', async () => {
  const { email, password } = await member()
  const address = newAddress()
  for (let failure = 0; failure < 10; failure += 1) {
    const { wait } = await guess(address, email)
    if (wait > 0) time.advance(wait)
  }
  await guess(address, email)
  const { wait } = await guess(address, email, password)
  expect(wait).toBeGreaterThan(0)
  for (let tries = 0; tries < 5; tries += 1) {
    expect(await guess(address, email, password)).toEqual({ status: 429, wait, in: false })
  }
  time.advance(wait)
  expect((await guess(address, email, password)).in).toBe(true)
})

test('guesses that are made at the same time are counted before they are compared', async () => {
  const { email, password } = await member()
  const address = newAddress()
  const browsers = await Promise.all(
    Array.from({ length: 24 }, async () => {
      const browser = from(address)
      return { browser, page: await browser.get('/account') }
    }),
  )
  const answers = await Promise.all(
    browsers.map(async ({ browser, page }, index) =>
      answerOf(await browser.submit(page, '/answer', { email, password: index === 23 ? password : 'wrong password' })),
    ),
  )
  expect(answers.filter(({ status }) => status === 400).length).toBeLessThanOrEqual(6)
  expect(answers.filter(({ status }) => status === 429).length).toBeGreaterThanOrEqual(17)
})

test('the rightful owner gets in from where they were before, whatever strangers do elsewhere', async () => {
  const { email, password, home } = await member()
  for (let stranger = 0; stranger < 60; stranger += 1) await guess(newAddress(), email)
  expect((await guess(newAddress(), email)).status).toBe(429)
  expect((await guess(home, email, password)).in).toBe(true)
})

test('guessing from many addresses delays the account, but an owner at a new one for a minute at most', async () => {
  const { email, password } = await member()
  let locked = 0
  for (let stranger = 0; stranger < 70; stranger += 1) {
    const { status, wait } = await guess(newAddress(), email)
    if (status === 429) locked += 1
    expect(wait).toBeLessThanOrEqual(60)
  }
  expect(locked).toBeGreaterThanOrEqual(15)
  time.advance(60)
  expect((await guess(newAddress(), email, password)).in).toBe(true)
})

test('one address that tries many accounts is slowed down as well (password spraying)', async () => {
  const address = newAddress()
  const statuses: number[] = []
  for (let tries = 0; tries < 110; tries += 1)
    statuses.push((await guess(address, `nobody-${tries}@example.com`)).status)
  expect(statuses.slice(0, 100)).toEqual(Array.from({ length: 100 }, () => 400))
  expect(statuses.slice(101)).toContain(429)
})

test('an IPv6 network (/64) counts as one address, and an IPv4 address written as IPv6 as itself', async () => {
  const { email } = await member()
  const forms = [
    (index: number) => `2001:db8:1:2::${index + 1}`,
    (index: number) => (index % 2 === 0 ? '198.51.100.7' : '::ffff:198.51.100.7'),
  ]
  for (const form of forms) {
    for (let failure = 0; failure < 6; failure += 1) expect((await guess(form(failure), email)).status).toBe(400)
    expect((await guess(form(7), email)).status).toBe(429)
  }
  expect((await guess('2001:db8:1:3::1', email)).status).toBe(400)
})

test('addresses that the guesser invents before the proxy’s own are not believed', async () => {
  const { email } = await member()
  const address = newAddress()
  for (let failure = 0; failure < 6; failure += 1) await guess(`${newAddress()}, 10.9.8.${failure}, ${address}`, email)
  expect((await guess(`${newAddress()}, ${address}`, email)).status).toBe(429)
  expect((await guess(address, email)).status).toBe(429)
})

test('a peer that is no proxy of ours cannot choose its address at all', async () => {
  await using direct = await startTestServer({ now: time.now })
  const person = somebody()
  await register(direct.visitor(), '/account', person)
  const tries = []
  for (let failure = 0; failure < 8; failure += 1) {
    const forged = { 'x-forwarded-for': newAddress(), 'x-real-ip': newAddress(), forwarded: `for=${newAddress()}` }
    tries.push((await signIn(direct.visitor(forged), '/account', { ...person, password: 'wrong' })).status)
  }
  expect(tries.slice(6)).toEqual([429, 429])
})

test('registering is no way around: a password that is tried there counts too', async () => {
  const { email } = await member()
  const address = newAddress()
  const statuses: number[] = []
  for (let failure = 0; failure < 8; failure += 1) {
    statuses.push((await register(from(address), '/account', { email, password: `wrong password ${failure}` })).status)
  }
  expect(statuses.at(-1)).toBe(429)
})

test('codes of the second factor are limited over many attempts and addresses', async () => {
  const person: Person = somebody()
  const browser = from(newAddress())
  await register(browser, '/account', person)
  await enrol(browser, person, time.now())
  const statuses: number[] = []
  for (let tries = 0; tries < 9; tries += 1) {
    const thief = from(newAddress())
    const page = await signIn(thief, '/account', person)
    expect(page.text).toContain('name="code"')
    statuses.push((await thief.submit(page, '/answer', { code: '000000' })).status)
  }
  expect(statuses.filter((status) => status === 429).length).toBeGreaterThanOrEqual(3)
  // The delay passes; the owner's code is good again.
  time.advance(1000)
  const owner = from(newAddress())
  const page = await signIn(owner, '/account', person)
  expect((await owner.submit(page, '/answer', { code: totpCode(person, time.now()) })).text).toContain('This browser')
})

test('codes that are tried at the same time in one attempt are counted before they are compared', async () => {
  const person: Person = somebody()
  const browser = from(newAddress())
  await register(browser, '/account', person)
  await enrol(browser, person, time.now())
  time.advance(60)
  const thief = from(newAddress())
  const page = await signIn(thief, '/account', person)
  const codes = Array.from({ length: 20 }, (_, index) => String(100_000 + index * 7))
  const answers = await Promise.all(codes.map((code) => thief.submit(page, '/answer', { code })))
  const compared = server.database.store.db
    .selectFrom('audit_events')
    .select('id')
    .where('event', '=', 'sign-in.failed')
    .where('detail', '@>', JSON.stringify({ what: 'code' }) as never)
  const events = await compared.execute()
  expect(answers.every(({ text }) => !text.includes('This browser'))).toBe(true)
  // Eight of the test before at most, and no more than five here.
  expect(events.length).toBeLessThanOrEqual(14)
})

test('changing the password asks for the current one, which cannot be guessed there either', async () => {
  const person = somebody()
  const browser = from(newAddress())
  await register(browser, '/account', person)
  const statuses: number[] = []
  for (let tries = 0; tries < 8; tries += 1) {
    const form = { current_password: `wrong ${tries}`, password: 'a new one that is long' }
    statuses.push((await browser.post('/account/password', form)).status)
  }
  expect(statuses.slice(0, 5)).toEqual([400, 400, 400, 400, 400])
  expect(statuses.slice(6)).toEqual([429, 429])
})
