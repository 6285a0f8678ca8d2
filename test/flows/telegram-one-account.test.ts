/** Whoever came in by one way of Telegram is the same account by any other. */
import { expect, test } from 'vitest'
import { accounts } from '../../adapters/postgres/accounts.ts'
import { authorizeUrl, pkce } from '../support/authorize.ts'
import { commandLineSecret } from '../support/command-line.ts'
import { initDataOf } from '../support/fakes/mini-app.ts'
import { startTelegram } from '../support/fakes/telegram.ts'
import { codesIn, codeTold, otpApp, personWithPhone, registerOtpApp } from '../support/otp-api.ts'
import { startTestServer } from '../support/server.ts'
import { codeOn, namedBotAt, pick, scan } from '../support/telegram-qr.ts'

test('a shop opened by a code, a code on a page, a picture, a Mini App and its exchange are one account', async () => {
  await using telegram = await startTelegram()
  await using server = await startTestServer({ settings: { SECRETS: commandLineSecret, ...namedBotAt(telegram) } })
  const { person, phone } = await personWithPhone(telegram)
  const user = { id: person.id, first_name: 'Dana' }
  const initData = () => initDataOf({ user, botToken: telegram.token })

  const shops = otpApp(server, await registerOtpApp(server, 'Flowers'))
  expect((await shops.signIn(person, phone)).status).toBe(200)
  const store = accounts(server.database.store.db, () => new Date())
  const account = await store.byIdentity('telegram', String(person.id))

  const client = await server.client('web', { first_party: true })
  const begin = async (way: string) => {
    const visitor = server.visitor()
    const first = await visitor.get(authorizeUrl(client, pkce()))
    return { visitor, page: await visitor.submit(first, `/start/${way}`, {}) }
  }

  const byCode = await begin('telegram-otp')
  const told = codesIn(person).length
  const asked = await byCode.visitor.submit(byCode.page, '/answer', { phone })
  const code = await codeTold(person, told)
  expect((await byCode.visitor.submit(asked, '/answer', { code })).left).toBe(true)

  const byPicture = await begin('telegram-qr')
  const { link, number } = codeOn(byPicture.page)
  await pick(person, await scan(person, link), number)
  await person.told('Confirmed')
  expect((await byPicture.visitor.submit(byPicture.page, '/answer', { action: 'continue' })).left).toBe(true)

  const inside = server.visitor()
  const opened = await inside.submit(await inside.get('/telegram/app'), '/answer', { data: initData() })
  expect(opened.url.pathname).toBe('/account')

  const app = await server.client('mini-app', { first_party: true, scope: 'openid' })
  const body = new URLSearchParams({
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    client_id: app.id,
    subject_token: initData(),
    subject_token_type: 'urn:habitat:params:oauth:token-type:telegram-init-data',
  })
  const exchanged = await fetch(`${server.address}/token`, { method: 'POST', body })
  const { access_token: access } = (await exchanged.json()) as { access_token: string }
  const info = await fetch(`${server.address}/userinfo`, { headers: { authorization: `Bearer ${access}` } })
  expect(await info.json()).toMatchObject({ sub: account?.id })

  expect(await store.list({ limit: 10 })).toHaveLength(1)
  expect(telegram.complaints).toEqual([])
})
