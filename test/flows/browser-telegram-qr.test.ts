/** Signing in with Telegram by a picture at a real desk: the page hears of it by itself, also when the server goes and comes. */
import { randomBytes } from 'node:crypto'
import { afterAll, afterEach, beforeAll, beforeEach, expect, vi } from 'vitest'
import { browserTest } from '../support/browser.ts'
import { type App, browse, openApp, signInAddress } from '../support/browsing.ts'
import { openTestDatabase, type TestDatabase } from '../support/database.ts'
import { startTelegram, type Telegram } from '../support/fakes/telegram.ts'
import { startTestServer, type TestClient, type TestServer } from '../support/server.ts'
import { codeOn, namedBotAt, notMe, pick, scan, wrongNumber } from '../support/telegram-qr.ts'

let telegram: Telegram
let database: TestDatabase
let server: TestServer
let settings: Record<string, string>
let app: App
let client: TestClient
beforeAll(async () => {
  telegram = await startTelegram()
  database = await openTestDatabase()
  settings = { ...namedBotAt(telegram), SECRETS: randomBytes(32).toString('hex') }
  server = await startTestServer({ settings, database })
  app = await openApp()
  client = await server.client('web', { redirect_uris: [app.redirectUri], first_party: true })
})
afterAll(async () => {
  await app[Symbol.asyncDispose]()
  await server.stop()
  await database.close()
  expect(telegram.complaints).toEqual([])
  await telegram[Symbol.asyncDispose]()
})

// All of them come from one address, which one of them is reported for.
beforeEach(() => database.store.db.deleteFrom('limits').execute())
afterEach(() => void vi.useRealTimers())

async function shownCode(browser: Parameters<Parameters<typeof browserTest>[1]>[0], options = {}) {
  const { page, complaints } = await browse(browser, [server.origin, app.origin], options)
  await page.goto(signInAddress(server, client))
  await page.getByRole('button', { name: 'Continue with Telegram', exact: true }).click()
  await page.getByRole('heading', { name: 'Confirm in Telegram' }).waitFor()
  return { page, complaints, code: codeOn({ text: await page.content() }) }
}

browserTest('the page goes on by itself once the number is chosen in the chat', async (browser) => {
  const { page, complaints, code } = await shownCode(browser)
  const person = telegram.person('Dana')
  const question = await scan(person, code.link)
  await page.getByText('Telegram is open').waitFor()
  await pick(person, question, code.number)
  await page.getByText('You signed in with Telegram').waitFor()
  await page.getByRole('button', { name: 'Create account' }).click()
  await page.getByRole('heading', { name: 'Back at the app' }).waitFor()
  expect(complaints).toEqual([])
})

browserTest('where no stream can be had the page asks now and then, and goes on by itself as well', async (browser) => {
  const { page, code } = await shownCode(browser)
  let refusals = 0
  await page.route('**/events', async (route) => {
    if (!route.request().headers()['accept']?.includes('text/event-stream')) return route.continue()
    refusals += 1
    await route.fulfill({ status: 503, body: '{}' })
  })
  await page.reload()
  const person = telegram.person('Dana')
  const question = await scan(person, code.link)
  await page.getByText('Telegram is open').waitFor()
  await pick(person, question, code.number)
  await page.getByText('You signed in with Telegram').waitFor()
  expect(refusals).toBe(1)
})

browserTest('a wrong number, and somebody who says that it was not them, are told without a touch', async (browser) => {
  const { page, complaints, code } = await shownCode(browser)
  const person = telegram.person()
  const question = await scan(person, code.link)
  await pick(person, question, wrongNumber(question, code))
  await page.getByText('Another number was chosen in Telegram').waitFor()
  await page.getByRole('button', { name: 'Get a new code' }).click()
  await page.getByText('Waiting for you in Telegram').waitFor()
  const next = codeOn({ text: await page.content() })
  expect(next.link).not.toBe(code.link)
  await pick(person, await scan(person, next.link), notMe)
  await page.getByText('You cancelled that sign-in').waitFor()
  expect(complaints).toEqual([])
})

browserTest('the picture is of use to one person, once, and signs in no other browser', async (browser) => {
  const { page, code } = await shownCode(browser)
  const second = await browse(browser, [server.origin, app.origin])
  await second.page.goto(page.url())
  expect(await second.page.content()).not.toContain(code.link)
  const [dana, stranger] = [telegram.person('Dana'), telegram.person('Stranger')]
  const question = await scan(dana, code.link)
  stranger.open(code.link)
  await stranger.told('This code is over')
  await pick(dana, question, code.number)
  await page.getByText('You signed in with Telegram').waitFor()
  await second.page.reload()
  expect(await second.page.content()).not.toContain('You signed in')
  dana.open(code.link)
  await dana.told('This code is over')
  expect(await page.getByText('You signed in with Telegram').isVisible()).toBe(true)
})

browserTest('a picture that nobody scanned in two minutes gives way to another one', async (browser) => {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() })
  const { page, code } = await shownCode(browser)
  vi.setSystemTime(Date.now() + 121_000)
  const person = telegram.person()
  person.open(code.link)
  await person.told('This code is over')
  await page.locator(`a[href="${code.link}"]`).waitFor({ state: 'detached' })
  const next = codeOn({ text: await page.content() })
  await pick(person, await scan(person, next.link), next.number)
  await page.getByText('You signed in with Telegram').waitFor()
})

browserTest('a server that stops between scan and confirmation, and comes back, is not noticed', async (browser) => {
  const { page, code } = await shownCode(browser)
  const person = telegram.person()
  const question = await scan(person, code.link)
  await page.getByText('Telegram is open').waitFor()
  const { port } = new URL(server.origin)
  await server.stop()
  server = await startTestServer({ settings: { ...settings, PORT: port }, database })
  await pick(person, question, code.number)
  await page.getByText('You signed in with Telegram').waitFor({ timeout: 20_000 })
})

browserTest('without scripts the button does what the page would', async (browser) => {
  const { page, complaints, code } = await shownCode(browser, { javaScriptEnabled: false })
  const person = telegram.person()
  await pick(person, await scan(person, code.link), code.number)
  await person.told('Confirmed')
  await page.getByRole('button', { name: 'Continue', exact: true }).click()
  await page.getByText('You signed in with Telegram').waitFor()
  expect(complaints).toEqual([])
})
