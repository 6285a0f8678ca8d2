/** Signing out, in a real browser: from the account page, from an app, and by somebody who is not signed in. */
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { pkce, redeem } from '../support/authorize.ts'
import { browserTest } from '../support/browser.ts'
import { type App, browse, fillRegistration, openApp, signInAddress } from '../support/browsing.ts'
import { somebody } from '../support/people.ts'
import { startTestServer, type TestClient, type TestServer } from '../support/server.ts'

let server: TestServer
let app: App
let client: TestClient
beforeAll(async () => {
  server = await startTestServer()
  app = await openApp()
  client = await server.client('web', {
    client_name: 'Bird watch',
    redirect_uris: [app.redirectUri],
    post_logout_redirect_uris: [`${app.origin}/bye`],
    first_party: true,
  })
})
afterAll(async () => {
  await app[Symbol.asyncDispose]()
  await server.stop()
})

const profile = (browser: Browser, options = {}) => browse(browser, [server.origin, app.origin], options)

describe.each([true, false])('with scripts allowed: %s', (javaScriptEnabled) => {
  browserTest(
    'an app asks, the person agrees, the browser is back at the app (RP-Initiated Logout §2)',
    async (browser) => {
      const { page, complaints } = await profile(browser, { javaScriptEnabled })
      const proof = pkce()
      await page.goto(signInAddress(server, client, {}, proof))
      await fillRegistration(page, somebody())
      await page.getByRole('heading', { name: 'Back at the app' }).waitFor()
      const { body } = await redeem(server, client, new URL(page.url()).searchParams.get('code') ?? '', proof)
      const query = {
        id_token_hint: body.id_token ?? '',
        post_logout_redirect_uri: `${app.origin}/bye`,
        state: 'so long',
      }
      const address = `${server.origin}/logout?${new URLSearchParams(query)}`
      await page.goto(address)
      await page.getByText('Bird watch asks whether you want to sign out.').waitFor()
      await page.getByRole('button', { name: 'Sign out', exact: true }).click()
      await page.getByRole('heading', { name: 'Back at the app' }).waitFor()
      expect(page.url()).toBe(`${app.origin}/bye?state=so+long`)
      // Nobody is signed in any more: the same address leads straight back.
      await page.goto(address)
      expect(page.url()).toBe(`${app.origin}/bye?state=so+long`)
      await page.goto(`${server.origin}/account`)
      await page.getByRole('heading', { name: 'Sign in' }).waitFor()
      expect(complaints).toEqual([])
    },
  )

  browserTest('"Stay signed in" is as easy, and keeps the session', async (browser) => {
    const { page, complaints } = await profile(browser, { javaScriptEnabled })
    await page.goto(`${server.origin}/account`)
    await fillRegistration(page, somebody())
    await page.getByRole('heading', { name: 'Your account' }).waitFor()
    await page.getByRole('button', { name: 'Sign out', exact: true }).click()
    await page.getByRole('heading', { name: 'Sign out?' }).waitFor()
    // Our own page is no app that would ask for anything.
    expect(await page.getByText('asks whether').count()).toBe(0)
    await page.getByRole('button', { name: 'Stay signed in' }).click()
    await page.getByRole('heading', { name: 'Your account' }).waitFor()
    expect(complaints).toEqual([])
  })

  browserTest('somebody who is not signed in is told that they are signed out', async (browser) => {
    const { page, complaints } = await profile(browser, { javaScriptEnabled })
    await page.goto(`${server.origin}/logout`)
    await page.getByRole('heading', { name: 'You are signed out' }).waitFor()
    expect(complaints).toEqual([])
  })
})
