/**
 * What strangers can do about a device flow (RFC 8628 §5): guess user codes, find out which there are, take a code from
 * the person who is about to confirm it, redeem it twice, send a form in somebody's name.
 */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { accounts } from '../../adapters/postgres/accounts.ts'
import { audit } from '../../adapters/postgres/audit.ts'
import { isActive, pkce, token, tokensOf } from '../support/authorize.ts'
import { postgresTest } from '../support/database.ts'
import { approve, askForCodes, enter, finish, poll } from '../support/device.ts'
import { startNodes } from '../support/nodes.ts'
import { startTestServer, type TestClient, type TestServer } from '../support/server.ts'
import { passSeconds, stopClock } from '../support/time-lapse.ts'
import { toy } from '../support/toy-provider.ts'
import type { Visitor } from '../support/visitor.ts'

const letters = 'BCDFGHJKLMNPQRSTVWXZ'
let server: TestServer
let client: TestClient
let addresses = 0
beforeAll(async () => {
  stopClock()
  server = await startTestServer({ providers: [toy()], settings: { TRUST_PROXY: '127.0.0.1' } })
  client = await server.client('device', { client_name: 'Television' })
})
afterAll(async () => {
  vi.useRealTimers()
  await server.stop()
})

/** Somebody at an address of their own. */
function stranger(): Visitor {
  addresses += 1
  return server.visitor({ 'x-forwarded-for': `198.51.${Math.floor(addresses / 250)}.${(addresses % 250) + 1}` })
}

const wrongCode = (number: number) =>
  Array.from({ length: 8 }, (_, place) => letters[Math.floor(number / 20 ** place) % 20]).join('')
const guess = (person: Visitor, user_code: string) => person.post('/device', { user_code })
const ask = () => askForCodes(server, client)
const events = (limit: number) => audit(server.database.store.db, () => new Date()).list({ limit })

describe('guessing user codes (RFC 8628 §5.1)', () => {
  test('from one address ends after ten, and each further try costs more; others are not held off', async () => {
    const guesser = stranger()
    const answers: number[] = []
    for (let number = 0; number < 12; number += 1) answers.push((await guess(guesser, wrongCode(number))).status)
    expect(answers).toEqual([...Array(11).fill(400), 429])
    const codes = await ask()
    const heldOff = await guess(guesser, codes.user_code)
    expect([heldOff.status, heldOff.headers.get('retry-after')]).toEqual([429, '60'])
    expect(heldOff.text).toContain('Too many tries. Please wait 1 minute, then try again.')
    expect((await guess(stranger(), codes.user_code)).text).toContain('value="allow"')
    passSeconds(60)
    expect((await guess(guesser, wrongCode(20))).status).toBe(400)
    expect((await guess(guesser, wrongCode(21))).headers.get('retry-after')).toBe('120')
    expect((await events(2)).map(({ event, detail }) => [event, detail])).toEqual([
      ['device.guessing-slowed', { limit: 'address', seconds: 120 }],
      ['device.guessing-slowed', { limit: 'address', seconds: 60 }],
    ])
  })

  test('in parallel gains nothing', async () => {
    const guesser = stranger()
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, number) => guess(guesser, wrongCode(100 + number))),
    )
    expect(answers.filter(({ status }) => status === 400)).toHaveLength(11)
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(29)
  })

  test('from many addresses with one account ends as well', async () => {
    const guesser = stranger()
    await approve(guesser, await ask(), { name: 'guessing' })
    const answers: number[] = []
    for (let number = 0; number < 12; number += 1) {
      addresses += 1
      const headers = { 'x-forwarded-for': `198.51.200.${addresses % 250}` }
      answers.push((await guesser.post('/device', { user_code: wrongCode(200 + number) }, headers)).status)
    }
    expect(answers).toEqual([...Array(11).fill(400), 429])
  })

  test('from everywhere at once ends after 300 in ten minutes; who is signed in goes on', async () => {
    passSeconds(600)
    const member = stranger()
    await approve(member, await ask(), { name: 'member' })
    const codes = await ask()
    const statuses = new Set<number>()
    for (let number = 0; number < 31; number += 1) {
      const guesser = stranger()
      for (let time = 0; time < 10; time += 1) {
        statuses.add((await guess(guesser, wrongCode(1000 + number * 10 + time))).status)
      }
    }
    expect(statuses).toEqual(new Set([400, 429]))
    const shut = await guess(stranger(), codes.user_code)
    expect([shut.status, shut.text]).toEqual([429, expect.stringContaining('Sign in first')])
    expect((await guess(member, codes.user_code)).text).toContain('value="allow"')
    passSeconds(600)
    expect((await guess(stranger(), (await ask()).user_code)).text).toContain('value="allow"')
  })

  test('from many addresses of one IPv6 network ends long before everybody is held off; who is signed in goes on', async () => {
    passSeconds(600)
    const at = (number: number) => server.visitor({ 'x-forwarded-for': `2001:db8:7:${number.toString(16)}::1` })
    const answers: number[] = []
    for (let number = 0; number < 34; number += 1) {
      answers.push((await guess(at(number), wrongCode(5000 + number))).status)
    }
    expect(answers).toEqual([...Array(31).fill(400), ...Array(3).fill(429)])
    const codes = await ask()
    expect((await guess(at(999), codes.user_code)).text).toContain('Sign in first')
    expect((await guess(stranger(), codes.user_code)).text).toContain('value="allow"')
    const member = stranger()
    await approve(member, await ask(), { name: 'neighbour' })
    const here = await member.post(
      '/device',
      { user_code: codes.user_code },
      { 'x-forwarded-for': '2001:db8:7:abc::1' },
    )
    expect(here.text).toContain('value="allow"')
  })

  test('never counts a person whose codes are right', async () => {
    const person = stranger()
    for (let times = 0; times < 15; times += 1) expect((await enter(person, await ask())).status).toBe(200)
  })
})

