/** Registering and signing in, in a real browser: with scripts and without, with the mouse and without. */
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { browserTest } from '../support/browser.ts'
import {
  type App,
  browse,
  codeOf,
  fillCode,
  fillRegistration,
  fillSignIn,
  openApp,
  setUpSecondFactor,
  signInAddress,
  tabTo,
} from '../support/browsing.ts'
import { somebody } from '../support/people.ts'
import { startTestServer, type TestClient, type TestServer } from '../support/server.ts'

let server: TestServer
let app: App
let client: TestClient
beforeAll(async () => {
  server = await startTestServer()
  app = await openApp()
  client = await server.client('web', { redirect_uris: [app.redirectUri] })
})
afterAll(async () => {
  await app[Symbol.asyncDispose]()
  await server.stop()
})

const profile = (browser: Browser, options = {}) => browse(browser, [server.origin, app.origin], options)

describe.each([true, false])('with scripts allowed: %s', (javaScriptEnabled) => {
  browserTest('a person registers, allows the app, and is back at it', async (browser) => {
    const { page, complaints } = await profile(browser, { javaScriptEnabled })
    await page.goto(signInAddress(server, client))
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe('Sign in')
    await fillRegistration(page, somebody())
    await page.getByRole('button', { name: 'Allow', exact: true }).click()
    await page.getByRole('heading', { name: 'Back at the app' }).waitFor()
    expect(new URL(page.url()).searchParams.get('code')).toBeTruthy()
    expect(complaints).toEqual([])
  })

  browserTest('a second factor is set up and asked for; a code counts once; recovery codes work', async (browser) => {
    const person = somebody()
    const home = await profile(browser, { javaScriptEnabled })
    await home.page.goto(`${server.origin}/account`)
    await fillRegistration(home.page, person)
    await setUpSecondFactor(home.page, person)
    expect(person.recoveryCodes?.length).toBe(10)
    await home.page.getByRole('link', { name: 'I have saved them' }).click()
    await home.page.getByText('10 codes left').waitFor()
    await home.page.getByRole('button', { name: 'Sign out', exact: true }).click()
    await home.page.getByRole('button', { name: 'Sign out', exact: true }).click()
    await home.page.getByRole('heading', { name: 'You are signed out' }).waitFor()

    const code = codeOf(person, 30)
    const signInWith = async (answer: string) => {
      const other = await profile(browser, { javaScriptEnabled })
      await other.page.goto(`${server.origin}/account`)
      await fillSignIn(other.page, person)
      await fillCode(other.page, answer)
      return other
    }
    const first = await signInWith(code)
    await first.page.getByRole('heading', { name: 'Your account' }).waitFor()
    const second = await signInWith(code)
    await second.page.getByText('That code didn’t work').waitFor()
    await fillCode(second.page, person.recoveryCodes?.[0] ?? '')
    await second.page.getByText('9 codes left').waitFor()
    const third = await signInWith(person.recoveryCodes?.[0] ?? '')
    await third.page.getByText('That code didn’t work').waitFor()
    for (const { complaints } of [home, first, second, third]) expect(complaints).toEqual([])
  })

  browserTest('a wrong password is said so, and the address that was typed stays', async (browser) => {
    const { page, complaints } = await profile(browser, { javaScriptEnabled })
    await page.goto(signInAddress(server, client))
    await fillSignIn(page, { email: 'nobody@example.com', password: 'wrong password' })
    expect(await page.getByRole('alert').textContent()).toContain('don’t match')
    expect(await page.getByLabel('Email', { exact: true }).inputValue()).toBe('nobody@example.com')
    expect(await page.getByLabel('Password', { exact: true }).inputValue()).toBe('')
    expect(complaints).toEqual([])
  })

  browserTest('somebody signs in as another person in the same browser, and lands at the app', async (browser) => {
    const [one, two] = [somebody(), somebody()]
    const { page, complaints } = await profile(browser, { javaScriptEnabled })
    const trusted = await server.client('web', { redirect_uris: [app.redirectUri], first_party: true })
    const enter = async (answer: () => Promise<void>) => {
      await page.goto(signInAddress(server, trusted, { prompt: 'login' }))
      await answer()
      await page.getByRole('heading', { name: 'Back at the app' }).waitFor()
    }
    await enter(() => fillRegistration(page, one))
    await enter(() => fillRegistration(page, two))
    await enter(() => fillSignIn(page, one))
    await page.goto(`${server.origin}/account`)
    await page.getByText(one.email).first().waitFor()
    expect(complaints).toEqual([])
  })
})

browserTest('everything can be done with the keyboard alone', async (browser) => {
  const person = somebody()
  const { page, complaints } = await profile(browser)
  await page.goto(signInAddress(server, client))
  await tabTo(page, 'Create an account')
  await page.keyboard.press('Enter')
  await page.getByRole('button', { name: 'Create account' }).waitFor()
  // The first field gets the focus by itself.
  await page.locator('[name=name]:focus').waitFor()
  await page.keyboard.press('Tab')
  await page.keyboard.type(person.email)
  await page.keyboard.press('Tab')
  await page.keyboard.type(person.password)
  await page.keyboard.press('Enter')
  await page.getByRole('button', { name: 'Allow', exact: true }).waitFor()
  await tabTo(page, 'Allow')
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: 'Back at the app' }).waitFor()
  const other = await profile(browser)
  await other.page.goto(signInAddress(server, client))
  await other.page.locator('[name=email]:focus').waitFor()
  await other.page.keyboard.type(person.email)
  await other.page.keyboard.press('Tab')
  await other.page.keyboard.type(person.password)
  await other.page.keyboard.press('Enter')
  await other.page.getByRole('heading', { name: 'Back at the app' }).waitFor()
  expect([...complaints, ...other.complaints]).toEqual([])
})

browserTest('a person who cancels is back at the app, which is told so', async (browser) => {
  const { page, complaints } = await profile(browser)
  await page.goto(signInAddress(server, client))
  await page.getByRole('button', { name: /Cancel and return/ }).click()
  await page.getByRole('heading', { name: 'Back at the app' }).waitFor()
  expect(new URL(page.url()).searchParams.get('error')).toBe('access_denied')
  expect(complaints).toEqual([])
})

browserTest('a language that is not there falls back to English, and the page says which it is in', async (browser) => {
  for (const [locale, uiLocales] of [
    ['de-CH', undefined],
    ['en-GB', undefined],
    ['fr', 'xx en'],
    ['fr', '"><script>'],
  ] as const) {
    const { page, complaints } = await profile(browser, { locale })
    await page.goto(signInAddress(server, client, { ui_locales: uiLocales }))
    expect(await page.locator('html').getAttribute('lang')).toBe('en')
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe('Sign in')
    expect(complaints).toEqual([])
  }
})
