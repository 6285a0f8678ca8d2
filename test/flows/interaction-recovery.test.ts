/** Sign-ins that went astray: whatever was lost, the person meets a friendly page whose link begins the same sign-in again. */
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { UpstreamError } from '../../adapters/identity/contract.ts'
import { authorizeUrl, endpoint, pkce, redeem } from '../support/authorize.ts'
import { browserTest } from '../support/browser.ts'
import { browse, fillRegistration, openApp, signInAddress } from '../support/browsing.ts'
import { clock } from '../support/clock.ts'
import { type Person, register, signIn, somebody } from '../support/people.ts'
import { startTestServer, type TestClient, type TestServer } from '../support/server.ts'
import { toy } from '../support/toy-provider.ts'
import type { Visit, Visitor } from '../support/visitor.ts'

const time = clock(new Date())
let server: TestServer
let client: TestClient
let person: Person
beforeAll(async () => {
  server = await startTestServer({ now: time.now })
  client = await server.client('web')
  person = somebody()
  await register(server.visitor(), '/account', person)
})
afterAll(() => server.stop())

/** The page is the friendly one, and its link leads to a sign-in that works and ends at the same app. */
async function expectRestart(browser: Visitor, page: Visit, proof?: ReturnType<typeof pkce>): Promise<void> {
  expect([page.url.pathname, page.status]).toEqual([page.url.pathname, 400])
  expect(page.text).toContain('This sign-in has expired')
  const link = /class="button primary" href="([^"]+)"/.exec(page.text)?.[1]?.replaceAll('&amp;', '&') ?? ''
  expect(link).toMatch(/^\/authorize\?/)
  let again = await browser.get(link)
  if (again.text.includes('name="password"')) {
    again = await browser.submit(again, '/answer', { email: person.email, password: person.password })
  }
  if (!again.left) again = await browser.submit(again, '/consent', { decision: 'allow' })
  expect(again.url.origin + again.url.pathname).toBe(client.redirectUri)
  expect(again.url.searchParams.get('state')).toBe('state')
  const code = again.url.searchParams.get('code') ?? ''
  expect(code).not.toBe('')
  if (proof !== undefined) expect((await redeem(server, client, code, proof)).status).toBe(200)
}

const open = (browser: Visitor, proof = pkce()) => browser.get(authorizeUrl(client, proof))
const credentials = () => ({ email: person.email, password: person.password })

async function allowWhereAsked(browser: Visitor, page: Visit): Promise<Visit> {
  return page.left ? page : browser.submit(page, '/consent', { decision: 'allow' })
}

describe('after the sign-in is over', () => {
  test('the page before it (back button) and the form on it begin anew', async () => {
    const proof = pkce()
    const browser = server.visitor()
    const first = await open(browser, proof)
    const consent = await browser.submit(first, '/answer', credentials())
    const done = await allowWhereAsked(browser, consent)
    expect(done.left).toBe(true)
    await expectRestart(browser, await browser.get(first.url.pathname), proof)
    await expectRestart(browser, await browser.submit(first, '/answer', credentials()))
  })

  test('the consent page sent again begins anew, and gives no second code', async () => {
    const browser = server.visitor()
    const consent = await signIn(browser, authorizeUrl(client, pkce(), { prompt: 'consent login' }), person)
    const first = await browser.submit(consent, '/consent', { decision: 'allow' })
    expect(first.url.searchParams.get('code')).toBeTruthy()
    const second = await browser.submit(consent, '/consent', { decision: 'allow' })
    expect(second.url.searchParams.get('code')).toBeNull()
    await expectRestart(browser, second)
  })

  test('the library’s own address for going on says so too', async () => {
    const browser = server.visitor()
    const first = await open(browser)
    const consent = await browser.submit(first, '/answer', credentials())
    await allowWhereAsked(browser, consent)
    const late = await browser.get(`/authorize/${first.url.pathname.split('/')[2]}`)
    expect(late.status).toBe(400)
    expect(late.text).toContain('This sign-in has expired')
  })
})

test('an interaction that is an hour old begins anew (clock)', async () => {
  const proof = pkce()
  const browser = server.visitor()
  const first = await open(browser, proof)
  time.advance(3601)
  const late = await browser.submit(first, '/answer', credentials())
  time.advance(-3601)
  expect(late.status).toBe(400)
  expect(late.text).not.toContain('Something went wrong')
  if (late.text.includes('This sign-in has expired')) await expectRestart(browser, late, proof)
})

