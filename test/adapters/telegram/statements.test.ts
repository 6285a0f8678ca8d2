/** What Telegram signs for web pages: taken as it was signed, in time, and in no other form. */
import { createHmac } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { initData, telegramKeys } from '../../../adapters/telegram/init-data.ts'
import { widgetData } from '../../../adapters/telegram/login-widget.ts'
import {
  aigerim,
  asResult,
  initDataOf,
  testBotToken,
  thirdPartyKey,
  widgetFieldsOf,
} from '../../support/fakes/mini-app.ts'

const now = () => new Date('2026-11-21T12:00:00Z')
const at = now().getTime()
const { key, publicHex } = thirdPartyKey()
const data = initData({ botToken: testBotToken, publicKeys: [publicHex], now })
const widget = widgetData({ botToken: testBotToken, now })
const person = { id: '700000001', firstName: 'Aigerim', lastName: 'Bekova', username: 'aigerim' }

/** One field of a text of parameters, changed. */
function changed(text: string, name: string, value: string | undefined): string {
  const fields = new URLSearchParams(text)
  if (value === undefined) fields.delete(name)
  else fields.set(name, value)
  return fields.toString()
}

describe('initData of our own bot', () => {
  test('names the person', () => {
    expect(data.own(initDataOf({ at }))).toEqual({ kind: 'valid', person, id: expect.stringMatching(/^[\w-]{43}$/) })
  })

  test('as Telegram documents it: a known example by another implementation of the same signature', () => {
    const fields = 'auth_date=1795262400&query_id=AAH&user=%7B%22id%22%3A42%2C%22first_name%22%3A%22A%20%2B%20B%22%7D'
    const secret = createHmac('sha256', 'WebAppData').update(testBotToken).digest()
    const signed = 'auth_date=1795262400\nquery_id=AAH\nuser={"id":42,"first_name":"A + B"}'
    const hash = createHmac('sha256', secret).update(signed).digest('hex')
    expect(data.own(`${fields}&hash=${hash}`)).toMatchObject({
      kind: 'valid',
      person: { id: '42', firstName: 'A + B' },
    })
  })

  test('counts for five minutes to the second, and not before it was made', () => {
    const kindAt = (age: number) => data.own(initDataOf({ at: at - age * 1000 })).kind
    expect([299, 300, 86_400].map(kindAt)).toEqual(['valid', 'stale', 'stale'])
    expect([-30, -31].map(kindAt)).toEqual(['valid', 'invalid'])
  })

  test('is one statement, in whatever order its fields are written, and each opening is another one', () => {
    const text = initDataOf({ at, fields: { start_param: 'a' } })
    const turned = text.split('&').reverse().join('&')
    const first = data.own(text)
    expect(data.own(turned)).toEqual(first)
    expect(data.own(initDataOf({ at }))).not.toMatchObject({ id: 'id' in first ? first.id : '' })
  })

  const text = initDataOf({ at })
  const hash = new URLSearchParams(text).get('hash') ?? ''
  const butFor = (place: number) => hash.slice(0, place) + (hash[place] === '0' ? '1' : '0') + hash.slice(place + 1)
  test.for<[string, string]>([
    ['another hash', changed(text, 'hash', '0'.repeat(64))],
    ['a hash that begins otherwise', changed(text, 'hash', butFor(0))],
    ['a hash that is another one in its middle', changed(text, 'hash', butFor(32))],
    ['a hash that ends otherwise', changed(text, 'hash', butFor(63))],
    ['no hash', changed(text, 'hash', undefined)],
    ['the hash in capitals', changed(text, 'hash', hash.toUpperCase())],
    ['a hash that is too short', changed(text, 'hash', hash.slice(1))],
    ['the token of another bot', initDataOf({ at, botToken: '1234567891:a-token-of-another-bot-0000000' })],
    ['another person', changed(text, 'user', JSON.stringify({ ...aigerim, id: 1 }))],
    ['another time', changed(text, 'auth_date', String(at / 1000 - 1))],
    ['a field that was not signed', `${text}&start_param=x`],
    ['a field left out', changed(text, 'query_id', undefined)],
    ['a field twice', `${text}&user=${encodeURIComponent(JSON.stringify({ ...aigerim, id: 1 }))}`],
    ['a field twice, first', `user=${encodeURIComponent(JSON.stringify({ ...aigerim, id: 1 }))}&${text}`],
    ['two fields in one', initDataOf({ at, fields: { start_param: 'a\nuser={"id":1}' } })],
    ['nothing', ''],
    ['no fields', 'nonsense'],
    ['an empty field between', text.replace('&', '&&')],
    ['a broken escape', `${text}&x=%`],
    ['bytes that are no text', `${text}&x=%ff`],
    ['far too much', initDataOf({ at, fields: { start_param: 'x'.repeat(5000) } })],
    ['no person', initDataOf({ at, fields: { user: undefined } })],
    ['a person without an id', initDataOf({ at, fields: { user: '{"first_name":"A"}' } })],
    ['an id that is no number', initDataOf({ at, fields: { user: '{"id":"x"}' } })],
    ['the id of a group', initDataOf({ at, fields: { user: '{"id":-100123}' } })],
    ['a bot', initDataOf({ at, fields: { user: '{"id":7,"is_bot":true}' } })],
    ['a person that is no JSON', initDataOf({ at, fields: { user: '{' } })],
    ['no time', initDataOf({ at, fields: { auth_date: undefined } })],
    ['a time that is no number', initDataOf({ at, fields: { auth_date: '1e10' } })],
    ['the login of the same bot', new URLSearchParams(widgetFieldsOf({ at }) as Record<string, string>).toString()],
  ])('with %s is invalid', ([, given]) => {
    expect(data.own(given).kind).toBe('invalid')
  })
})

