import { expect, test } from 'vitest'
import { readFlatJson } from '../../../server/oidc/flat-json.ts'

function read(text: string) {
  const found = readFlatJson(Buffer.from(text))
  return found && Object.fromEntries(found)
}

test('a flat object of strings is read as JSON says (RFC 8259)', () => {
  expect(read('{}')).toEqual({})
  expect(read(' { "a" : "1" ,\n"b":"" }\r\n')).toEqual({ a: '1', b: '' })
  expect(read(String.raw`{"a\u0062":"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00"}`)).toEqual({ ab: '"\\/\b\f\n\r\té😀' })
})

test('a mark of the byte order may stand at the beginning, and nowhere else (RFC 8259 §8.1)', () => {
  expect(read('\ufeff{"a":"1"}')).toEqual({ a: '1' })
  expect(read('\ufeff\ufeff{"a":"1"}')).toBeUndefined()
  expect(read('{\ufeff"a":"1"}')).toBeUndefined()
})

test('what is nested without end is refused at its first bracket, and a long text is read', () => {
  expect(read(`{"a":${'['.repeat(50_000)}`)).toBeUndefined()
  expect(read(`{"a":"${'x'.repeat(50_000)}"}`)?.['a']).toHaveLength(50_000)
  expect(read(`{"a":"${'\\\\'.repeat(25_000)}`)).toBeUndefined()
})

test.each([
  ['no object', '"a"'],
  ['a list', '["a"]'],
  ['nothing', ''],
  ['a number', '{"a":1}'],
  ['null', '{"a":null}'],
  ['true', '{"a":true}'],
  ['an object inside', '{"a":{"b":"c"}}'],
  ['a list inside', '{"a":["b"]}'],
  ['a name twice', '{"a":"1","a":"1"}'],
  ['a name twice, once escaped', String.raw`{"a":"1","\u0061":"2"}`],
  ['__proto__', '{"__proto__":"a"}'],
  ['half a surrogate pair', String.raw`{"a":"\ud800"}`],
  ['a line break in a string', '{"a":"1\n"}'],
  ['an escape that is none', String.raw`{"a":"\x41"}`],
  ['a comma at the end', '{"a":"1",}'],
  ['two values', '{"a":"1"}{"b":"2"}'],
  ['no end', '{"a":"1"'],
  ['a string without end', '{"a":"1'],
  ['single quotes', "{'a':'1'}"],
])('%s is not read', (_what, text) => {
  expect(read(text)).toBeUndefined()
})

test('what is not UTF-8 is not read', () => {
  expect(readFlatJson(Buffer.from('{"a":"\xff"}', 'latin1'))).toBeUndefined()
})
