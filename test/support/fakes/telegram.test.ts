/** The fake Telegram, held to what the manual of the Bot API says, by the library that bots are written with. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Api, type GrammyError } from 'grammy'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { outage, type Somebody, startTelegram, type Telegram, tooMany } from './telegram.ts'

let telegram: Telegram
let api: Api
let dana: Somebody
beforeEach(async () => {
  telegram = await startTelegram()
  api = new Api(telegram.token, { apiRoot: telegram.apiRoot })
  dana = telegram.person()
})
afterEach(() => telegram[Symbol.asyncDispose]())

async function refused(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => 'not refused',
    ({ error_code, description }: GrammyError) => `${error_code} ${description}`,
  )
}

/** Somebody who has started the bot. */
function started(): Somebody {
  dana.write('/start')
  return dana
}

describe('updates', () => {
  test('are given again until a later offset confirms them', async () => {
    started().write('hello')
    const first = await api.getUpdates()
    expect(first.map(({ message }) => message?.text)).toEqual(['/start', 'hello'])
    expect(await api.getUpdates({ offset: first[1]?.update_id ?? 0 })).toEqual(first.slice(1))
    expect(await api.getUpdates({ offset: (first[1]?.update_id ?? 0) + 1 })).toEqual([])
  })

  test('are waited for, as long as the timeout says', async () => {
    const waiting = api.getUpdates({ timeout: 30 })
    await new Promise(setImmediate)
    dana.write('at last')
    expect((await waiting)[0]?.message).toMatchObject({
      text: 'at last',
      from: { id: dana.id },
      chat: { id: dana.chatId },
    })
  })

  test('go to one that asks: a second one ends the first with 409', async () => {
    const polls = [1, 2].map(() => api.getUpdates({ timeout: 30 }))
    const ended = polls.map(refused)
    expect(await Promise.race(ended)).toMatch(/^409 Conflict: terminated by other getUpdates/)
    dana.write('hello')
    expect((await Promise.all(ended)).toSorted()).toEqual([expect.stringMatching(/^409/), 'not refused'])
  })

  test('go to the webhook with its secret, again when it fails, and then not to who polls', async () => {
    const arrived: unknown[] = []
    const statuses = [500, 200, 200]
    const webhook = createServer((request, response) => {
      arrived.push(request.headers['x-telegram-bot-api-secret-token'])
      request.resume().once('end', () => response.writeHead(statuses.shift() ?? 200).end())
    }).listen(0, '127.0.0.1')
    await once(webhook, 'listening')
    dana.write('before')
    await api.setWebhook(`http://127.0.0.1:${(webhook.address() as AddressInfo).port}/`, { secret_token: 'the-secret' })
    dana.write('after')
    await telegram.allTaken()
    expect(arrived).toEqual(['the-secret', 'the-secret', 'the-secret'])
    expect(await refused(api.getUpdates())).toMatch(
      /^409 Conflict: can't use getUpdates method while webhook is active/,
    )
    await api.deleteWebhook()
    expect(await api.getUpdates()).toEqual([])
    webhook.close()
  })
})

