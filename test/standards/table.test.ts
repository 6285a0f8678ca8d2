/**
 * The table of standards, held to what is there: the document to the rows, the rows to the tests in this folder, and
 * both to what the server says of itself, as it is by default and with all that settings switch on.
 */
import { globSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTelegram, type Telegram } from '../support/fakes/telegram.ts'
import { startTestServer } from '../support/server.ts'
import { isBySetting, settingsOf, standards, statedAnyway, unclaimed, unstated } from '../support/standards.ts'
import { documentPath, standardsDocument } from '../support/standards-document.ts'
import { pollingAt } from '../support/telegram-bot.ts'

type Document = Record<string, unknown>

let byDefault: Document
let switchedOn: Document
let telegram: Telegram | undefined
beforeAll(async () => {
  const settings = settingsOf(standards)
  telegram = 'TELEGRAM_BOT_TOKEN' in settings ? await startTelegram() : undefined
  byDefault = await discovery({})
  switchedOn = await discovery({ ...settings, ...(telegram && pollingAt(telegram)) })
})
afterAll(() => telegram?.[Symbol.asyncDispose]())

/** What a server with these settings says in both places; it must be the same (RFC 8414 §3.1). */
async function discovery(settings: Record<string, string>): Promise<Document> {
  await using server = await startTestServer({ settings })
  const [openid, oauth] = await Promise.all(
    ['openid-configuration', 'oauth-authorization-server'].map(async (name) => {
      const response = await fetch(`${server.origin}/.well-known/${name}`)
      return (await response.json()) as Document
    }),
  )
  expect(openid).toEqual(oauth)
  return openid ?? {}
}

test('docs/standards.md is what the rows say (npm run docs:standards)', () => {
  expect(readFileSync(documentPath, 'utf8')).toBe(standardsDocument())
})

test('each row has its test, and each test its row', () => {
  const files = globSync('*.test.ts', { cwd: import.meta.dirname }).map((path) => basename(path, '.test.ts'))
  expect(standards.map(({ file }) => file).sort()).toEqual(files.filter((file) => file !== 'table').sort())
})

test('each row names sections, and a client that was not written for this server', () => {
  for (const { file, sections, shownBy, document, address } of standards) {
    expect(sections, file).toMatch(/§|draft|whole/)
    expect(shownBy, file).not.toBe('')
    expect(address ?? document, file).toMatch(/^(https:\/\/|RFC \d+$)/)
  }
})

describe('the discovery documents', () => {
  test('say by default what is always on or per client', () => {
    const rows = standards.filter((row) => !isBySetting(row))
    expect(rows.flatMap((row) => unstated(row, byDefault))).toEqual([])
  })

  test('say what settings switch on when they do, and not before', () => {
    const rows = standards.filter(isBySetting)
    expect(rows.flatMap((row) => unstated(row, switchedOn))).toEqual([])
    expect(rows.flatMap((row) => statedAnyway(row, byDefault))).toEqual([])
  })

  test('say nothing that no row speaks of', () => {
    for (const document of [byDefault, switchedOn]) expect(unclaimed(standards, document)).toEqual([])
  })
})

test('a table that is wrong is noticed', () => {
  const row = { feature: '', document: 'RFC 0', sections: '§1', shownBy: 'x', on: 'always', file: 'x' } as const
  const server = { issuer: 'https://a.example', a_endpoint: 'https://a.example/a', list: ['one', 'two'], flag: true }
  const right = { ...row, discovery: { a_endpoint: '/a', list: ['one', 'two'], flag: true, other: null } }
  const wrong = { ...row, discovery: { a_endpoint: '/b', list: ['one', 'three'], flag: false, issuer: null } }
  expect(unstated(right, server)).toEqual([])
  expect(unstated(wrong, server)).toHaveLength(4)
  expect(statedAnyway({ ...row, discovery: { list: ['two', 'three'], flag: true } }, server)).toHaveLength(2)
  expect(unclaimed([right], server)).toEqual([])
  expect(unclaimed([{ ...row, discovery: { list: ['one'] } }], server)).toEqual(['a_endpoint', 'list two', 'flag'])
})
