/** The account pages in a real browser: what is taken back there is gone. */
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { endpoint, pkce, redeem, token } from '../support/authorize.ts'
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
} from '../support/browsing.ts'
import { type Person, somebody } from '../support/people.ts'
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
const account = () => `${server.origin}/account`
const isSignedIn = async (page: Page) => {
  await page.goto(account())
  return (await page.getByRole('heading', { name: 'Your account' }).count()) > 0
}

async function signedIn(browser: Browser, person: Person, isNew: boolean, options = {}) {
  const browsing = await profile(browser, options)
  await browsing.page.goto(account())
  await (isNew ? fillRegistration(browsing.page, person) : fillSignIn(browsing.page, person))
  await browsing.page.getByRole('heading', { name: 'Your account' }).waitFor()
  return browsing
}

describe.each([true, false])('with scripts allowed: %s', (javaScriptEnabled) => {
  browserTest('taking an app’s access back ends its tokens and its consent', async (browser) => {
    const { page, complaints } = await signedIn(browser, somebody(), true, { javaScriptEnabled })
    const client = await server.client('web', { client_name: 'Bird watch', redirect_uris: [app.redirectUri] })
    const proof = pkce()
    const scope = 'openid offline_access'
    await page.goto(signInAddress(server, client, { scope }, proof))
    await page.getByRole('button', { name: 'Allow', exact: true }).click()
    await page.getByRole('heading', { name: 'Back at the app' }).waitFor()
    const { body } = await redeem(server, client, new URL(page.url()).searchParams.get('code') ?? '', proof)
    await page.goto(account())
    await page.getByRole('button', { name: 'Remove access of Bird watch' }).click()
    await page.getByText('The app has no access any more.').waitFor()
    await page.getByText('No app has access to your account.').waitFor()
    const seen = await endpoint(server, client, '/introspect', { token: String(body.access_token) })
    expect(seen.body).toEqual({ active: false })
    const refreshed = await token(server, client, {
      grant_type: 'refresh_token',
      refresh_token: String(body.refresh_token),
    })
    expect(refreshed.body.error).toBe('invalid_grant')
    await page.goto(signInAddress(server, client, { scope }))
    await page.getByRole('button', { name: 'Allow', exact: true }).waitFor()
    expect(complaints).toEqual([])
  })

  browserTest('another browser is signed out from here', async (browser) => {
    const person = somebody()
    const here = await signedIn(browser, person, true, { javaScriptEnabled })
    const there = await signedIn(browser, person, false, { javaScriptEnabled })
    await here.page.goto(account())
    await here.page.getByRole('button', { name: /^End the session/ }).click()
    await here.page.getByText('You are signed out there.').waitFor()
    expect(await isSignedIn(there.page)).toBe(false)
    expect(await isSignedIn(here.page)).toBe(true)
    expect([...here.complaints, ...there.complaints]).toEqual([])
  })

  browserTest('a new password signs other browsers out, and the old one opens nothing', async (browser) => {
    const person = somebody()
    const here = await signedIn(browser, person, true, { javaScriptEnabled })
    const there = await signedIn(browser, person, false, { javaScriptEnabled })
    const next = 'something quite different 77'
    await here.page.goto(account())
    await here.page.getByRole('link', { name: 'Change password' }).click()
    await here.page.getByLabel('Current password').fill('not the current one')
    await here.page.getByLabel('New password').fill(next)
    await here.page.getByRole('button', { name: 'Change password' }).click()
    await here.page.getByText('That is not your current password').waitFor()
    await here.page.getByLabel('Current password').fill(person.password)
    await here.page.getByLabel('New password').fill(next)
    await here.page.getByRole('button', { name: 'Change password' }).click()
    await here.page.getByText('Your password is changed.').waitFor()
    expect(await isSignedIn(there.page)).toBe(false)
    await fillSignIn(there.page, person)
    await there.page.getByText('don’t match').waitFor()
    await fillSignIn(there.page, { ...person, password: next })
    await there.page.getByRole('heading', { name: 'Your account' }).waitFor()
    expect([...here.complaints, ...there.complaints]).toEqual([])
  })
})

browserTest('two-step sign-in is turned off again; new recovery codes replace the old', async (browser) => {
  const person = somebody()
  const { page, complaints } = await signedIn(browser, person, true)
  await setUpSecondFactor(page, person)
  const [old = ''] = person.recoveryCodes ?? []
  await page.getByRole('link', { name: 'I have saved them' }).click()
  await page.getByRole('button', { name: 'Make new codes' }).click()
  const fresh = await page.getByRole('list', { name: 'Recovery codes' }).getByRole('listitem').allTextContents()
  expect(fresh.length).toBe(10)
  expect(fresh).not.toContain(old)
  const other = await profile(browser)
  await other.page.goto(account())
  await fillSignIn(other.page, person)
  await fillCode(other.page, old)
  await other.page.getByText('That code didn’t work').waitFor()
  await fillCode(other.page, codeOf(person, 30))
  await other.page.getByRole('heading', { name: 'Your account' }).waitFor()
  await page.getByRole('link', { name: 'I have saved them' }).click()
  await page.getByRole('button', { name: 'Turn off' }).click()
  await page.getByText('Two-step sign-in is off.').waitFor()
  const third = await signedIn(browser, person, false)
  expect([...complaints, ...other.complaints, ...third.complaints]).toEqual([])
})

browserTest('"Sign out everywhere" ends every session, this one too', async (browser) => {
  const person = somebody()
  const here = await signedIn(browser, person, true)
  const there = await signedIn(browser, person, false)
  await here.page.goto(account())
  await here.page.getByRole('button', { name: 'Sign out everywhere' }).click()
  await here.page.getByRole('heading', { name: 'You are signed out' }).waitFor()
  expect(await isSignedIn(here.page)).toBe(false)
  expect(await isSignedIn(there.page)).toBe(false)
  expect([...here.complaints, ...there.complaints]).toEqual([])
})
