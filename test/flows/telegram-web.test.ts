/** The ways of Telegram that begin on a web page: the Mini App, Log In with Telegram, the login of old bots. All are one person. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { authorizeUrl, pkce } from '../support/authorize.ts'
import { browserTest } from '../support/browser.ts'
import { browse } from '../support/browsing.ts'
import { bolat, initDataOf, testBotToken } from '../support/fakes/mini-app.ts'
import { asTelegramIssuer, type TelegramIssuer, telegramIssuer } from '../support/fakes/telegram-issuer.ts'
import { startTestServer, type TestClient, type TestServer } from '../support/server.ts'

let telegram: TelegramIssuer
let server: TestServer
let client: TestClient
beforeAll(async () => {
  telegram = await telegramIssuer()
  server = await startTestServer({
    settings: {
      TELEGRAM_BOT_TOKEN: testBotToken,
      TELEGRAM_API_ROOT: 'http://127.0.0.1:9',
      TELEGRAM_LOGIN_WIDGET: 'yes',
      ...asTelegramIssuer(telegram),
    },
  })
  telegram.allow(`${server.origin}/interaction/callback/telegram-oidc`)
  client = await server.client('web')
})
afterAll(async () => {
  await server.stop()
  await telegram[Symbol.asyncDispose]()
})

/** What Telegram opens, with what it says behind the `#`. */
function opened(initData: string): string {
  return `${server.origin}/telegram/app#tgWebAppData=${encodeURIComponent(initData)}&tgWebAppVersion=8.0`
}

browserTest(
  'who opens the Mini App is shown whom Telegram names, and is signed in once they agree',
  async (browser) => {
    const { page, complaints } = await browse(browser, [server.origin])
    const initData = initDataOf({ user: { ...bolat, username: 'bolat_kz' } })
    await page.goto(opened(initData))
    await page.getByText('Bolat (@bolat_kz)').waitFor()
    expect(new URL(page.url()).hash).toBe('')
    expect(await page.getByText('This page signs you in inside Telegram').isVisible()).toBe(false)
    await page.getByRole('button', { name: 'Continue', exact: true }).click()
    await page.getByRole('button', { name: 'Create account' }).click()
    await page.getByText('@bolat_kz').waitFor()
    expect(new URL(page.url()).pathname).toBe('/account')
    expect(complaints).toEqual([])

    // The same again, as somebody else has it who saw it: it counts once.
    const stranger = await browse(browser, [server.origin])
    await stranger.page.goto(opened(initData))
    await stranger.page.getByRole('button', { name: 'Continue', exact: true }).click()
    await stranger.page.getByText('took too long').waitFor()

    // Somebody else on the same phone: nobody is let in as who was here before.
    await page.goto(opened(initDataOf({ user: { id: 700000077, first_name: 'Dana' } })))
    await page.getByText('Dana').waitFor()
    await page.getByRole('button', { name: 'Continue', exact: true }).click()
    await page.getByRole('button', { name: 'Create account' }).waitFor()
  },
)

browserTest('by the login of old bots and by Log In with Telegram it is one account', async (browser) => {
  const { page, complaints } = await browse(browser, [server.origin, telegram.issuer], { strangers: [telegram.issuer] })
  const signIn = async () => {
    await page.goto(`${server.origin}/account`)
    await page.getByRole('button', { name: 'Continue with Telegram in the browser' }).click()
    await page.getByText('Aigerim Bekova (@aigerim)').waitFor()
    await page.getByRole('button', { name: 'Continue', exact: true }).click()
  }
  await signIn()
  await page.getByRole('button', { name: 'Create account' }).click()
  await page.getByText('@aigerim').waitFor()
  expect(complaints).toEqual([])
  const visitor = server.visitor()
  const away = await visitor.submit(await visitor.get('/account'), '/start/telegram-oidc')
  const back = telegram.choose(away.url, telegram.people[0])
  const account = await visitor.get(back.href, { 'sec-fetch-site': 'cross-site' })
  expect(account.url.pathname).toBe('/account')
  expect(account.text).toContain('@aigerim')
  const { db } = server.database.store
  const rows = await db.selectFrom('identities').selectAll().where('subject', '=', '700000001').execute()
  expect(rows).toMatchObject([{ provider: 'telegram', label: '@aigerim' }])
})

test('without JavaScript the Mini App explains itself, and runs one script of ours where there is some', async () => {
  const page = await server.visitor().get('/telegram/app')
  expect(page.status).toBe(200)
  expect(page.text).toContain('This page signs you in inside Telegram')
  const policy = page.headers.get('content-security-policy') ?? ''
  const [, script] = /<script src="([^"]+)"/.exec(page.text) ?? []
  expect(policy).toContain(`script-src ${server.origin}${script}`)
  expect(policy).toContain("frame-ancestors 'none'")
})

browserTest('who is not named behind the # is asked for nothing', async (browser) => {
  const { page, complaints } = await browse(browser, [server.origin])
  for (const said of ['nonsense', 'user=%7B%22id%22%3A1%7D']) {
    await page.goto('about:blank')
    await page.goto(opened(said))
    await page.getByText('This page signs you in inside Telegram').waitFor()
    expect(await page.getByRole('button', { name: 'Continue', exact: true }).count()).toBe(0)
  }
  expect(complaints).toEqual([])
})

test('initData that is forged or of another bot lets nobody in', async () => {
  for (const data of [initDataOf({ botToken: '1:forged' }), initDataOf({ at: Date.now() - 301_000 }), '', 'nonsense']) {
    const visitor = server.visitor()
    const page = await visitor.submit(await visitor.get('/telegram/app'), '/answer', { data })
    expect(page.status).toBe(400)
    expect(page.url.pathname).toMatch(/^\/interaction\//)
  }
})

test('the way inside Telegram is offered inside Telegram alone', async () => {
  const label = 'Continue with the Telegram around this page'
  const outside = await server.visitor().get(authorizeUrl(client, pkce()))
  expect(outside.text).toContain('Continue with Telegram Login')
  expect(outside.text).not.toContain(label)
  const inside = server.visitor({
    'user-agent': 'Mozilla/5.0 (Linux; Android 15; wv) Chrome/131 Telegram-Android/11.4',
  })
  expect((await inside.get(authorizeUrl(client, pkce()))).text).toContain(label)
})

test('without a bot there is no Mini App', async () => {
  await using without = await startTestServer()
  expect((await without.visitor().get('/telegram/app')).status).toBe(404)
})
