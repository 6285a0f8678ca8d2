/** What is read in updates, and in which form messages go out. */
import type { Update } from 'grammy/types'
import { describe, expect, test } from 'vitest'
import { keyboardOf, textOf } from '../../../adapters/telegram/messages.ts'
import { readUpdate } from '../../../adapters/telegram/updates.ts'

const from = { id: 5_000_000_001, is_bot: false, first_name: 'Dana' }
const chat = { id: 5_000_000_001, type: 'private', first_name: 'Dana' }
const person = { id: '5000000001', firstName: 'Dana' }
const messageOf = (message: object) =>
  readUpdate({ update_id: 1, message: { message_id: 7, date: 1, chat, from, ...message } } as unknown as Update)

describe('a message', () => {
  test.each([
    ['/start', { kind: 'start', parameter: undefined }],
    ['/start abc', { kind: 'start', parameter: 'abc' }],
    ['/Start@habitat_bot  abc ', { kind: 'start', parameter: 'abc' }],
    ['/note two\nlines', { kind: 'command', name: 'note', text: 'two\nlines' }],
    ['/', { kind: 'text', text: '/', messageId: 7 }],
    ['say /start', { kind: 'text', text: 'say /start', messageId: 7 }],
  ])('%j', (text, incoming) => {
    expect(messageOf({ text })).toEqual({ kind: 'incoming', incoming: { person, ...incoming } })
  })

  test('that is forwarded or comes by another bot is not the person’s word', () => {
    const origin = { forward_origin: { type: 'hidden_user', sender_user_name: 'X', date: 1 } }
    for (const foreign of [origin, { via_bot: { id: 1, is_bot: true, first_name: 'B' } }]) {
      expect(messageOf({ text: '/start abc', ...foreign })).toEqual({
        kind: 'incoming',
        incoming: { kind: 'other', person },
      })
    }
    expect(messageOf({ sticker: {} })).toEqual({ kind: 'incoming', incoming: { kind: 'other', person } })
  })

  test('with a contact is the person’s own only where it has their id and was not forwarded', () => {
    const own = { phone_number: '77010000000', first_name: 'Dana', user_id: from.id }
    const read = (message: object) => {
      const found = messageOf(message)
      return found.kind === 'incoming' && found.incoming.kind === 'contact' ? found.incoming : undefined
    }
    expect(read({ contact: own })).toEqual({ kind: 'contact', person, phone: '+77010000000', own: true })
    const forward_origin = { type: 'user', sender_user: from, date: 1 }
    expect(read({ contact: own, forward_origin })).toMatchObject({ own: false })
    expect(read({ contact: { ...own, user_id: 1 } })).toMatchObject({ own: false })
    const { user_id: _, ...without } = own
    expect(read({ contact: without })).toMatchObject({ own: false })
  })

  test('in a group is read for a command alone, and not for one that names another bot', () => {
    const inGroup = (text: string, username?: string) =>
      readUpdate({ update_id: 1, message: { message_id: 7, date: 1, chat: group, from, text } } as Update, username)
    const group = { id: -1, type: 'group', title: 'Friends' }
    const called = { kind: 'group', chat: -1 }
    expect(inGroup('/connect', 'habitat_bot')).toEqual(called)
    expect(inGroup('/connect@Habitat_Bot', 'habitat_bot')).toEqual(called)
    expect(inGroup('/connect@habitat_bot')).toEqual(called)
    expect(inGroup('/connect@other_bot', 'habitat_bot')).toEqual({ kind: 'nothing' })
    expect(inGroup('hello', 'habitat_bot')).toEqual({ kind: 'nothing' })
  })

  test('of a bot, or of nobody, is none', () => {
    expect(messageOf({ text: '/start', from: { ...from, is_bot: true } })).toEqual({ kind: 'nothing' })
    expect(messageOf({ text: '/start', from: undefined })).toEqual({ kind: 'nothing' })
  })
})

test('a press counts in the private chat alone, also where the message is too old to be shown', () => {
  const press = (message: unknown) =>
    readUpdate({ update_id: 1, callback_query: { id: 'q', from, chat_instance: '1', data: 'x', message } } as Update)
  expect(press({ chat, message_id: 7, date: 0 })).toMatchObject({
    kind: 'press',
    query: 'q',
    incoming: { data: 'x', messageId: 7 },
  })
  expect(press({ chat: { id: -1, type: 'group' }, message_id: 7, date: 0 })).toEqual({ kind: 'elsewhere', query: 'q' })
  expect(press(undefined)).toEqual({ kind: 'elsewhere', query: 'q' })
})

test('a button that Telegram would refuse is written below the text instead', () => {
  const message = {
    text: 'Go on',
    buttons: [
      [{ text: 'Open', url: 'http://localhost:3000/x' }],
      [
        { text: 'Yes', data: 'h' },
        { text: 'Site', url: 'https://a.example/' },
      ],
    ],
  }
  expect(textOf(message)).toBe('Go on\n\nOpen: http://localhost:3000/x')
  expect(keyboardOf(message)).toEqual([
    [
      { text: 'Yes', callback_data: 'h' },
      { text: 'Site', url: 'https://a.example/' },
    ],
  ])
  expect(keyboardOf({ text: 'x', buttons: [[{ text: 'Open', url: 'http://localhost/' }]] })).toBeUndefined()
})
