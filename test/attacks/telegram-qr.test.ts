/**
 * Sign-in by a picture, in the hands of somebody who shows their own picture to another person (RFC 10027), or who has got
 * hold of a link, a button or a page that is not theirs.
 */
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { authorizeUrl, pkce } from '../support/authorize.ts'
import { postgresTest } from '../support/database.ts'
import { startTelegram, type Telegram } from '../support/fakes/telegram.ts'
import { startNodes } from '../support/nodes.ts'
import { startTestServer, type TestClient, type TestServer } from '../support/server.ts'
import { buttonOf, codeOn, namedBotAt, pick, scan, wrongNumber } from '../support/telegram-qr.ts'
import type { Visit, Visitor } from '../support/visitor.ts'

let telegram: Telegram
let server: TestServer
let client: TestClient
beforeAll(async () => {
  telegram = await startTelegram()
  server = await startTestServer({ settings: namedBotAt(telegram) })
  client = await server.client('web', { client_name: 'Notes', first_party: true })
})
afterAll(async () => {
  await server.stop()
  expect(telegram.complaints).toEqual([])
  await telegram[Symbol.asyncDispose]()
})

const goOn = (visitor: Visitor, page: Visit) => visitor.submit(page, '/answer', { action: 'continue' })

async function atPage(at = server, app = client): Promise<{ visitor: Visitor; page: Visit }> {
  const visitor = at.visitor()
  return { visitor, page: await visitor.submit(await visitor.get(authorizeUrl(app, pkce())), '/start/telegram-qr') }
}

test('somebody who follows another person’s picture and presses Start lets nobody in', async () => {
  const { visitor: attacker, page } = await atPage()
  const code = codeOn(page)
  const victim = telegram.person('Victim')
  const question = await scan(victim, code.link)
  expect(question.text).toContain('If you see no such page, or somebody sent you here')
  const right = buttonOf(question, code.number)
  expect(codeOn(await goOn(attacker, page))).toEqual(code)
  await pick(victim, question, wrongNumber(question, code))
  await victim.told('nobody was signed in')
  expect((await goOn(attacker, page)).text).toContain('Another number was chosen')
  // One try for one picture: the right number does nothing any more.
  expect(await victim.press(right, question)).toBe('This is over: it was answered already, or waited too long.')
  expect((await goOn(attacker, page)).text).not.toContain('You signed in with Telegram')
})

test('the buttons of one person do nothing for another, who has the data and the right number', async () => {
  const { visitor, page } = await atPage()
  const { link, number } = codeOn(page)
  const [owner, thief] = [telegram.person('Owner'), telegram.person('Thief')]
  const question = await scan(owner, link)
  thief.write('/start')
  const own = await thief.told('bot of')
  const { callback_data: data = '' } = buttonOf(question, number)
  expect(await thief.forge(data, own)).toBe('This is over: it was answered already, or waited too long.')
  expect(codeOn(await goOn(visitor, page)).link).toBe(link)
  // What is forwarded is nobody's word either.
  thief.forward(`/start ${new URL(link).searchParams.get('start')}`)
  await pick(owner, question, number)
  expect((await goOn(visitor, page)).text).toContain('You signed in with Telegram')
})

test('who knows the link of a picture learns and gets nothing by it in a browser of their own', async () => {
  const { visitor, page } = await atPage()
  const { link, number } = codeOn(page)
  const person = telegram.person()
  await pick(person, await scan(person, link), number)
  await person.told('Confirmed')
  const token = new URL(link).searchParams.get('start')?.slice(1) ?? ''
  const { visitor: thief, page: own } = await atPage()
  for (const form of [{ token }, { state: token }, { start: `s${token}` }]) {
    const answer = await thief.submit(own, '/answer', { action: 'continue', ...form })
    expect(answer.text).not.toContain('You signed in with Telegram')
  }
  const events = await thief.request(`${page.url.pathname}/events`, { headers: { accept: 'application/json' } })
  expect(events.status).toBe(400)
  // Another site cannot have the page go on in the name of the browser.
  const action = /action="([^"]+\/answer)"/.exec(page.text)?.[1] ?? ''
  const forged = await visitor.post(action, { action: 'continue' }, { 'sec-fetch-site': 'cross-site' })
  expect(forged.status).toBe(403)
  expect((await goOn(visitor, page)).text).toContain('You signed in with Telegram')
})

test('neither database nor log holds what opens a sign-in, or a number', async () => {
  const { page } = await atPage()
  const { link, number } = codeOn(page)
  const person = telegram.person('Somebody With A Name')
  const question = await scan(person, link)
  const handles = question.reply_markup?.inline_keyboard?.flat().map(({ callback_data: data = '' }) => data) ?? []
  await pick(person, question, number)
  await person.told('Confirmed')
  const token = new URL(link).searchParams.get('start')?.slice(1) ?? ''
  const seen = `${await server.database.dump()}\n${server.logged.join('\n')}`
  for (const secret of [token, ...handles, ...handles.map((data) => data.slice(0, 43)), 'Somebody With A Name']) {
    expect(secret).not.toBe('')
    expect(seen).not.toContain(secret)
  }
})

postgresTest(
  'a page at one node hears what another one was told, and of two who scan at once one is asked',
  async () => {
    await using shared = await startTelegram()
    const settings = { ...namedBotAt(shared), SECRETS: randomBytes(32).toString('hex') }
    await using nodes = await startNodes({ settings })
    const app = await nodes.first.client('web', { first_party: true })
    const { visitor, page } = await atPage(nodes.second, app)
    const { link, number } = codeOn(page)
    const people = [shared.person(), shared.person(), shared.person()]
    for (const person of people) person.open(link)
    const told = await Promise.all(people.map((person) => person.told(/Choose the number|This code is over/)))
    const asked = told.filter(({ text }) => text.includes('Choose the number'))
    expect(asked).toHaveLength(1)
    const at = told.findIndex(({ text }) => text.includes('Choose the number'))
    const [owner, question] = [people[at], told[at]]
    if (owner === undefined || question === undefined) throw new Error('nobody was asked')
    await pick(owner, question, number)
    const events = await visitor.request(`${page.url.pathname}/events`, { headers: { accept: 'application/json' } })
    expect(JSON.parse(events.text)).toEqual({ standing: 'settled' })
    expect((await goOn(visitor, page)).text).toContain('You signed in with Telegram')
  },
)
