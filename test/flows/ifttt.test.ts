/** IFTTT connects people to a service of ours, through the whole server: from the first click to the end of the access. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { authorizeUrl, pkce, redeem, tokensOf } from '../support/authorize.ts'
import { browserTest } from '../support/browser.ts'
import { browse, fillRegistration } from '../support/browsing.ts'
import { type CommandLine, commandLine } from '../support/command-line.ts'
import { type Connection, type Dialect, ifttt, type Platform } from '../support/fakes/ifttt.ts'
import { endpointTests } from '../support/fakes/ifttt-endpoint-tests.ts'
import { type addresses, allow, iftttSettings, registerService, signInAndAllow } from '../support/ifttt-settings.ts'
import { enrol, type Person, register, somebody, totpCode } from '../support/people.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import type { Visitor } from '../support/visitor.ts'

let server: TestServer
let run: CommandLine
let platform: Platform
/** Somebody to whom nothing happens. */
let bystander: Connected
beforeAll(async () => {
  server = await startTestServer({ settings: iftttSettings })
  run = commandLine(server.database.store)
  platform = ifttt(await registerService(server))
  bystander = await newcomer()
})
afterAll(() => server.stop())

interface Connected {
  readonly visitor: Visitor
  readonly person: Person
  readonly connection: Connection
}

/** Somebody new, who makes an account on the way. */
async function newcomer(at = platform): Promise<Connected> {
  const [visitor, person] = [server.visitor(), somebody()]
  const connection = await at.connect(async (url) => allow(visitor, await register(visitor, url, person)))
  return { visitor, person, connection }
}

async function signOut(visitor: Visitor): Promise<void> {
  await visitor.submit(await visitor.get('/logout'), '/logout/confirm', { logout: 'yes' })
}

const all: Dialect = { parameters: 'all', tokenRequests: 'form' }
const draft: Dialect = { parameters: 'without-type-and-scope', tokenRequests: 'form' }

describe.for<[name: string, at: keyof typeof addresses, dialect: Dialect]>([
  ['the standard addresses', 'standard', all],
  ["the first draft's addresses, as IFTTT asks", 'draft', all],
  ["the first draft's addresses, as the draft has it", 'draft', draft],
  ["the first draft's addresses, with JSON", 'draft', { ...draft, tokenRequests: 'json' }],
])('at %s', ([, at, dialect]) => {
  let here: Platform
  let visitor: Visitor
  beforeAll(async () => {
    here = ifttt(await registerService(server, at), dialect)
    visitor = server.visitor()
    await register(visitor, '/account', somebody())
  })

  const connect = () => here.connect(async (url) => allow(visitor, await visitor.get(url)))

  test('a person connects, the platform learns who they are, and renews what they gave', async () => {
    const connection = await connect()
    expect(connection.user).toMatchObject({ url: `${server.origin}/account` })
    if (at === 'draft') expect(connection.tokenAnswer).toMatchObject({ token: 'Bearer' })
    const before = { ...connection }
    expect(await here.renew(connection)).toBe(true)
    expect(connection.access).not.toBe(before.access)
    // An answer that was lost on the way must not end a connection.
    expect(connection.refresh).toBe(before.refresh)
    expect(await here.user(connection)).toEqual(connection.user)
    expect(await here.user(before)).toEqual(connection.user)
  })

  test('a 401 is renewed; once the person took the access back, renewing is answered 400', async () => {
    const connection = await connect()
    connection.access = 'one-that-is-no-more'
    expect(await here.user(connection)).toEqual(connection.user)
    await visitor.submit(await visitor.get('/account'), '/apps/revoke')
    expect(await here.user(connection)).toBe('disconnected')
  })

  test('who says no, or turns back before signing in, is sent to IFTTT with access_denied and the state', async () => {
    const stranger = server.visitor()
    const [first, second] = [here.begin(), here.begin()]
    const cancelled = await stranger.submit(await stranger.get(first.url), '/cancel')
    expect(await first.finish(cancelled.url)).toBe('denied')
    const question = await register(stranger, second.url, somebody())
    const denied = await stranger.submit(question, '/consent', { decision: 'deny' })
    expect(await second.finish(denied.url)).toBe('denied')
  })

  test('a code counts once, and what came of it ends when it comes again (RFC 6749 §4.1.2)', async () => {
    const attempt = here.begin()
    const callback = await allow(visitor, await visitor.get(attempt.url))
    const never = new URL(callback)
    never.searchParams.set('code', 'never-given')
    expect(await attempt.finish(never)).toBe('code-refused')
    const connection = await attempt.finish(callback)
    if (typeof connection === 'string') throw new Error(connection)
    expect(await attempt.finish(callback)).toBe('code-refused')
    expect(await here.user(connection)).toBe('disconnected')
  })
})

