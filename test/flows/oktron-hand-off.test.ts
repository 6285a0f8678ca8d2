/**
 * The example bot hands a person over from the chat to a browser. The link alone gives nothing: whoever opens it has to
 * agree there, and whoever asked for it has to agree in the chat.
 */
import { readdir } from 'node:fs/promises'
import axe, { type AxeResults } from 'axe-core'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { token } from '../support/authorize.ts'
import { browserTest } from '../support/browser.ts'
import { finish } from '../support/device.ts'
import type { Somebody } from '../support/fakes/telegram.ts'
import type { Message } from '../support/fakes/telegram-world.ts'
import { type OktronStage, startOktronStage } from '../support/oktron.ts'
import { somebody as account } from '../support/people.ts'
import { type Visit, type Visitor, visitor } from '../support/visitor.ts'

let stage: OktronStage
beforeAll(async () => {
  stage = await startOktronStage({ web: true })
  void stage.bot.poll()
})
afterAll(async () => {
  const { complaints } = stage.telegram
  await stage[Symbol.asyncDispose]()
  expect(complaints).toEqual([])
})

/** One browser, as it is towards the server and towards oktron. */
interface Browser {
  readonly server: Visitor
  readonly oktron: Visitor
}

function newBrowser(): Browser {
  return { server: stage.server.visitor(), oktron: visitor(stage.pages) }
}

/** The browser of somebody who has an account at the server and is signed in there. */
async function browserOf(name: string): Promise<Browser> {
  const browser = newBrowser()
  const signIn = await browser.server.get('/account')
  const page = await browser.server.submit(signIn, '/answer', { action: 'register', email: '', password: '' })
  const { email, password } = account('person')
  expect((await browser.server.submit(page, '/answer', { email, password, name })).status).toBe(200)
  return browser
}

const buttonOf = (message: Message, text: string) =>
  message.reply_markup?.inline_keyboard?.flat().find((it) => it.text === text) ?? { text }

async function linkFor(person: Somebody): Promise<{ message: Message; link: string }> {
  person.write('/connect')
  const message = await person.told('open this link')
  return { message, link: String(buttonOf(message, 'Open the browser').url) }
}

/** Opens the link and goes on as far as the answer of the server, which is not brought back yet. */
async function allowed({ server, oktron }: Browser, link: string): Promise<URL> {
  const out = await oktron.post(link, {})
  expect([out.status, out.url.origin]).toEqual([303, stage.server.origin])
  const end = await finish(server, await server.get(out.url.href))
  expect([end.left, end.url.origin]).toEqual([true, stage.pages])
  return end.url
}

/** As far as the page that asks who is to be connected. */
async function asked(browser: Browser, link: string): Promise<Visit> {
  const page = await browser.oktron.get((await allowed(browser, link)).href)
  expect([page.status, page.text]).toEqual([200, expect.stringContaining('Who will be connected')])
  return page
}

const decide = ({ oktron }: Browser, decision: string) => oktron.post('/connected', { decision })

/** The tokens that were revoked since then, by whether they still count. */
async function revokedSince(start: number): Promise<readonly number[]> {
  const found = stage.requests.slice(start).flatMap((it) => /\/revoke\n.*\n.*\btoken=([^&]+)/.exec(it)?.[1] ?? [])
  const answers = found.map((refresh_token) =>
    token(stage.server, stage.browsers, { grant_type: 'refresh_token', refresh_token }),
  )
  return (await Promise.all(answers)).map(({ status }) => status)
}

async function isNotConnected(person: Somebody): Promise<void> {
  person.write('/whoami')
  await person.told('You are not connected')
}

