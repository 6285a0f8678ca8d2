/** An app that runs in the browser alone, with oidc-client-ts, in chromium; a process of its own serves its page. */
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

browserTest('oidc-client-ts: discovery, sign-in, userinfo, refresh, logout', async (browser) => {
  await using app = await startApp(server, { program: 'oidc-client-ts', profile: 'spa' })
  const { page, complaints } = await browse(browser, [server.origin, app.origin])
  const person = somebody()
  const heading = (name: string) => page.getByRole('heading', { name, exact: true }).waitFor()
  const press = (name: string) => page.getByRole('button', { name, exact: true }).click()

  await page.goto(app.origin)
  await heading('Nobody is signed in')
  await press('Sign in to the app')
  await fillRegistration(page, person)
  await press('Allow')
  await heading(`Signed in as ${person.email}`)
  await press('Renew')
  await heading(`Renewed as ${person.email}`)
  await press('Sign out of the app')
  await press('Sign out')
  await heading('Nobody is signed in')
  await page.goto(`${server.origin}/account`)
  await heading('Sign in')
  expect(complaints).toEqual([])
})
