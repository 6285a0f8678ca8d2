/**
 * What axe-core and a real browser say about every page, in both colour schemes, on the narrowest phone and a desk.
 */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { AxeResults } from 'axe-core'
import type { Browser, Page } from 'playwright-core'
import { expect } from 'vitest'
import { browserTest } from '../support/browser.ts'
import { samplePages } from './samples.ts'

// Problems that mark the same fields look the same; one of each kind is enough here.
const lookAlike = /(too-many-tries|email-unavailable|password-too-long|password-too-common|registration-closed)$/
const samples = samplePages({ text: (plain) => plain, address: (plain) => plain }).filter(
  ({ state }) => !lookAlike.test(state),
)
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const stylesheet = readFileSync(new URL('../../views/style.css', import.meta.url), 'utf8')
const policy = "default-src 'none'; style-src 'self'; img-src 'self' data:; frame-ancestors 'none'"
const origin = 'http://auth.example'
/** Milliseconds for a look at all of them, on a machine that has other things to do, too. */
const everyPage = 240_000

// The scheme changes nothing but colours: what does not depend on them is asked once.
const ofColours = ['color-contrast', 'link-in-text-block']

browserTest(
  'every page is accessible in light and in dark colours (WCAG 2.2 AA), fits a screen 320 px wide and asks for nothing but the stylesheet',
  async (browser) => {
    const requested = new Set<string>()
    const page = await openPages(browser, (url) => requested.add(url))
    for (const [index, { file, state }] of samples.entries()) {
      requested.clear()
      await page.setViewportSize({ width: 1280, height: 740 })
      await page.emulateMedia({ colorScheme: 'light' })
      await page.goto(`${origin}/${index}`)
      await page.evaluate(axe)
      const found = await violations(page, undefined)
      await page.emulateMedia({ colorScheme: 'dark' })
      found.push(...(await violations(page, ofColours)).map((sentence) => `dark: ${sentence}`))
      expect(found, `${file}, ${state}`).toEqual([])
      await page.setViewportSize({ width: 320, height: 740 })
      const width = await page.evaluate('document.documentElement.scrollWidth')
      expect(`${file}, ${state}: ${width} px`).toBe(`${file}, ${state}: 320 px`)
      expect([...requested]).toEqual([`${origin}/${index}`, `${origin}/assets/style-1.css`])
    }
  },
  everyPage,
)

/** What axe finds on the page, by these rules or by all. */
async function violations(page: Page, rules: readonly string[] | undefined): Promise<string[]> {
  const options = JSON.stringify({ resultTypes: ['violations'], ...(rules && { runOnly: rules }) })
  const { violations: found } = (await page.evaluate(`axe.run(${options})`)) as AxeResults
  return found.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join()}`)
}

/**
 * A page to which every sample is served under its number, with the policy of the server; `reached` hears of each
 * request that the policy lets out of the browser.
 */
async function openPages(browser: Browser, reached: (url: string) => void): Promise<Page> {
  // Colours that are still on their way from one scheme to the other are nobody's.
  const context = await browser.newContext({ reducedMotion: 'reduce' })
  await context.route('**/*', (route) => {
    const url = new URL(route.request().url())
    reached(url.href)
    if (url.pathname.startsWith('/assets/')) return route.fulfill({ contentType: 'text/css', body: stylesheet })
    const sample = samples[Number(url.pathname.slice(1))]
    if (sample === undefined) return route.abort()
    const headers = { 'content-security-policy': policy }
    return route.fulfill({ contentType: 'text/html; charset=utf-8', headers, body: sample.page })
  })
  return context.newPage()
}
