/**
 * A person at a real browser: the pages by the names that are seen, an app to come back to, and everything that the
 * browser complains about on the way.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { generateSync } from 'otplib'
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core'
import { authorizeUrl, type Pkce, pkce } from './authorize.ts'
import type { Person } from './people.ts'
import type { TestClient, TestServer } from './server.ts'

/** An app on this machine that people come back to; it says in its page what it was given. */
export interface App extends AsyncDisposable {
  readonly origin: string
  readonly redirectUri: string
}

export async function openApp(): Promise<App> {
  const listener = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://app')
    response.writeHead(url.pathname === '/favicon.ico' ? 204 : 200, { 'content-type': 'text/html' })
    response.end(
      url.pathname === '/favicon.ico' ? undefined : '<!doctype html><title>App</title><h1>Back at the app</h1>',
    )
  })
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
  const origin = `http://127.0.0.1:${(listener.address() as AddressInfo).port}`
  return {
    origin,
    redirectUri: `${origin}/cb`,
    async [Symbol.asyncDispose]() {
      listener.closeAllConnections()
      await new Promise((resolve) => listener.close(resolve))
    },
  }
}

export interface Browsing {
  readonly context: BrowserContext
  readonly page: Page
  /** Errors of the console, violations of the policy, requests to anybody else. */
  readonly complaints: string[]
}

/**
 * A browser profile of its own. `origins` are those that may be asked for something, `strangers` those among them whose
 * pages are not ours: what the browser says about them does not count.
 */
export async function browse(
  browser: Browser,
  origins: readonly string[],
  { strangers = [], ...options }: BrowserContextOptions & { strangers?: readonly string[] } = {},
): Promise<Browsing> {
  const context = await browser.newContext(options)
  const complaints: string[] = []
  context.on('console', (message) => {
    // A page that is answered 400 is reported like a picture that is missing.
    const refusedPage = /Failed to load resource: .* status of 4\d\d/.test(message.text())
    const elsewhere = strangers.some((origin) => message.page()?.url().startsWith(`${origin}/`))
    // A header is reported before its page is there. Ours are the same on every page, and judged where no stranger is.
    const early = strangers.length > 0 && message.text().startsWith('Error with Permissions-Policy header')
    const counts = ['error', 'warning'].includes(message.type()) && !refusedPage && !elsewhere && !early
    if (counts) complaints.push(message.text())
  })
  context.on('weberror', (error) => void complaints.push(String(error.error())))
  context.on('request', (request) => {
    const { protocol, origin } = new URL(request.url())
    if (protocol !== 'data:' && !origins.includes(origin)) complaints.push(`asked ${request.url()}`)
  })
  const page = await context.newPage()
  page.setDefaultTimeout(10_000)
  return { context, page, complaints }
}

/** Where the app sends a person to sign in. */
export function signInAddress(
  server: TestServer,
  client: TestClient,
  extra: Record<string, string | undefined> = {},
  proof: Pkce = pkce(),
): string {
  return server.origin + authorizeUrl(client, proof, extra)
}

export async function fillSignIn(page: Page, { email, password }: Pick<Person, 'email' | 'password'>): Promise<void> {
  await page.getByLabel('Email', { exact: true }).fill(email)
  await page.getByLabel('Password', { exact: true }).fill(password)
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
}

export async function fillRegistration(page: Page, { email, password }: Person): Promise<void> {
  await page.getByRole('button', { name: 'Create an account' }).click()
  await page.getByLabel('Email', { exact: true }).fill(email)
  await page.getByLabel('Password', { exact: true }).fill(password)
  await page.getByRole('button', { name: 'Create account' }).click()
}

export async function fillCode(page: Page, code: string): Promise<void> {
  await page.getByLabel('Code', { exact: true }).fill(code)
  await page.getByRole('button', { name: 'Continue', exact: true }).click()
}

/** What the person's authenticator app shows, so many seconds from now. */
export function codeOf({ totpSecret = '' }: Person, seconds = 0): string {
  return generateSync({ secret: totpSecret, epoch: Math.floor(Date.now() / 1000) + seconds })
}

/** Sets two-step sign-in up from the account page; notes the secret and the recovery codes. */
export async function setUpSecondFactor(page: Page, person: Person): Promise<void> {
  await page.getByRole('button', { name: 'Set up' }).click()
  person.totpSecret = ((await page.locator('.secret').textContent()) ?? '').replaceAll(/\s/g, '')
  await page.getByLabel('Code', { exact: true }).fill(codeOf(person))
  await page.getByRole('button', { name: 'Turn on' }).click()
  person.recoveryCodes = await page
    .getByRole('list', { name: 'Recovery codes' })
    .getByRole('listitem')
    .allTextContents()
}

/** Presses Tab until what has this name is focused; throws when it cannot be reached. */
export async function tabTo(page: Page, name: string): Promise<void> {
  for (let presses = 0; presses < 30; presses += 1) {
    await page.keyboard.press('Tab')
    const focused = page.locator(':focus')
    if ((await focused.count()) > 0 && (await focused.textContent())?.trim() === name) return
  }
  throw new Error(`${name} cannot be reached with the keyboard`)
}
