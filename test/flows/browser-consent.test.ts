/** The person's decision, in a real browser: what is shown, what it leads to, how long it holds. */
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect } from 'vitest'
import { pkce, redeem } from '../support/authorize.ts'
import { browserTest } from '../support/browser.ts'
import { type App, browse, fillRegistration, fillSignIn, openApp, signInAddress } from '../support/browsing.ts'
import { somebody } from '../support/people.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

let server: TestServer
let app: App
beforeAll(async () => {
  server = await startTestServer()
  app = await openApp()
})
afterAll(async () => {
  await app[Symbol.asyncDispose]()
  await server.stop()
})

const profile = (browser: Browser, options = {}) => browse(browser, [server.origin, app.origin], options)
const webApp = (extra: Record<string, unknown> = {}) =>
  server.client('web', { client_name: 'Bird watch', redirect_uris: [app.redirectUri], ...extra })

const allow = (page: Page) => page.getByRole('button', { name: 'Allow', exact: true })
const atApp = (page: Page) => page.getByRole('heading', { name: 'Back at the app' }).waitFor()
const parameter = (page: Page, name: string) => new URL(page.url()).searchParams.get(name)

browserTest(
  'the page names the app, where it returns to, who is signed in and each wish in plain words',
  async (browser) => {
    const client = await webApp()
    const person = somebody()
    const { page, complaints } = await profile(browser)
    const proof = pkce()
    await page.goto(signInAddress(server, client, { scope: 'openid profile email offline_access' }, proof))
    await fillRegistration(page, person)
    const text = (await page.getByRole('main').textContent()) ?? ''
    for (const words of [
      'Bird watch wants to use your Habitat account',
      `Signed in as ${person.email}`,
      'Know who you are',
      'See your name and basic profile',
      'See your email address',
      'Keep access when you are away',
      `You will return to ${new URL(app.origin).host}`,
    ]) {
      expect(text).toContain(words)
    }
    await allow(page).click()
    await atApp(page)
    const tokens = await redeem(server, client, parameter(page, 'code') ?? '', proof)
    expect(tokens.body).toMatchObject({ scope: 'openid profile email offline_access' })
    expect(complaints).toEqual([])
  },
)

browserTest(
  '"Deny" goes back to the app as access_denied, and nothing is remembered (RFC 6749 §4.1.2.1)',
  async (browser) => {
    const client = await webApp()
    const { page, complaints } = await profile(browser)
    await page.goto(signInAddress(server, client))
    await fillRegistration(page, somebody())
    await page.getByRole('button', { name: 'Deny', exact: true }).click()
    await atApp(page)
    expect(parameter(page, 'error')).toBe('access_denied')
    expect(parameter(page, 'iss')).toBe(server.origin)
    expect(parameter(page, 'code')).toBeNull()
    await page.goto(signInAddress(server, client))
    await allow(page).waitFor()
    expect(complaints).toEqual([])
  },
)

browserTest(
  'consent is remembered in every browser, asked for again on prompt=consent and for more',
  async (browser) => {
    const client = await webApp()
    const person = somebody()
    const first = await profile(browser)
    await first.page.goto(signInAddress(server, client))
    await fillRegistration(first.page, person)
    await allow(first.page).click()
    await atApp(first.page)
    const second = await profile(browser, { javaScriptEnabled: false })
    await second.page.goto(signInAddress(server, client))
    await fillSignIn(second.page, person)
    await atApp(second.page)
    await second.page.goto(signInAddress(server, client, { prompt: 'consent' }))
    await allow(second.page).click()
    await atApp(second.page)
    await second.page.goto(signInAddress(server, client, { scope: 'openid email' }))
    await second.page.getByText('See your email address').waitFor()
    await allow(second.page).click()
    await atApp(second.page)
    await first.page.goto(signInAddress(server, client, { scope: 'openid email' }))
    await atApp(first.page)
    expect([...first.complaints, ...second.complaints]).toEqual([])
  },
)

browserTest('an app of our own is not asked about, whatever it asks for', async (browser) => {
  const client = await webApp({ first_party: true })
  const { page, complaints } = await profile(browser)
  await page.goto(signInAddress(server, client, { scope: 'openid profile email offline_access', prompt: 'consent' }))
  await fillRegistration(page, somebody())
  await atApp(page)
  expect(parameter(page, 'code')).toBeTruthy()
  expect(complaints).toEqual([])
})

browserTest(
  'an installed app on a port of the moment is asked about each time (RFC 8252 §7.3, §8.6)',
  async (browser) => {
    const registered = await server.client('native', { redirect_uris: ['http://127.0.0.1/cb'] })
    const client = { ...registered, redirectUri: app.redirectUri }
    const { page, complaints } = await profile(browser)
    await page.goto(signInAddress(server, client))
    await fillRegistration(page, somebody())
    for (let round = 0; round < 2; round += 1) {
      await allow(page).click()
      await atApp(page)
      await page.goto(signInAddress(server, client))
    }
    await allow(page).waitFor()
    expect(complaints).toEqual([])
  },
)

browserTest('"Not you?" asks who it is and comes back with the other person', async (browser) => {
  const client = await webApp()
  const [one, two] = [somebody(), somebody()]
  const { page, complaints } = await profile(browser)
  await page.goto(signInAddress(server, client))
  await fillRegistration(page, one)
  await page.getByRole('button', { name: 'Not you?' }).click()
  await fillRegistration(page, two)
  await page.getByText(`Signed in as ${two.email}`).waitFor()
  await allow(page).click()
  await atApp(page)
  expect(complaints).toEqual([])
})

browserTest('what an app calls itself is shown as text, never as markup', async (browser) => {
  const name = '<img src=x onerror=alert(1)>"><script>alert(1)</script> & "friends"'
  const client = await webApp({ client_name: name })
  const { page, complaints } = await profile(browser)
  await page.goto(signInAddress(server, client))
  await fillRegistration(page, somebody())
  expect(await page.getByRole('heading', { level: 1 }).textContent()).toContain(name)
  expect(await page.locator('script, img[src=x]').count()).toBe(0)
  expect(complaints).toEqual([])
})
