/** An app that is a page and nothing else, in chromium, by oidc-client-ts (OpenID Connect Core 1.0, RP-Initiated Logout 1.0). */
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, expect } from 'vitest'
import { browserTest } from '../support/browser.ts'
import { browse, fillRegistration } from '../support/browsing.ts'
import { startApp } from '../support/interop.ts'
import { somebody } from '../support/people.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

/** Runs in the page, which has the library as `oidc`; answers what it ends with. */
function inPage(page: Page, script: string): Promise<unknown> {
  return page.evaluate(`(async () => {
    const { authority, client_id } = await (await fetch('/settings')).json()
    const base = { authority, client_id, redirect_uri: location.origin + '/callback', silentRequestTimeoutInSeconds: 3 }
    ${script}
  })()`)
}

/**
 * Without a refresh token the library asks in a hidden frame (prompt=none). Only redirects pass through it, so that no page
 * of ours stands in a frame; of an app at another site the browser would send no cookie along (SameSite).
 */
function inFrame(page: Page): Promise<unknown> {
  return inPage(
    page,
    `const store = new oidc.WebStorageStateStore({ store: new oidc.InMemoryWebStorage() })
    const users = new oidc.UserManager({ ...base, userStore: store })
    return users.signinSilent().then(() => 'renewed', ({ error }) => error)`,
  )
}

browserTest('sign-in, renewal by refresh token and in a frame of the same site, sign-out', async (browser) => {
  await using app = await startApp(server, { program: 'oidc-client-ts', profile: 'spa' })
  const { page } = await browse(browser, [server.origin, app.origin])
  const person = somebody()
  const heading = (name: string) => page.getByRole('heading', { name, exact: true }).waitFor()
  const press = (name: string) => page.getByRole('button', { name, exact: true }).click()

  await page.goto(app.origin)
  await press('Sign in to the app')
  await fillRegistration(page, person)
  await press('Allow')
  await heading(`Signed in as ${person.email}`)
  expect(new URL(page.url()).search).toBe('')

  // What the library read from the ID token, after its checks of issuer, audience, times and nonce.
  const profile = await inPage(page, 'return (await new oidc.UserManager(base).getUser()).profile')
  expect(profile).toMatchObject({ iss: server.origin, email: person.email })

  await press('Renew')
  await heading(`Renewed as ${person.email}`)

  expect(await inFrame(page)).toBe('renewed')

  await press('Sign out of the app')
  await press('Sign out')
  await heading('Nobody is signed in')
  await page.goto(`${server.origin}/account`)
  await heading('Sign in')
})