test('who is signed in at the server needs no code: both sides are shown, both agree', async () => {
  const person = stage.telegram.person('Dana')
  const browser = await browserOf('Dana of okto')
  const { message, link } = await linkFor(person)
  expect(message.has_protected_content).toBe(true)
  expect(link).toMatch(new RegExp(`^${stage.pages}/connect/[\\w-]{43}$`))
  const page = await asked(browser, link)
  // Neither code nor state stay in the history.
  expect(page.url.href).toBe(`${stage.pages}/connected`)
  expect(page.text).toMatch(/Telegram account<\/dt><dd><strong><bdi>Dana</)
  expect(page.text).toMatch(/okto account<\/dt><dd><strong><bdi>Dana of okto</)
  const wait = await decide(browser, 'connect')
  expect([wait.text, wait.headers.get('refresh')]).toEqual([expect.stringContaining('Confirm in Telegram'), '3'])
  expect(message.text).toContain('The link was used')
  const question = await person.told('connect me to okto as\nDana of okto')
  await person.press(buttonOf(question, 'Connect'), question)
  expect(await person.told('You are connected to okto as Dana of okto')).toBe(question)
  const end = await browser.oktron.get('/connected')
  expect([end.text, end.headers.get('refresh')]).toEqual([expect.stringContaining('Connected'), null])
  expect(end.text).toContain('https://t.me/')
  person.reply(await person.told('Choose a PIN'), '271828')
  await person.told('Your PIN is set')
  person.write('/whoami')
  await person.told('You are Dana of okto')
  const start = stage.requests.length
  person.write('/disconnect')
  const leave = await person.told('End the connection')
  await person.press(buttonOf(leave, 'Disconnect'), leave)
  await person.told('I have kept nothing')
  expect(await revokedSince(start)).toEqual([400])
})

describe('the link alone gives nothing', () => {
  test('to who stole it: the person in the chat is asked, and shown whose account it is', async () => {
    const dana = stage.telegram.person('Dana')
    const { link } = await linkFor(dana)
    const mallory = await browserOf('Mallory')
    await asked(mallory, link)
    const [start, files] = [stage.requests.length, await readdir(stage.folder)]
    await decide(mallory, 'connect')
    const question = await dana.told('as\nMallory')
    const telegramOfMallory = stage.telegram.person('Mallory')
    const { callback_data: yes = '' } = buttonOf(question, 'Connect')
    expect(await telegramOfMallory.forge(yes, question)).toBe('That is over.')
    await dana.press(buttonOf(question, 'No'), question)
    await dana.told('The connection was refused')
    expect((await mallory.oktron.get('/connected')).text).toContain('Not connected')
    // Too late now, and what the server gave is void.
    expect(await dana.forge(yes, question)).toBe('That is over.')
    await isNotConnected(dana)
    expect(await revokedSince(start)).toEqual([400])
    expect((await readdir(stage.folder)).length).toBeLessThan(files.length)
  })

  test('of who was sent it: the page shows whose chat it is, and no is no', async () => {
    const mallory = stage.telegram.person('Mallory')
    const { link } = await linkFor(mallory)
    const victor = await browserOf('Victor')
    expect((await asked(victor, link)).text).toContain('<bdi>Mallory</bdi>')
    const start = stage.requests.length
    expect((await decide(victor, 'deny')).text).toContain('Not connected')
    await mallory.told('The connection was refused')
    await decide(victor, 'connect')
    await isNotConnected(mallory)
    expect(await revokedSince(start)).toEqual([400])
  })

  test('a second time: looking at it spends nothing, opening it does', async () => {
    const person = stage.telegram.person()
    const { message, link } = await linkFor(person)
    for (let times = 0; times < 2; times += 1) {
      const page = await newBrowser().oktron.get(link)
      expect([page.status, page.headers.get('set-cookie')]).toEqual([200, null])
      expect(page.text).not.toContain('Dana')
    }
    const answers = await Promise.all([1, 2, 3].map(() => newBrowser().oktron.post(link, {})))
    expect(answers.map(({ status }) => status).sort()).toEqual([303, 410, 410])
    expect((await newBrowser().oktron.get(link)).status).toBe(410)
    expect(await person.told('The link was opened in a browser')).toBe(message)
    await person.press(buttonOf(message, 'Cancel'), message)
    await person.told('Cancelled')
  })

  test('after two minutes, when it was not opened; the chat says so', async () => {
    const person = stage.telegram.person()
    const { message, link } = await linkFor(person)
    stage.ring()
    expect(await person.told('The time is over')).toBe(message)
    expect((await newBrowser().oktron.post(link, {})).status).toBe(410)
    expect((await newBrowser().oktron.get(link)).status).toBe(410)
  })

  test('to a browser that did not open it, whatever answer of the server it brings', async () => {
    const person = stage.telegram.person()
    const { link } = await linkFor(person)
    const browser = await browserOf('Erin')
    const answer = await allowed(browser, link)
    expect((await newBrowser().oktron.get(answer.href)).status).toBe(400)
    expect((await newBrowser().oktron.get('/connected')).status).toBe(400)
    // Nor is anything but the answer to this very trip taken (RFC 9700 §4.7).
    for (const [name, value] of [
      ['state', 'another'],
      ['state', undefined],
    ] as const) {
      const wrong = new URL(answer)
      wrong.searchParams.delete(name)
      if (value !== undefined) wrong.searchParams.set(name, value)
      expect((await browser.oktron.get(wrong.href)).status).toBe(400)
    }
    expect((await browser.oktron.get(answer.href)).text).toContain('Who will be connected')
    // A reload brings the code again; it is redeemed once.
    expect((await browser.oktron.get(answer.href)).text).toContain('Who will be connected')
    await decide(browser, 'deny')
  })

  test('to a page of another site that has the browser open it, or decide', async () => {
    const person = stage.telegram.person()
    const { link } = await linkFor(person)
    const browser = await browserOf('Frank')
    const foreign: Record<string, string>[] = [
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
      { 'sec-fetch-site': 'none' },
    ]
    for (const headers of foreign) expect((await browser.oktron.post(link, {}, headers)).status).toBe(403)
    await asked(browser, link)
    for (const headers of foreign) {
      expect((await browser.oktron.post('/connected', { decision: 'connect' }, headers)).status).toBe(403)
    }
    expect((await decide(browser, 'maybe')).status).toBe(400)
    expect((await browser.oktron.get('/connected')).text).toContain('Who will be connected')
    await decide(browser, 'deny')
    await person.told('The connection was refused')
  })
})

