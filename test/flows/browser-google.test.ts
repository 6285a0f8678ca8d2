/** Signing in with Google in a real browser: what our policy allows a page to do is enough for the whole way. */
import { afterAll, beforeAll, expect } from 'vitest'
import { browserTest } from '../support/browser.ts'
import { type App, browse, openApp, signInAddress } from '../support/browsing.ts'
import { asGoogle, type FakeIssuer, fakeGoogle } from '../support/fakes/google.ts'
import { startTestServer, type TestClient, type TestServer } from '../support/server.ts'

let google: FakeIssuer
let server: TestServer
let app: App
let client: TestClient
beforeAll(async () => {
  google = await fakeGoogle()
  server = await startTestServer({ settings: asGoogle(google) })
  google.allow(`${server.origin}/interaction/callback/google`)
  app = await openApp()
  client = await server.client('web', { redirect_uris: [app.redirectUri] })
})
afterAll(async () => {
  await app[Symbol.asyncDispose]()
  await server.stop()
  await google[Symbol.asyncDispose]()
})

browserTest('a person turns back at Google, chooses it again, and ends at the app with an account', async (browser) => {
  const { page, complaints } = await browse(browser, [server.origin, app.origin, google.issuer], {
    javaScriptEnabled: false,
    strangers: [google.issuer],
  })
  await page.goto(signInAddress(server, client))
  await page.getByRole('button', { name: 'Continue with Google' }).click()
  await page.getByRole('button', { name: 'Cancel' }).click()
  await page.getByText('You cancelled that sign-in').waitFor()
  await page.getByRole('button', { name: 'Continue with Google' }).click()
  await page.getByRole('button', { name: 'alice@gmail.com' }).click()
  await page.getByText('You signed in with Google as alice@gmail.com').waitFor()
  await page.getByRole('button', { name: 'Create account' }).click()
  await page.getByRole('button', { name: 'Allow', exact: true }).click()
  await page.getByRole('heading', { name: 'Back at the app' }).waitFor()
  expect(new URL(page.url()).searchParams.get('code')).toBeTruthy()
  expect(complaints).toEqual([])
})

browserTest(
  'in a browser inside another app the page with the address can be read and copied whole',
  async (browser) => {
    const { page, complaints } = await browse(browser, [server.origin], {
      javaScriptEnabled: false,
      viewport: { width: 320, height: 640 },
      userAgent: 'Mozilla/5.0 (Linux; Android 15; Pixel 8; wv) Chrome/131.0.0.0 Telegram-Android/11.4.2',
    })
    await page.goto(signInAddress(server, client))
    await page.getByRole('button', { name: 'Continue with Google' }).click()
    await page.getByRole('heading', { name: 'Open this page in your browser' }).waitFor()
    expect(await page.locator('.address').textContent()).toBe(page.url())
    expect(await page.evaluate('getComputedStyle(document.querySelector(".address")).userSelect')).toBe('all')
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(320)
    expect(complaints).toEqual([])
  },
)
