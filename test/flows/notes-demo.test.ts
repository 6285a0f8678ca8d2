/** The notes app, clicked through as a newcomer does: the server's pages, the real pages of a PDS, and the app. */
import { expect } from 'vitest'
import { startNotesDemo } from '../../examples/notes/demo.ts'
import { browserTest } from '../support/browser.ts'

browserTest(
  'a newcomer signs in with a handle, allows the notes app, and the note stands in the PDS',
  async (browser) => {
    const demo = await startNotesDemo({ server: 0, app: 0 })
    try {
      const page = await browser.newPage({ locale: 'en-US' })
      const button = (name: string) => page.getByRole('button', { name, exact: true })
      await page.goto(demo.app)
      await button('Sign in').click()

      await page.waitForURL(`${demo.pds}/**`)
      await page.locator('input[type=password]').fill(demo.password)
      await page.getByText('Remember this account on this device').click()
      await button('Sign in').click()
      await button('Authorize').click()

      // Nobody here knows her yet.
      await page.waitForURL(`${demo.issuer}/**`)
      expect(await page.locator('main').textContent()).toContain(demo.handle)
      await button('Create account').click()
      await page.getByRole('heading', { name: /Notes/ }).waitFor()
      await button('Allow').click()

      // What she allowed is now asked of her PDS.
      await page.waitForURL(`${demo.pds}/**`)
      await button('Authorize').click()
      await page.waitForURL(`${demo.app}/`)
      expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe(`Hello, ${demo.handle}`)

      await page.locator('#text').fill('Milk & honey')
      await button('Keep it').click()
      await page.locator('#notes').getByText('Milk & honey').waitFor()
      const query = new URLSearchParams({ repo: demo.did, collection: 'com.example.note' })
      const there = await fetch(`${demo.pds}/xrpc/com.atproto.repo.listRecords?${query}`)
      expect(await there.json()).toMatchObject({ records: [{ value: { text: 'Milk & honey' } }] })
    } finally {
      await demo.stop()
    }
  },
  // It starts a directory, a PDS, a server with a new database and the app: on a busy machine that is most of a minute.
  120_000,
)