describe('a bot is refused', () => {
  const buttons = (...row: object[]) => ({ reply_markup: { inline_keyboard: [row as never] } })
  const button = (data: string) => buttons({ text: 'Press', callback_data: data })
  const copy = (text: string) => buttons({ text: 'Copy', copy_text: { text } })
  const link = (url: string) => buttons({ text: 'Open', url })

  test.for<[what: string, text: string, other: object, answer: string]>([
    ['an empty text', ' ', {}, '400 Bad Request: message text is empty'],
    ['4097 characters', 'x'.repeat(4097), {}, '400 Bad Request: message is too long'],
    ['callback data of 65 bytes', 'x', button('x'.repeat(65)), '400 Bad Request: BUTTON_DATA_INVALID'],
    [
      'callback data of 33 characters and 66 bytes',
      'x',
      button('é'.repeat(33)),
      '400 Bad Request: BUTTON_DATA_INVALID',
    ],
    ['empty callback data', 'x', button(''), '400 Bad Request: BUTTON_DATA_INVALID'],
    ['257 characters to copy', 'x', copy('x'.repeat(257)), '400 Bad Request: BUTTON_COPY_TEXT_INVALID'],
    ['nothing to copy', 'x', copy(''), '400 Bad Request: BUTTON_COPY_TEXT_INVALID'],
    ['a link to this machine', 'x', link('http://localhost:3000/'), 'Wrong HTTP URL'],
    ['a button that does two things', 'x', buttons({ text: 'x', url: 'https://a.example', callback_data: 'x' }), '400'],
    ['a parameter that there is not', 'x', { to: 1 }, '400 Bad Request: sendMessage has no parameter to'],
  ])('%s', async ([, text, other, answer]) => {
    expect(await refused(api.sendMessage(started().chatId, text, other))).toContain(answer)
    expect(telegram.complaints).toHaveLength(1)
    expect(dana.messages).toHaveLength(1)
  })

  test('and not what is just as long as it may be', async () => {
    const longest = [button('x'.repeat(64)), copy('x'.repeat(256)), link('https://auth.example/device')]
    for (const other of longest) await api.sendMessage(started().chatId, 'x'.repeat(4096), other)
    expect(telegram.complaints).toEqual([])
  })

  test('where nobody has written to it, and where it was blocked', async () => {
    expect(await refused(api.sendMessage(dana.chatId, 'x'))).toMatch(/^403 Forbidden: bot can't initiate/)
    started().block()
    expect(await refused(api.sendMessage(dana.chatId, 'x'))).toMatch(/^403 Forbidden: bot was blocked/)
    dana.unblock()
    await api.sendMessage(dana.chatId, 'x')
    expect(await refused(api.sendMessage(1, 'x'))).toBe('400 Bad Request: chat not found')
  })

  test('an edit that changes nothing, of what is not its own, or not there', async () => {
    const theirs = started().write('mine')
    const { message_id: id } = await api.sendMessage(dana.chatId, 'before', button('x'))
    await api.editMessageText(dana.chatId, id, 'after')
    expect(await refused(api.editMessageText(dana.chatId, id, 'after'))).toMatch(
      /^400 Bad Request: message is not modified/,
    )
    expect(await refused(api.editMessageReplyMarkup(dana.chatId, id))).toMatch(/not modified/)
    expect(await refused(api.editMessageText(dana.chatId, theirs.message_id, 'x'))).toMatch(/can't be edited/)
    expect(await refused(api.editMessageText(dana.chatId, 999, 'x'))).toMatch(/message to edit not found/)
    expect(dana.messages.at(-1)).toMatchObject({ text: 'after', reply_markup: undefined })
  })

  test('with another token, and a method that there is not', async () => {
    const wrong = new Api('1:wrong', { apiRoot: telegram.apiRoot })
    expect(await refused(wrong.getMe())).toBe('401 Unauthorized')
    expect(await refused(api.logOut())).toMatch(/^404/)
  })

  test('as often as a test plans it', async () => {
    dana.fail('sendMessage', tooMany(3), outage())
    const attempt = api.sendMessage(started().chatId, 'x')
    await expect(attempt).rejects.toMatchObject({ error_code: 429, parameters: { retry_after: 3 } })
    expect(await refused(api.sendMessage(dana.chatId, 'x'))).toBe('502 Bad Gateway')
    expect((await api.sendMessage(dana.chatId, 'x')).text).toBe('x')
    expect(telegram.complaints).toEqual([])
  })
})

test('a press is answered once, and what was said is shown to the person', async () => {
  await api.sendMessage(started().chatId, 'x', {
    reply_markup: { inline_keyboard: [[{ text: 'P', callback_data: 'd' }]] },
  })
  const message = await dana.told('x')
  const shown = dana.press(message.reply_markup?.inline_keyboard?.[0]?.[0] ?? { text: '' }, message)
  const query = (await api.getUpdates({ timeout: 5 })).at(-1)?.callback_query
  expect(query).toMatchObject({ data: 'd', from: { id: dana.id }, message: { message_id: message.message_id } })
  await api.answerCallbackQuery(query?.id ?? '', { text: 'Seen' })
  expect(await shown).toBe('Seen')
  expect(await refused(api.answerCallbackQuery(query?.id ?? ''))).toMatch(/query is too old/)
})

test('replies name what they answer; messages can be deleted; ids of messages are those of one chat', async () => {
  const other = telegram.person('Erin')
  expect(other.write('/start').message_id).toBe(started().messages[0]?.message_id)
  await api.sendMessage(dana.chatId, 'Your PIN?', { reply_markup: { force_reply: true } })
  const answer = dana.reply(await dana.told('Your PIN?'), '1234')
  const [update] = (await api.getUpdates()).slice(-1)
  expect(update?.message?.reply_to_message).toMatchObject({ text: 'Your PIN?', from: { is_bot: true } })
  await api.deleteMessage(dana.chatId, answer.message_id)
  expect(dana.messages.map(({ text }) => text)).toEqual(['/start', 'Your PIN?'])
  expect(await refused(api.deleteMessage(dana.chatId, answer.message_id))).toMatch(/message to delete not found/)
})

test('a group is a chat of its own', async () => {
  const group = telegram.group(dana)
  group.write(dana, '/start')
  const [update] = await api.getUpdates()
  expect(update?.message).toMatchObject({ chat: { id: group.chatId, type: 'group' }, from: { id: dana.id } })
  await api.sendMessage(group.chatId, 'hello')
  expect((await group.told('hello')).text).toBe('hello')
  expect(dana.messages).toEqual([])
})