describe('finding out about user codes', () => {
  const seen = async (code: string) => {
    const { status, text } = await guess(stranger(), code)
    return { status, text: text.replaceAll(/[A-Z]{4}-?[A-Z]{4}/g, 'CODE') }
  }

  test('unknown, expired, used, denied and claimed ones get one answer', async () => {
    const unknown = await seen(wrongCode(9000))
    expect([unknown.status, unknown.text]).toEqual([400, expect.stringContaining('That code doesn’t work')])
    const [used, redeemed, denied, claimed] = [await ask(), await ask(), await ask(), await ask()]
    await approve(stranger(), used)
    await approve(stranger(), redeemed)
    await poll(server, client, redeemed)
    const person = stranger()
    await person.submit(await enter(person, denied), '/device', { decision: 'deny' })
    await person.submit(await enter(person, claimed), '/device', { decision: 'allow' })
    for (const { user_code } of [used, redeemed, denied, claimed]) expect(await seen(user_code)).toEqual(unknown)
    const expired = await ask()
    passSeconds(601)
    expect(await seen(expired.user_code)).toEqual(unknown)
  })
})

test('the id of a step does not stand in the log, where a form from elsewhere is refused', async () => {
  const person = stranger()
  const login = await person.submit(await enter(person, await ask()), '/device', { decision: 'allow' })
  const uid = login.url.pathname.split('/').at(-1)
  expect((await person.post(`/device/${uid}`, {}, { 'sec-fetch-site': 'cross-site' })).status).toBe(403)
  const log = server.logged.join('\n')
  expect(log).toContain('/device/:uid')
  expect(log).not.toContain(uid)
})

