/** Signing in at a real PDS, through its own pages, in a real browser. */
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect } from 'vitest'
import { pkce, redeem } from '../support/authorize.ts'
import { browserTest } from '../support/browser.ts'
import { type App, browse, openApp, signInAddress } from '../support/browsing.ts'
import { type PdsAccount, startPds, type TestPds } from '../support/pds.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

let pds: TestPds
let server: TestServer

beforeAll(async () => {
  pds = await startPds()
  server = await startTestServer({ settings: pds.settings })
})
afterAll(async () => {
  await server.stop()
  await pds.close()
})

browserTest(
  'a newcomer types a handle, signs in at the PDS, makes an account; and comes back to it',
  async (browser) => {
    await using app = await openApp()
    const client = await server.client('native', { redirect_uris: [app.redirectUri] })
    const alice = await pds.account()
    const subjects: unknown[] = []
    for (const visit of ['first', 'second']) {
      const { page, context, complaints } = await profile(browser, app)
      const proof = pkce()
      await page.goto(signInAddress(server, client, { scope: 'openid atproto' }, proof))
      await page.getByRole('button', { name: 'Continue with Bluesky or atproto' }).click()
      await page.getByLabel('Handle').fill(alice.handle)
      await page.getByRole('button', { name: 'Continue', exact: true }).click()
      await allowAtPds(page, alice)
      if (visit === 'first') {
        await page.getByText(`as ${alice.handle} for the first time`).waitFor()
        await page.getByRole('button', { name: 'Create account' }).click()
      }
      await page.getByRole('button', { name: 'Allow' }).click()
      await page.waitForURL(`${app.redirectUri}?*`)
      const code = new URL(page.url()).searchParams.get('code') ?? ''
      const { body } = await redeem(server, client, code, proof)
      const claims = await fetch(`${server.origin}/userinfo`, {
        headers: { authorization: `Bearer ${body.access_token}` },
      })
      subjects.push(await claims.json())
      expect(complaints).toEqual([])
      await context.close()
    }
    expect(subjects[0]).toMatchObject({ did: alice.did, handle: alice.handle })
    expect(subjects[1]).toEqual(subjects[0])
  },
)

browserTest('who turns back at the PDS may try again or sign in another way', async (browser) => {
  await using app = await openApp()
  const client = await server.client('native', { redirect_uris: [app.redirectUri] })
  const alice = await pds.account()
  const { page, complaints } = await profile(browser, app)
  await page.goto(signInAddress(server, client, { handle: alice.handle }))
  await page.waitForURL(`${pds.url}/**`)
  await signInAtPds(page, alice)
  await page.getByRole('button', { name: /deny|cancel/i }).click()
  await page.getByText('You cancelled that sign-in').waitFor()
  await page.getByRole('button', { name: 'Continue with email and password' }).waitFor()
  await page.getByRole('button', { name: 'Continue with Bluesky or atproto' }).click()
  expect(await page.getByLabel('Handle').inputValue()).toBe(alice.handle)
  expect(complaints).toEqual([])
})

/** A browser of its own; what it says about the pages of the PDS is not about ours. */
function profile(browser: Browser, app: App) {
  return browse(browser, [server.origin, loopback(), app.origin, pds.url], { strangers: [pds.url] })
}

/** Where callbacks of a PDS arrive for an issuer on localhost. */
function loopback(): string {
  return server.origin.replace('localhost', '127.0.0.1')
}

async function signInAtPds(page: Page, account: PdsAccount): Promise<void> {
  await page.fill('input[type=password]', account.password)
  await page.click('button[type=submit]')
}

async function allowAtPds(page: Page, account: PdsAccount): Promise<void> {
  await signInAtPds(page, account)
  await page.getByRole('button', { name: 'Authorize' }).click()
}
