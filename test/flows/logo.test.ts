/** The logo of an app, from the store to the screen. */
import { expect, test } from 'vitest'
import { encodeLogo } from '../../server/oidc/logo.ts'
import { authorizeUrl, pkce } from '../support/authorize.ts'
import { browserTest } from '../support/browser.ts'
import { commandLine } from '../support/command-line.ts'
import { register, somebody } from '../support/people.ts'
import { png } from '../support/pictures.ts'
import { startTestServer, type TestClient, type TestServer } from '../support/server.ts'

/** Where the consent page finds the logo. */
async function logoAddress(server: TestServer, client: TestClient): Promise<string | undefined> {
  const page = await register(server.visitor(), authorizeUrl(client, pkce()), somebody())
  expect(page.text).toContain('value="allow"')
  return /<img[^>]* src="([^"]+)"/.exec(page.text)?.[1]
}

test('a logo is served as the picture that it is, and a browser can make nothing else of it', async () => {
  await using server = await startTestServer()
  const client = await server.client('web', { logo: encodeLogo(png()), logo_uri: 'https://app.example/logo.png' })
  const address = await logoAddress(server, client)
  expect(address).toMatch(new RegExp(`^/logos/${client.id}/[\\w-]{12}$`))
  const response = await fetch(`${server.origin}${address}`)
  expect(response.status).toBe(200)
  expect(Buffer.from(await response.arrayBuffer())).toEqual(png())
  expect(Object.fromEntries(response.headers)).toMatchObject({
    'content-type': 'image/png',
    'x-content-type-options': 'nosniff',
    'content-security-policy': "default-src 'none'; sandbox",
    'cache-control': 'public, max-age=31536000, immutable',
  })
})

test('an app without a stored picture shows none: pages ask nobody else for one', async () => {
  await using server = await startTestServer()
  const client = await server.client('web', { logo_uri: 'https://app.example/logo.png' })
  expect(await logoAddress(server, client)).toBeUndefined()
})

test('there is no logo of an unknown app, of a disabled one, of one without a picture, nor of what is no picture', async () => {
  await using server = await startTestServer()
  const logo = encodeLogo(png())
  const [disabled, silent, wrong] = [
    await server.client('web', { logo }),
    await server.client('web'),
    await server.client('web', { logo: 'data:image/svg+xml;base64,PHN2Zy8+' }),
  ]
  const statusOf = async (id: string) => (await fetch(`${server.origin}/logos/${id}/AAAAAAAAAAAA`)).status
  expect(await statusOf(disabled.id)).toBe(200)
  await commandLine(server.database.store)(['client', 'disable', disabled.id])
  for (const id of [disabled.id, silent.id, wrong.id, 'unknown', '%00', '%F0%9F%92%A9', 'x'.repeat(500)]) {
    expect(await statusOf(id), id).toBe(404)
  }
})

for (const colorScheme of ['light', 'dark'] as const) {
  browserTest(`the consent page shows the logo alone, on white, in ${colorScheme} colours`, async (browser) => {
    await using server = await startTestServer()
    const client = await server.client('web', { client_name: 'Example', logo: encodeLogo(png(64, [0, 0, 0, 0])) })
    const page = await browser.newPage({ colorScheme })
    const requests: string[] = []
    page.on('request', (request) => requests.push(new URL(request.url()).origin))
    const person = somebody()
    await page.goto(`${server.origin}${authorizeUrl(client, pkce())}`)
    await page.click('button[value=register]')
    await page.fill('[name=email]', person.email)
    await page.fill('[name=password]', person.password)
    await page.press('[name=password]', 'Enter')
    await page.locator('.logo img').waitFor()
    const ask = (expression: string) => page.evaluate(expression.replace('logo', "document.querySelector('.logo img')"))
    await expect.poll(() => ask('logo.naturalWidth')).toBe(64)
    expect(await page.locator('.logo').textContent()).toBe('')
    // Most logos are drawn for white paper; this one is glass.
    expect(await ask('getComputedStyle(logo).backgroundColor')).toBe('rgb(255, 255, 255)')
    expect(new Set(requests)).toEqual(new Set([server.origin]))
  })
}