test('an attempt that is ten minutes old is asked again, in the same interaction (clock)', async () => {
  const browser = server.visitor()
  const first = await open(browser)
  time.advance(601)
  const late = await browser.submit(first, '/answer', credentials())
  expect(late.status).toBe(400)
  expect(late.text).toContain('has expired')
  const again = await browser.submit(late, '/start/password')
  const done = await allowWhereAsked(browser, await browser.submit(again, '/answer', credentials()))
  time.advance(-601)
  expect(done.url.searchParams.get('code')).toBeTruthy()
})

test('without the interaction’s cookie the page and the form begin anew', async () => {
  for (const go of ['page', 'form'] as const) {
    const proof = pkce()
    const browser = server.visitor()
    const first = await open(browser, proof)
    const kept = browser.cookies.filter(({ name }) => !name.startsWith('interaction'))
    browser.cookies.splice(0, browser.cookies.length, ...kept)
    const lost =
      go === 'page' ? await browser.get(first.url.pathname) : await browser.submit(first, '/answer', credentials())
    await expectRestart(browser, lost, proof)
  }
})

test('another browser that opens the address begins anew, and learns nothing of the first', async () => {
  const first = await open(server.visitor())
  const other = server.visitor()
  const page = await other.get(first.url.pathname)
  expect(page.text).not.toContain('name="password"')
  await expectRestart(other, page)
})

test('an address that never was leads to the start page', async () => {
  const browser = server.visitor()
  for (const path of [
    '/interaction/unknown',
    '/interaction/unknown/answer',
    `/interaction/${'x'.repeat(3000)}`,
    '/interaction/%00',
  ]) {
    const page = await browser.get(path)
    expect([path, page.status]).toEqual([path, expect.toBeOneOf([400, 404])])
    expect(page.text).toMatch(/has expired|no page at this address/)
    expect(page.text).toContain('href="/"')
  }
})

describe('two tabs', () => {
  test('each finishes its own sign-in, in any order', async () => {
    const browser = server.visitor()
    const proofs = [pkce(), pkce()] as const
    const tabs = [await open(browser, proofs[0]), await open(browser, proofs[1])] as const
    const codes: string[] = []
    for (const index of [1, 0] as const) {
      const answer = await browser.submit(tabs[index], '/answer', credentials())
      if (!answer.left && !answer.text.includes('value="allow"')) {
        await expectRestart(browser, answer, proofs[index])
        continue
      }
      const done = await allowWhereAsked(browser, answer)
      const code = done.url.searchParams.get('code') ?? ''
      codes.push(code)
      expect((await redeem(server, client, code, proofs[index])).status).toBe(200)
    }
    expect(codes.length).toBeGreaterThan(0)
  })

  test('a tab that signs out under another leaves it a way on', async () => {
    const browser = server.visitor()
    const other = await server.client('web')
    const consent = await signIn(browser, authorizeUrl(other, pkce()), person)
    await browser.submit(await browser.get('/logout'), '/logout/confirm', { logout: 'yes' })
    const answer = await browser.submit(consent, '/consent', { decision: 'allow' })
    expect(answer.status).toBeLessThan(500)
    expect(answer.url.searchParams.get('code')).toBeNull()
    expect(answer.text).toMatch(/has expired|signed out|name="password"/)
  })
})

describe('sent twice at once', () => {
  const outcomes = (pages: readonly Visit[]) => ({
    codes: pages.filter(({ url }) => url.searchParams.get('code') !== null).length,
    broken: pages.filter(({ status, text, left }) => status >= 500 || (!left && text === '')).length,
  })

  test('the sign-in form signs in once and shows an error to nobody', async () => {
    const browser = server.visitor()
    const page = await open(browser)
    const answers = await Promise.all([1, 2, 3].map(() => browser.submit(page, '/answer', credentials())))
    expect(outcomes(answers).broken).toBe(0)
    for (const answer of answers) {
      expect(answer.left || /value="allow"|has expired|name="password"/.test(answer.text)).toBe(true)
    }
    expect((await browser.get('/account')).text).toContain('This browser')
  })

  test('the consent form gives one code', async () => {
    const browser = server.visitor()
    const other = await server.client('web')
    const consent = await signIn(browser, authorizeUrl(other, pkce()), person)
    const answers = await Promise.all([1, 2, 3].map(() => browser.submit(consent, '/consent', { decision: 'allow' })))
    expect(outcomes(answers)).toEqual({ codes: 1, broken: 0 })
    for (const answer of answers) expect(answer.left || answer.text.includes('has expired')).toBe(true)
  })

  test('"Allow" and "Deny" at once: the app gets one answer', async () => {
    const browser = server.visitor()
    const other = await server.client('web')
    const consent = await signIn(browser, authorizeUrl(other, pkce()), person)
    const answers = await Promise.all(
      ['allow', 'deny'].map((decision) => browser.submit(consent, '/consent', { decision })),
    )
    expect(answers.filter(({ left }) => left).length).toBe(1)
    expect(outcomes(answers).broken).toBe(0)
  })
})