describe('what is under way ends', () => {
  test('when the person cancels in the chat: what the server gives after that is given back', async () => {
    const person = stage.telegram.person()
    const { message, link } = await linkFor(person)
    const browser = await browserOf('Grace')
    const answer = await allowed(browser, link)
    await person.press(buttonOf(message, 'Cancel'), message)
    await person.told('Cancelled')
    expect((await browser.oktron.get(answer.href)).status).toBe(400)
    await isNotConnected(person)
  })

  test('when they cancel after the page has asked: it is not asked any more, and the tokens are void', async () => {
    const person = stage.telegram.person()
    const { message, link } = await linkFor(person)
    const browser = await browserOf('Heidi')
    await asked(browser, link)
    const start = stage.requests.length
    await person.press(buttonOf(message, 'Cancel'), message)
    await person.told('Cancelled')
    expect((await decide(browser, 'connect')).status).toBe(400)
    expect(await revokedSince(start)).toEqual([400])
    await isNotConnected(person)
  })

  test('when the browser takes more than ten minutes', async () => {
    const person = stage.telegram.person()
    const { link } = await linkFor(person)
    const browser = await browserOf('Ivan')
    await asked(browser, link)
    const start = stage.requests.length
    stage.ring()
    await person.told('The time is over')
    expect((await decide(browser, 'connect')).status).toBe(400)
    expect(await revokedSince(start)).toEqual([400])
    await isNotConnected(person)
  })

  test('when the time is over while the server is away; the program goes on', async () => {
    const person = stage.telegram.person()
    const { link } = await linkFor(person)
    await asked(await browserOf('Mia'), link)
    const fetch = vi.mocked(globalThis.fetch)
    const usual = fetch.getMockImplementation() ?? fetch
    fetch.mockImplementation((input, init) =>
      String(input).includes('/revoke') ? Promise.reject(new TypeError('nobody answers')) : usual(input, init),
    )
    try {
      stage.ring()
      await person.told('The time is over')
      await vi.waitFor(() => expect(stage.lines).toContainEqual(expect.stringMatching(/^not revoked: /)))
    } finally {
      fetch.mockImplementation(usual)
    }
    await isNotConnected(person)
  })

  test('when the person says no at the server', async () => {
    const person = stage.telegram.person()
    const { link } = await linkFor(person)
    const browser = await browserOf('Judy')
    const out = await browser.oktron.post(link, {})
    const consent = await browser.server.get(out.url.href)
    const end = await browser.server.submit(consent, '/consent', { decision: 'deny' })
    expect((await browser.oktron.get(end.url.href)).text).toContain('Not connected')
    await person.told('The connection was refused')
  })

  test('when they would rather have a code', async () => {
    const person = stage.telegram.person()
    const { message, link } = await linkFor(person)
    await person.press(buttonOf(message, 'Use a code instead'), message)
    const codes = await person.told('enter the code')
    expect((await newBrowser().oktron.post(link, {})).status).toBe(410)
    await person.press(buttonOf(codes, 'Cancel'), codes)
    await person.told('Cancelled')
  })
})

