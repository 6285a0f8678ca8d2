/** The demo, clicked through as a newcomer does. */
import { expect } from 'vitest'
import { startDemo } from '../../examples/demo/demo.ts'
import { browserTest } from '../support/browser.ts'

browserTest(
  'a newcomer signs in to the example app, sees the tokens, refreshes them and signs out',
  async (browser) => {
    const demo = await startDemo({ server: 0, app: 0 })
    try {
      const page = await browser.newPage()
      const button = (name: string) => page.getByRole('button', { name, exact: true })
      await page.goto(demo.app)
      await page.getByRole('link', { name: 'Sign in' }).click()

      await page.locator('[name=email]').fill(demo.email)
      await page.locator('[name=password]').fill(demo.password)
      await button('Sign in').click()
      await button('Allow').click()

      await page.waitForURL(`${demo.app}/`)
      expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe('Hello, Dana Demo')
      const claims = await page.locator('#id-token dl').textContent()
      expect(claims).toContain(demo.issuer)
      expect(await page.locator('#userinfo').textContent()).toContain(demo.email)
      const tokens = async () => [
        await page.locator('#access-token .token').textContent(),
        await page.locator('#refresh-token .token').textContent(),
      ]
      const before = await tokens()

      await button('Refresh the tokens').click()
      await page.getByText('the tokens were refreshed 1 time').waitFor()
      const after = await tokens()
      for (const token of before) expect(after).not.toContain(token)

      await button('Sign out').click()
      await page.waitForURL(`${demo.issuer}/**`)
      await button('Sign out').click()
      await page.waitForURL(`${demo.app}/`)
      expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe('Welcome')
    } finally {
      await demo.stop()
    }
  },
)

browserTest('the example app says so when a person denies it access', async (browser) => {
  const demo = await startDemo({ server: 0, app: 0 })
  try {
    const page = await browser.newPage()
    await page.goto(`${demo.app}/sign-in`)
    await page.locator('[name=email]').fill(demo.email)
    await page.locator('[name=password]').fill(demo.password)
    await page.getByRole('button', { name: 'Sign in', exact: true }).click()
    await page.getByRole('button', { name: 'Deny', exact: true }).click()
    await page.getByRole('heading', { name: 'Access denied' }).waitFor()
  } finally {
    await demo.stop()
  }
})
