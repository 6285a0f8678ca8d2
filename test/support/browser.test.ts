import { expect } from 'vitest'
import { browserTest } from './browser.ts'

browserTest('a browser shows a page', async (browser) => {
  const page = await browser.newPage()
  await page.setContent('<h1>Hello</h1>')
  expect(await page.getByRole('heading').textContent()).toBe('Hello')
})

browserTest('a browser keeps something in a page', async (browser) => {
  const context = await browser.newContext()
  await context.addCookies([{ name: 'kept', value: 'yes', url: 'http://localhost/' }])
  expect(await context.cookies()).toHaveLength(1)
})

browserTest('a browser begins each test with nothing open', async (browser) => {
  expect(browser.contexts()).toEqual([])
  expect(await (await browser.newContext()).cookies('http://localhost/')).toEqual([])
})