describe('the endpoint tests of the platform', () => {
  const nothingOfItsOwn = endpointTests({ triggers: [], actions: [], queries: [] })
  test.for(nothingOfItsOwn.map(({ name, run: test }) => [name, test] as const))('%s', ([, runTest]) =>
    runTest(platform),
  )
})

test('two people are two, and each stays the same when they connect again', async () => {
  const one = await newcomer()
  expect(one.connection.user.id).not.toBe(bystander.connection.user.id)
  const again = await platform.connect((url) => signInAndAllow(one.visitor, url, one.person))
  expect(again.user).toEqual(one.connection.user)
  expect(await platform.user(one.connection)).toEqual(again.user)
})

describe('a page of the house that asked the person itself', () => {
  let visitor: Visitor
  let accessToken: string
  beforeAll(async () => {
    const page = await server.client('web', { first_party: true, resource_scopes: 'ifttt' })
    visitor = server.visitor()
    const proof = pkce()
    const { url } = await register(visitor, authorizeUrl(page, proof, { scope: 'openid ifttt' }), somebody())
    accessToken = tokensOf(await redeem(server, page, url.searchParams.get('code') ?? '', proof)).access
  })

  async function decide(state: string, decision: Record<string, string>): Promise<URL> {
    const answer = await fetch(`${server.origin}/third-party/ifttt/v1/authorizations`, {
      method: 'POST',
      headers: { authorization: `Bearer ${accessToken}`, 'content-type': 'application/json' },
      body: JSON.stringify({ client_id: platform.settings.clientId, state, ...decision }),
    })
    const { redirect_to: to } = (await answer.json()) as { redirect_to: string }
    expect(answer.status).toBe(200)
    return new URL(to)
  }

  test('brings them to IFTTT with a code, and the connection is as any other', async () => {
    const attempt = platform.begin()
    const connection = await attempt.finish(await decide(attempt.state, {}))
    if (typeof connection === 'string') throw new Error(connection)
    expect(await platform.renew(connection)).toBe(true)
    expect(await platform.user(connection)).toEqual(connection.user)
    expect((await visitor.get('/account')).text).toContain('IFTTT')
    const usual = await platform.connect(async (url) => allow(visitor, await visitor.get(url)))
    expect(usual.user).toEqual(connection.user)
  })

  test('brings them there with access_denied when they said no', async () => {
    const attempt = platform.begin()
    expect(await attempt.finish(await decide(attempt.state, { decision: 'deny' }))).toBe('denied')
  })
})

test.for([
  ['the scope that IFTTT sends', ''],
  [
    'a scope of OpenID Connect in the authorization URL, whose tokens end with the session elsewhere',
    '?scope=openid+ifttt',
  ],
])('with %s, signing out does not end the connection, and who comes back connects anew', async ([, scope]) => {
  const { settings } = platform
  const here = ifttt({ ...settings, authorizationUrl: settings.authorizationUrl + scope })
  const { visitor, person, connection } = await newcomer(here)
  await signOut(visitor)
  expect(await here.user(connection)).toEqual(connection.user)
  connection.access = 'one-that-is-no-more'
  expect(await here.user(connection)).toEqual(connection.user)

  const attempt = here.begin()
  const page = await visitor.get(attempt.url)
  expect(page.text).toContain('name="password"')
  const back = await visitor.submit(page, '/answer', { email: person.email, password: person.password })
  expect(await attempt.finish(await allow(visitor, back))).toMatchObject({ user: connection.user })
})