describe('another browser', () => {
  test('that sends its own code to a person makes them read where it comes from (phishing, RFC 8628 §5.4)', async () => {
    const asked = await fetch(`${server.origin}/device_authorization`, {
      method: 'POST',
      headers: {
        'x-forwarded-for': '203.0.113.66',
        'user-agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Firefox/140.0',
      },
      body: new URLSearchParams({ client_id: client.id, scope: 'openid' }),
    })
    const codes = (await asked.json()) as { user_code: string; verification_uri_complete: string }
    const victim = stranger()
    await approve(victim, await ask(), { name: 'victim' })
    // The link alone does nothing, for somebody who is signed in and has allowed this app before, too.
    const link = await victim.get(codes.verification_uri_complete)
    expect(link.text).toContain('never one that somebody sent you')
    const page = await victim.submit(link, '/device', { user_code: codes.user_code })
    for (const shown of ['203.0.113.66', 'Firefox on Linux', 'Did somebody send you this code']) {
      expect(page.text).toContain(shown)
    }
    await victim.submit(page, '/device', { decision: 'deny' })
    expect((await events(1))[0]).toMatchObject({ event: 'device.denied', detail: { requester: '203.0.113.66' } })
  })

  test('cannot take over a code that somebody is confirming', async () => {
    const codes = await ask()
    const [first, second] = [stranger(), stranger()]
    const [firstPage, secondPage] = [await enter(first, codes), await enter(second, codes)]
    const login = await first.submit(firstPage, '/device', { decision: 'allow' })
    expect((await second.submit(secondPage, '/device', { decision: 'allow' })).text).toContain('doesn’t work')
    expect((await second.submit(secondPage, '/device', { decision: 'deny' })).text).toContain('doesn’t work')
    expect((await finish(first, login, { name: 'first' })).text).toContain('is connected')
    const { access } = tokensOf(await poll(server, client, codes))
    expect(await isActive(server, client, access)).toBe(true)
  })

  test('cannot go on in the steps of this one: they are bound to a cookie', async () => {
    const person = stranger()
    const login = await person.submit(await enter(person, await ask()), '/device', { decision: 'allow' })
    const stolen = await stranger().get(login.url.pathname)
    expect(stolen.status).toBe(400)
    expect(stolen.text).toContain('This sign-in has expired')
    expect(stolen.text).toContain('href="/device"')
    const resume = person.cookies.find(({ name }) => name === 'resume')
    expect(resume?.path).toMatch(/^\/device\/[\w-]{20,}$/)
    expect((await stranger().get(String(resume?.path))).text).toContain('can’t be used any more')
  })
})

describe('the library’s own form', () => {
  test.each(['/Device', '/DEVICE', '/device/', '/device//'])('is not reached by %s', async (address) => {
    const codes = await ask()
    const person = stranger()
    const shown = await person.request(`${address}?user_code=${codes.user_code}`)
    const secret = /name="xsrf" value="([^"]+)"/.exec(shown.text)?.[1] ?? ''
    for (const form of [{}, { confirm: 'yes' }, { abort: 'yes' }]) {
      const answer = await person.post(address, { ...form, xsrf: secret, user_code: codes.user_code })
      expect(answer.text).not.toContain('value="allow"')
      expect(answer.text).not.toContain('/start/toy')
    }
    expect((await poll(server, client, codes)).body.error).toBe('authorization_pending')
  })
})

