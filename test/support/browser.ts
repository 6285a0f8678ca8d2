/**
 * Debian's chromium, driven by playwright-core, for tests that need a real browser.
 *
 * Where there is none the tests are skipped and the run says how to get it (`missing-tools.ts`).
 */
import { existsSync } from 'node:fs'
import { type Browser, chromium } from 'playwright-core'
import { test } from 'vitest'
import { wantOf } from './missing-tools.ts'

/** Path of the browser: `CHROMIUM_PATH`, else Debian's; undefined when there is none. */
function findChromium(): string | undefined {
  const path = process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium'
  return existsSync(path) ? path : undefined
}

/** Starts a browser that speaks to nobody but the pages under test. Throws when there is none: use `browserTest`. */
async function launchBrowser(): Promise<Browser> {
  const executablePath = findChromium()
  if (executablePath === undefined) throw new Error('there is no chromium here')
  return chromium.launch({
    executablePath,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--disable-dev-shm-usage',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })
}

/** A test with a browser of its own, closed afterwards; skipped, and reported as such, where there is none. */
export function browserTest(name: string, run: (browser: Browser) => Promise<void>): void {
  test(name, async (context) => {
    if (findChromium() === undefined) return context.skip(wantOf('chromium'))
    const browser = await launchBrowser()
    try {
      await run(browser)
    } finally {
      await browser.close()
    }
  })
}
