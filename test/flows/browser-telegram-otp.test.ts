/** Signing in with a phone number and a code at a real browser: typed, asked for anew, wrong, and right. */
import { afterAll, beforeAll, expect } from 'vitest'
import { browserTest } from '../support/browser.ts'
import { type App, browse, fillCode, openApp, signInAddress } from '../support/browsing.ts'
import { startTelegram, type Telegram } from '../support/fakes/telegram.ts'
import { codeTold, newNumber } from '../support/otp-api.ts'
import { startTestServer, type TestClient, type TestServer } from '../support/server.ts'
import { namedBotAt } from '../support/telegram-qr.ts'

let telegram: Telegram
let server: TestServer
let app: App
let client: TestClient
beforeAll(async () => {
  telegram = await startTelegram()
  server = await startTestServer({ settings: namedBotAt(telegram) })
  app = await openApp()
  client = await server.client('web', { redirect_uris: [app.redirectUri], first_party: true })
})
afterAll(async () => {
  await app[Symbol.asyncDispose]()
  await server.stop()
  expect(telegram.complaints).toEqual([])
  await telegram[Symbol.asyncDispose]()
})

browserTest('somebody who never wrote to the bot shares their number and signs in by the code', async (browser) => {
  const { page, complaints } = await browse(browser, [server.origin, app.origin], {
    viewport: { width: 375, height: 700 },
  })
  const number = newNumber()
  await page.goto(signInAddress(server, client))
  await page.getByRole('button', { name: 'Continue with a code in Telegram' }).click()
  await page.getByLabel('Phone number').fill('+1 202 555 0123')
  await page.getByRole('button', { name: 'Get a code' }).click()
  await page.getByText('a phone number that gets codes here').waitFor()
  await page.getByLabel('Phone number').fill(`8 ${number.slice(2, 5)} ${number.slice(5)}`)
  await page.getByRole('button', { name: 'Get a code' }).click()
  await page.getByText(number).waitFor()

  const person = telegram.person('Dana')
  person.open((await page.getByRole('link', { name: 'Open Telegram' }).getAttribute('href')) ?? '')
  await person.told('share your phone number')
  person.share(number)
  await codeTold(person)

  await page.getByRole('button', { name: 'Send a new code' }).click()
  await page.getByText('We sent a new code').waitFor()
  const second = await codeTold(person, 1)
  await fillCode(
    page,
    second.replace(/.$/, (last) => String((Number(last) + 1) % 10)),
  )
  await page.getByText('That code didn’t work').waitFor()
  await fillCode(page, `${second.slice(0, 3)} ${second.slice(3)}`)
  await page.getByText('You signed in with Telegram').waitFor()
  await page.getByRole('button', { name: 'Create account' }).click()
  await page.getByRole('heading', { name: 'Back at the app' }).waitFor()
  expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true)
  expect(complaints).toEqual([])
})