test.each(['allow', 'deny', undefined])('another site sends no form in a person’s name: %s', async (decision) => {
  const codes = await ask()
  const person = stranger()
  for (const headers of [
    { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' },
    { 'sec-fetch-site': '', origin: 'https://evil.example' },
  ]) {
    const form = { user_code: codes.user_code, ...(decision === undefined ? {} : { decision }) }
    expect((await person.post('/device', form, headers)).status).toBe(403)
  }
  expect((await enter(person, codes)).text).toContain('value="allow"')
  // Clients on pages of other sites ask for codes all the same.
  const asked = await fetch(`${server.origin}/device_authorization`, {
    method: 'POST',
    headers: { 'sec-fetch-site': 'cross-site' },
    body: new URLSearchParams({ client_id: client.id, scope: 'openid' }),
  })
  expect(asked.status).toBe(200)
})

describe('a device code', () => {
  test('is of no use to another client, which cannot slow down its owner either', async () => {
    const codes = await ask()
    const other = await server.client('device')
    for (let times = 0; times < 3; times += 1) {
      expect((await poll(server, other, codes)).body.error).toBe('invalid_grant')
    }
    expect((await poll(server, client, codes)).body.error).toBe('authorization_pending')
  })

  test('is not what the database holds (docs/decisions/003-data-at-rest.md)', async () => {
    const codes = await ask()
    await approve(stranger(), codes)
    const rows = await server.database.store.db
      .selectFrom('artifacts')
      .selectAll()
      .where('model', '=', 'DeviceCode')
      .execute()
    const text = JSON.stringify([rows, await server.database.dump()])
    for (const secret of [codes.device_code, codes.user_code, codes.user_code.replace('-', '')]) {
      expect(text).not.toContain(secret)
    }
    for (const { id_hash } of rows) {
      for (const device_code of [id_hash, `stored.${id_hash}`]) {
        expect((await poll(server, client, { ...codes, device_code })).body.error).toBe('invalid_grant')
      }
    }
  })

  test('is dead as soon as the account that approved it is disabled', async () => {
    const codes = await ask()
    await approve(stranger(), codes, { name: 'gone' })
    const store = accounts(server.database.store.db, () => new Date())
    const account = await store.byIdentity('toy', 'gone')
    await store.disable(String(account?.id))
    expect((await poll(server, client, codes)).body.error).toBe('invalid_grant')
  })

  test('that is presented again ends what came of it', async () => {
    const codes = await ask()
    await approve(stranger(), codes)
    const { access } = tokensOf(await poll(server, client, codes))
    expect((await poll(server, client, codes)).body.error).toBe('invalid_grant')
    expect(await isActive(server, client, access)).toBe(false)
  })

  test('needs a grant type of its own: other profiles get none', async () => {
    const app = await server.client('spa')
    await expect(askForCodes(server, app)).rejects.toThrow(/invalid_request|unauthorized_client/)
    const grant = { grant_type: 'urn:ietf:params:oauth:grant-type:device_code', device_code: 'x' }
    expect((await token(server, app, grant)).status).toBe(400)
  })
})

postgresTest('of 50 polls on two nodes at once one gets the tokens; of 8 browsers one claims a code', async () => {
  await using nodes = await startNodes({ providers: [toy()] })
  const { first, second } = nodes
  const television = await first.client('device')
  const either = (number: number) => (number % 2 === 0 ? first : second)
  const codes = await askForCodes(first, television)
  const pages = await Promise.all(
    Array.from({ length: 8 }, async (_, number) => {
      const person = either(number).visitor()
      return { person, page: await enter(person, codes) }
    }),
  )
  const next = await Promise.all(pages.map(({ person, page }) => person.submit(page, '/device', { decision: 'allow' })))
  const claimed = next.flatMap((page, index) => (page.status === 200 ? [{ page, person: pages[index]?.person }] : []))
  expect(claimed).toHaveLength(1)
  const [{ page, person } = {}] = claimed
  if (page === undefined || person === undefined) throw new Error('nobody claimed the code')
  await finish(person, page)
  const answers = await Promise.all(Array.from({ length: 50 }, (_, number) => poll(either(number), television, codes)))
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
  expect(new Set(answers.map(({ body }) => body.error))).toEqual(new Set([undefined, 'invalid_grant']))
})

postgresTest('two nodes count the same polls, however many arrive at once', async () => {
  await using nodes = await startNodes({ providers: [toy()] })
  const { first, second } = nodes
  const television = await first.client('device')
  const codes = await askForCodes(first, television)
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, number) => poll(number % 2 === 0 ? first : second, television, codes)),
  )
  const errors = answers.map(({ body }) => body.error)
  expect(errors.filter((error) => error === 'authorization_pending')).toHaveLength(1)
  expect(errors.filter((error) => error === 'slow_down')).toHaveLength(19)
})

