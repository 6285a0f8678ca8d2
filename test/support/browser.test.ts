import { expect } from 'vitest'
import { browserTest } from './browser.ts'

browserTest('a browser shows a page', async (browser) => {
  const page = await browser.newPage()
  await page.setContent('<h1>Hello</h1>')
  expect(await page.getByRole('heading').textContent()).toBe('Hello')
})
