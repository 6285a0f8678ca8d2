/**
 * Debian's chromium, driven by playwright-core, for tests that need a real browser.
 *
 * Where there is none the tests are skipped and the run says how to get it (`missing-tools.ts`).
 */
import { existsSync } from 'node:fs'
import { type Browser, chromium } from 'playwright-core'
import { afterAll, test } from 'vitest'
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

/** Started by the first test of a file that needs it: to start one takes as long as most of what is tested with it. */
let shared: Browser | undefined

/**
 * A test with a browser that knows nothing of the tests before it: what they opened is closed and forgotten. Skipped, and
 * reported as such, where there is none. `timeout` in milliseconds, where the usual minute is too short.
 */
export function browserTest(name: string, run: (browser: Browser) => Promise<void>, timeout?: number): void {
  afterAll(async () => {
    const browser = shared
    shared = undefined
    await browser?.close()
  })
  test(name, { ...(timeout === undefined ? {} : { timeout }) }, async (context) => {
    if (findChromium() === undefined) return context.skip(wantOf('chromium'))
    if (shared?.isConnected() !== true) shared = await launchBrowser()
    const browser = shared
    try {
      await run(browser)
    } finally {
      await Promise.all(browser.contexts().map((it) => it.close()))
    }
  })
}