test('a request that was pushed restarts as far as it may (RFC 9126)', async () => {
  for (const required of [false, true]) {
    const pushing = await server.client('web', { require_pushed_authorization_requests: required })
    const proof = pkce()
    const pushed = await endpoint(
      server,
      pushing,
      '/par',
      Object.fromEntries(new URL(authorizeUrl(pushing, proof), server.origin).searchParams),
    )
    const request_uri = String(pushed.body['request_uri'])
    const browser = server.visitor()
    const page = await browser.get(`/authorize?${new URLSearchParams({ client_id: pushing.id, request_uri })}`)
    expect(page.text).toContain('name="password"')
    const lost = await server.visitor().get(page.url.pathname)
    expect(lost.text).toContain('This sign-in has expired')
    if (required) {
      expect(lost.text).toContain('Go back to the app you came from')
      expect(lost.text).not.toContain('Start again')
      continue
    }
    const link = /class="button primary" href="([^"]+)"/.exec(lost.text)?.[1]?.replaceAll('&amp;', '&') ?? ''
    const again = await browser.get(link)
    expect(again.status).toBeLessThan(400)
    expect(again.text).toContain('name="password"')
  }
})

browserTest('the back button after coming back to the app leads to a page with a way on', async (browser) => {
  await using app = await openApp()
  await using real = await startTestServer()
  const own = await real.client('web', { redirect_uris: [app.redirectUri], first_party: true })
  const { page, complaints } = await browse(browser, [real.origin, app.origin])
  await page.goto(signInAddress(real, own))
  await fillRegistration(page, somebody())
  await page.getByRole('heading', { name: 'Back at the app' }).waitFor()
  await page.goBack()
  await page.reload()
  await page.getByRole('link', { name: 'Start again' }).click()
  await page.getByRole('heading', { name: 'Back at the app' }).waitFor()
  expect(new URL(page.url()).searchParams.get('code')).toBeTruthy()
  expect(complaints).toEqual([])
})

describe('when a step comes to its end and cannot finish', () => {
  /** A server whose sign-in does something to the database just before the person is let in. */
  async function interrupted(work: (db: TestServer['database']['store']['db']) => Promise<unknown>) {
    const plain = toy()
    const own: TestServer = await startTestServer({
      providers: [
        {
          ...plain,
          async answer(input) {
            const step = await plain.answer(input)
            if (step.kind === 'proven') await work(own.database.store.db)
            return step
          },
        },
      ],
    })
    const browser = own.visitor()
    const page = await browser.get(authorizeUrl(await own.client('web'), pkce()))
    const chosen = await browser.submit(page, '/start/toy')
    return { own, answer: await browser.submit(chosen, '/answer', { email: 'alice' }) }
  }

  test('because another tab has finished it, the person can begin anew', async () => {
    const { own, answer } = await interrupted((db) => sql`update artifacts set consumed_at = now()`.execute(db))
    expect(answer.status).toBe(400)
    expect(answer.text).toContain('This sign-in has expired')
    await own.stop()
  })

  test('because the database fails, the answer is 503 and comes at once', async () => {
    const { own, answer } = await interrupted((db) => sql`alter table artifacts rename to elsewhere`.execute(db))
    expect(answer.status).toBe(503)
    expect(answer.text).toContain('Back in a moment')
    await own.stop()
  })
})

test.each(['start', 'answer'] as const)(
  'an outside party that fails at the %s is said to be away, and another way is offered',
  async (at) => {
    const plain = toy()
    let down = true
    const failing: ReturnType<typeof toy>['answer'] = async () => {
      throw new UpstreamError('the outside party does not answer')
    }
    await using own = await startTestServer({
      providers: [
        {
          ...plain,
          start: (input) => (down && at === 'start' ? failing(input as never) : plain.start(input)),
          answer: (input) => (down && at === 'answer' ? failing(input) : plain.answer(input)),
        },
      ],
    })
    const browser = own.visitor()
    let page = await browser.submit(await browser.get(authorizeUrl(await own.client('web'), pkce())), '/start/toy')
    if (at === 'answer') page = await browser.submit(page, '/answer', { email: 'alice' })
    expect(page.status).toBe(503)
    expect(page.text).toContain('can’t be reached right now')
    expect(own.logged.join()).toContain('the outside party does not answer')
    down = false
    page = await browser.submit(await browser.submit(page, '/start/toy'), '/answer', { email: 'alice' })
    expect(page.text).toContain('value="allow"')
  },
)