describe('initData of another bot', () => {
  const other = '9876543210'
  const text = initDataOf({ at, botToken: 'theirs', thirdParty: { key, botId: other } })

  test('is known by the signature of Telegram, also in the longer way to write it', () => {
    const signature = new URLSearchParams(text).get('signature') ?? ''
    const first = data.of(other, text)
    expect(first).toMatchObject({ kind: 'valid', person })
    expect(data.of(other, changed(text, 'signature', `${signature}==`))).toEqual(first)
  })

  test('is that of the bot that it was made for alone, and the same words of two bots are two statements', () => {
    const fields = { query_id: 'AAH' }
    const madeFor = (botId: string) => initDataOf({ at, botToken: 'theirs', fields, thirdParty: { key, botId } })
    const [first, second] = [data.of(other, madeFor(other)), data.of('111', madeFor('111'))]
    expect([first.kind, second.kind]).toEqual(['valid', 'valid'])
    expect(second).not.toEqual(first)
    expect([data.of('111', madeFor(other)).kind, data.of(other, madeFor('111')).kind]).toEqual(['invalid', 'invalid'])
  })

  test('is old after five minutes', () => {
    const old = initDataOf({ at: at - 300_000, botToken: 'theirs', thirdParty: { key, botId: other } })
    expect(data.of(other, old)).toEqual({ kind: 'stale' })
  })

  test('what our own bot is told is judged by its token, and is one statement in both ways to judge it', () => {
    const own = initDataOf({ at, thirdParty: { key, botId: '1234567890' } })
    expect(data.of('1234567890', own)).toEqual(data.own(own))
    expect(data.own(own).kind).toBe('valid')
    const unsigned = initDataOf({ at, botToken: 'theirs', thirdParty: { key, botId: '1234567890' } })
    expect(data.of('1234567890', unsigned).kind).toBe('invalid')
  })

  const wrong = thirdPartyKey()
  test.for<[string, string]>([
    ['another key', initDataOf({ at, thirdParty: { key: wrong.key, botId: other } })],
    ['a third bot', initDataOf({ at, thirdParty: { key, botId: '111' } })],
    ['no signature', initDataOf({ at })],
    ['a signature that is too short', changed(text, 'signature', 'AAAA')],
    ['another person', changed(text, 'user', JSON.stringify({ ...aigerim, id: 1 }))],
    ['a field that was not signed', `${text}&start_param=x`],
  ])('with %s is invalid', ([, given]) => {
    expect(data.of(other, given).kind).toBe('invalid')
  })

  test('the keys of Telegram are keys, and sign nothing of ours', () => {
    const publicKeys = Object.values(telegramKeys)
    expect(initData({ botToken: testBotToken, publicKeys, now }).of(other, text).kind).toBe('invalid')
  })
})

describe('the login of old bots', () => {
  const parameters = (fields: Record<string, unknown>) =>
    Object.entries(fields).map(([name, value]) => [name, String(value)] as const)
  const fields = widgetFieldsOf({ at })

  test('names the person, as parameters and behind the #, and is one statement in both', () => {
    const first = widget.ofParameters(parameters(fields))
    expect(first).toEqual({ kind: 'valid', person, id: expect.stringMatching(/^[\w-]{43}$/) })
    expect(widget.ofResult(asResult(fields))).toEqual(first)
  })

  test('counts for five minutes', () => {
    expect(widget.ofResult(asResult(widgetFieldsOf({ at: at - 299_000 }))).kind).toBe('valid')
    expect(widget.ofResult(asResult(widgetFieldsOf({ at: at - 300_000 }))).kind).toBe('stale')
  })

  test.for<[string, Record<string, unknown>]>([
    ['another hash', { ...fields, hash: '0'.repeat(64) }],
    ['no hash', { ...fields, hash: undefined }],
    ['the token of another bot', widgetFieldsOf({ at, botToken: '1:other' })],
    ['another person', { ...fields, id: 1 }],
    ['a field that was not signed', { ...fields, admin: 'yes' }],
    ['fields within a field', { ...fields, id: { $ne: 1 } }],
    ['a name that holds another id', widgetFieldsOf({ at, user: { ...aigerim, first_name: 'x\nid=1' } })],
    ['the id of a group', widgetFieldsOf({ at, user: { ...aigerim, id: -100123 } })],
    ['far too much', widgetFieldsOf({ at, user: { ...aigerim, first_name: 'x'.repeat(3000) } })],
  ])('with %s is invalid', ([, given]) => {
    expect(widget.ofResult(asResult(given)).kind).toBe('invalid')
  })

  test('a field twice, and what is no JSON, is invalid', () => {
    expect(widget.ofParameters([...parameters(fields), ['id', '1']]).kind).toBe('invalid')
    for (const text of ['', '{', 'bnVsbA', 'W10', '!!!']) expect(widget.ofResult(text).kind).toBe('invalid')
  })

  test('what a Mini App is told is no login', () => {
    const pairs = [...new URLSearchParams(initDataOf({ at }))]
    expect(widget.ofParameters(pairs).kind).toBe('invalid')
  })

  test('is another statement than what a Mini App of the same bot is told in the same words', () => {
    const { id, ...names } = aigerim
    const words = { query_id: 'AAH', user: JSON.stringify(aigerim) }
    const login = widget.ofParameters(parameters(widgetFieldsOf({ at, fields: words })))
    const told = data.own(initDataOf({ at, fields: { ...words, ...names, id: String(id) } }))
    expect([login.kind, told.kind]).toEqual(['valid', 'valid'])
    expect(login).not.toEqual(told)
  })
})