test('the pages are framed, kept and referred to by nobody, and carry no id of a chat or of a person', async () => {
  const person = stage.telegram.person()
  const { link } = await linkFor(person)
  const browser = await browserOf('Kim')
  const visits = [await browser.oktron.get(link), await asked(browser, link), await decide(browser, 'deny')]
  visits.push(await browser.oktron.get('/nothing-here'), await browser.oktron.get(link))
  for (const { headers, text } of visits) {
    expect(headers.get('content-security-policy')).toMatch(/^default-src 'none'; .*frame-ancestors 'none'/)
    expect(headers.get('cache-control')).toBe('no-store')
    expect(headers.get('referrer-policy')).toBe('same-origin')
    for (const id of [person.id, person.chatId]) expect(text).not.toContain(String(id))
  }
  expect(browser.oktron.cookies.map(({ attributes }) => attributes)).toEqual([
    'Path=/; Max-Age=600; HttpOnly; SameSite=Lax',
  ])
  const said = JSON.stringify([stage.requests, stage.lines, browser.oktron.cookies])
  for (const id of [person.id, person.chatId]) expect(said).not.toContain(String(id))
})

browserTest(
  'in a browser: the link leads through Google and back, and the page learns what the chat answers',
  async (browser) => {
    const person = stage.telegram.person()
    const { link } = await linkFor(person)
    const page = await browser.newPage()
    const broken: string[] = []
    page.on(
      'console',
      (message) => void (message.text().includes('Content Security Policy') && broken.push(message.text())),
    )
    const press = (name: string | RegExp) => page.getByRole('button', { name, exact: true }).click()
    await page.goto(link)
    await press('Continue')
    await press(/Google/)
    await press(stage.google.people[0].email ?? '')
    await press(/Create/)
    await press('Allow')
    await page.getByRole('heading', { name: 'Who will be connected' }).waitFor()
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme })
      await page.evaluate(axe.source)
      const { violations } = (await page.evaluate('axe.run()')) as AxeResults
      expect(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])).toEqual([])
    }
    await press('Connect')
    await page.getByRole('heading', { name: 'Confirm in Telegram' }).waitFor()
    const question = await person.told('connect me to okto as')
    await person.press(buttonOf(question, 'Connect'), question)
    await page.getByRole('heading', { name: 'Connected' }).waitFor()
    await person.told('You are connected to okto as Alice')
    expect(await page.getByRole('link', { name: 'Back to the chat' }).getAttribute('href')).toMatch(
      /^https:\/\/t\.me\/\w+$/,
    )
    expect(broken).toEqual([])
  },
)