describe('filling the store with requests in the name of an app without a secret', () => {
  const from = (address: string, path: string, body: Record<string, string>) =>
    fetch(server.origin + path, {
      method: 'POST',
      headers: { 'x-forwarded-for': address },
      body: new URLSearchParams(body),
    })
  const askFrom = (address: string, device = client) =>
    from(address, '/device_authorization', { client_id: device.id, scope: 'openid' })

  test('ends after 300 codes of one address in ten minutes, and counts nobody else (RFC 6585 §4)', async () => {
    passSeconds(600)
    const [crowded, quiet] = ['198.51.201.1', '198.51.201.2']
    for (let round = 0; round < 7; round += 1) {
      await Promise.all(Array.from({ length: 43 }, () => askFrom(crowded)))
    }
    const refused = await askFrom(crowded)
    expect([refused.status, Number(refused.headers.get('retry-after'))]).toEqual([429, expect.any(Number)])
    expect(await refused.json()).toMatchObject({ error: 'temporarily_unavailable' })
    expect((await askFrom(quiet)).status).toBe(200)
    passSeconds(600)
    expect((await askFrom(crowded)).status).toBe(200)
  })

  /** Has the one counter whose key begins so stand at a number: asking as often would take minutes. */
  const standAt = async (failures: number, start: string) => {
    const { db } = server.database.store
    const changed = await db
      .updateTable('limits')
      .set({ failures })
      .where('key', 'like', `${start}%`)
      .returning('key')
      .execute()
    expect(changed).toHaveLength(1)
  }
  const statusesOf = async (...asking: (() => Promise<Response>)[]) => {
    const statuses: number[] = []
    for (const ask of asking) statuses.push((await ask()).status)
    return statuses
  }

  test('ends after 1200 codes of one IPv6 /48, whichever of its addresses asks, and counts no other network', async () => {
    const [one, other, elsewhere] = ['2001:db8:71:1::1', '2001:db8:71:2::1', '2001:db8:72:1::1']
    expect((await askFrom(one)).status).toBe(200)
    await standAt(1200, 'device_authorization:2001:db8:71::/48')
    expect(
      await statusesOf(
        () => askFrom(one),
        () => askFrom(one),
        () => askFrom(other),
        () => askFrom(elsewhere),
      ),
    ).toEqual([200, 429, 429, 200])
  })

  test('ends after 10 000 codes of one app, wherever they are asked for; another app goes on', async () => {
    const [busy, calm] = [await server.client('device'), await server.client('device')]
    expect((await askFrom('198.51.202.1', busy)).status).toBe(200)
    await standAt(10_000, `device_authorization:client:${busy.id}`)
    expect(
      await statusesOf(
        () => askFrom('198.51.202.1', busy),
        () => askFrom('198.51.202.2', busy),
        () => askFrom('198.51.202.2', calm),
      ),
    ).toEqual([200, 429, 200])
  })

  test('ends after 300 pushed requests of one address; who authenticates is not counted, and codes are counted apart', async () => {
    const [open, secret] = [await server.client('spa'), await server.client('web')]
    const crowded = '198.51.203.1'
    const push = (address: string, app: TestClient) => () =>
      from(address, '/par', {
        client_id: app.id,
        ...(app.secret === '' ? {} : { client_secret: app.secret }),
        response_type: 'code',
        redirect_uri: app.redirectUri,
        scope: 'openid',
        code_challenge: pkce().challenge,
        code_challenge_method: 'S256',
      })
    expect((await push(crowded, open)()).status).toBe(201)
    await standAt(300, `pushed_authorization_request:${crowded}`)
    const turns = [push(crowded, open), push(crowded, open), push('198.51.203.2', open), push(crowded, secret)]
    expect(await statusesOf(...turns, () => askFrom(crowded))).toEqual([201, 429, 201, 201, 200])
    const refused = await push(crowded, open)()
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(await refused.json()).toMatchObject({ error: 'temporarily_unavailable' })
  })
})