test('a session that ended while the person was on the way does not lose the sign-in', async () => {
  const { visitor, person, connection } = await newcomer()
  await visitor.submit(await visitor.get('/account'), '/apps/revoke')
  const attempt = platform.begin()
  const question = await visitor.get(attempt.url)
  expect(question.text).toContain('value="allow"')
  // In another tab.
  await visitor.submit(await visitor.get('/account'), '/sign-out-everywhere')
  const page = await visitor.submit(question, '/consent', { decision: 'allow' })
  const link = /class="button primary" href="([^"]+)"/.exec(page.text)?.[1]?.replaceAll('&amp;', '&')
  const callback = page.left ? page.url : await signInAndAllow(visitor, link ?? attempt.url, person)
  expect(await attempt.finish(callback)).toMatchObject({ user: connection.user })
})

test('a second factor is asked for on the way, and not when the platform renews', async () => {
  const [visitor, person] = [server.visitor(), somebody()]
  await register(visitor, '/account', person)
  await enrol(visitor, person, new Date())
  const elsewhere = server.visitor()
  const connection = await platform.connect(async (url) => {
    const page = await elsewhere.get(url)
    const second = await elsewhere.submit(page, '/answer', { email: person.email, password: person.password })
    expect(second.text).toContain('name="code"')
    // The code that turned it on is spent.
    const code = totpCode(person, new Date(Date.now() + 30_000))
    return allow(elsewhere, await elsewhere.submit(second, '/answer', { code }))
  })
  expect(await platform.renew(connection)).toBe(true)
  expect(await platform.user(connection)).toEqual(connection.user)
})

test.for<[name: string, command: (email: string) => string[]]>([
  [
    'an administrator takes it back',
    (email) => ['grant', 'revoke', '--account', email, '--client', platform.settings.clientId],
  ],
  ['the account is disabled', (email) => ['user', 'disable', email]],
])('when %s, the platform gets 401 and cannot renew', async ([, command]) => {
  const gone = await newcomer()
  expect((await run(command(gone.person.email))).exitCode).toBe(0)
  expect(await platform.user(gone.connection)).toBe('disconnected')
  expect(await platform.user(bystander.connection)).toEqual(bystander.connection.user)
})

test('an account that was disabled and enabled again has to be connected anew', async () => {
  const { visitor, person, connection } = await newcomer()
  for (const command of ['disable', 'enable']) expect((await run(['user', command, person.email])).exitCode).toBe(0)
  expect(await platform.user(connection)).toBe('disconnected')
  const again = await platform.connect((url) => signInAndAllow(visitor, url, person))
  expect(again.user).toEqual(connection.user)
})

browserTest('a newcomer connects in a real browser, and sees and ends it on the account page', async (browser) => {
  const { context, page, complaints } = await browse(browser, [server.origin, 'https://ifttt.com'], {
    strangers: ['https://ifttt.com'],
  })
  const arrived: URL[] = []
  await context.route('https://ifttt.com/**', async (route) => {
    const url = new URL(route.request().url())
    if (route.request().isNavigationRequest()) arrived.push(url)
    await route.fulfill({ contentType: 'text/html', body: '<!doctype html><title>IFTTT</title><h1>Connected</h1>' })
  })
  const attempt = platform.begin()
  await page.goto(attempt.url)
  await fillRegistration(page, somebody())
  await page.getByRole('heading', { name: /IFTTT/ }).waitFor()
  await page.getByRole('button', { name: 'Allow', exact: true }).click()
  await page.getByRole('heading', { name: 'Connected' }).waitFor()
  const [callback] = arrived
  const connection = await attempt.finish(callback ?? new URL('about:blank'))
  if (typeof connection === 'string') throw new Error('the person said yes')

  await page.goto(`${server.origin}/account`)
  await page.getByText('IFTTT', { exact: true }).waitFor()
  await page.getByRole('button', { name: /Remove/ }).click()
  await page.getByRole('heading', { name: 'Your account' }).waitFor()
  expect(await page.getByText('IFTTT', { exact: true }).count()).toBe(0)
  expect(await platform.user(connection)).toBe('disconnected')
  expect(complaints).toEqual([])
})
