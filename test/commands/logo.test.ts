/** Logos at the command line: read by whoever types the command, never by a server. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { clients } from '../../adapters/postgres/clients.ts'
import { type ContentSources, withContents } from '../../server/commands/contents.ts'
import { parse } from '../../server/commands/parse.ts'
import { readPicture } from '../../server/commands/picture-file.ts'
import { commands } from '../../server/commands/run.ts'
import { Refusal } from '../../server/errors.ts'
import { encodeLogo } from '../../server/oidc/logo.ts'
import { type CommandLine, type CommandResult, commandLine } from '../support/command-line.ts'
import { openTestDatabase, type TestDatabase } from '../support/database.ts'
import { gif, hostile, png } from '../support/pictures.ts'

const uri = 'https://app.example/logo.png'
const unreachable: ContentSources['address'] = async () => {
  throw new Refusal('unavailable', 'It could not be reached (ENOTFOUND).')
}

function folder(files: Record<string, Buffer>): string {
  const path = mkdtempSync(join(tmpdir(), 'habitat-logo-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(path, name), bytes)
  return path
}

/** A command line that reads files and addresses first, as the CLI's process does. */
function open(database: TestDatabase, address: ContentSources['address'] = unreachable) {
  const inside = commandLine(database.store)
  const run: CommandLine = async (argv, stdin) => {
    const request = parse(commands, argv)
    if (request.kind !== 'run') throw new Error(`not understood: ${argv.join(' ')}`)
    const sources = { picture: readPicture, json: async () => '', address }
    const contents = await withContents(argv, request.command, request.input, sources)
    const result = await inside(contents.argv, stdin)
    return { ...result, stderr: contents.notices.join('\n') + result.stderr }
  }
  return { run, inside, store: clients(database.store.db, () => new Date()) }
}

const add = ['client', 'add', '--profile', 'service', '--name', 'Example', '--json']

function idOf(result: CommandResult): string {
  expect(result, result.stderr).toMatchObject({ exitCode: 0 })
  return result.json().client_id
}

test('a picture is stored with the app, replaced, kept by other updates and removed; its data is never printed', async () => {
  await using database = await openTestDatabase()
  const { run, store } = open(database)
  const path = folder({ 'logo.png': png(), 'other.png': gif })
  const id = idOf(await run([...add, '--logo-file', join(path, 'logo.png')]))
  const stored = async () => (await store.find(id))?.metadata['logo']
  expect(await stored()).toBe(encodeLogo(png()))
  const update = async (...argv: string[]) => (await run(['client', 'update', id, ...argv, '--json'])).json()
  expect(await update('--name', 'Renamed')).toMatchObject({ logo_stored: true })
  expect(await stored()).toBe(encodeLogo(png()))
  // What a file is says its content.
  expect(await update(`--logo-file=${join(path, 'other.png')}`)).toMatchObject({ logo_stored: true })
  expect(await stored()).toBe(encodeLogo(gif))
  for (const argv of [
    ['client', 'show', id],
    ['client', 'list'],
  ]) {
    for (const form of [argv, [...argv, '--json']]) {
      expect((await run(form)).stdout).not.toMatch(/base64|data:/)
    }
  }
  expect((await run(['client', 'show', id])).stdout).toContain('logo_stored: true')
  expect(await update('--logo-file', '')).toMatchObject({ logo_stored: false })
  expect(await stored()).toBeUndefined()
})

test.each(hostile)('%s named .png is refused, and nothing is registered', async (_, bytes) => {
  await using database = await openTestDatabase()
  const { run, store } = open(database)
  const path = join(folder({ 'logo.png': bytes }), 'logo.png')
  await expect(run([...add, '--logo-file', path])).rejects.toThrow(path)
  expect(await store.list()).toEqual([])
})

test.each([
  ['nothing', 'There is no such file'],
  ['.', 'folder'],
  ['large.png', '64 KiB'],
  ['empty.png', 'empty'],
])('a file that cannot be taken is refused with its name and the reason: %s', async (name, reason) => {
  const path = folder({ 'large.png': Buffer.concat([png(), Buffer.alloc(70_000)]), 'empty.png': Buffer.alloc(0) })
  await expect(readPicture(join(path, name))).rejects.toMatchObject({
    name: 'Refusal',
    message: expect.stringContaining(reason),
  })
})

test('a server that runs the command opens no file: it takes content or nothing', async () => {
  await using database = await openTestDatabase()
  const { inside, store } = open(database)
  const path = join(folder({ 'logo.png': png() }), 'logo.png')
  for (const value of [path, 'data:image/svg+xml;base64,PHN2Zy8+', 'data:text/html;base64,PHN2Zy8+']) {
    expect(await inside([...add, '--logo-file', value])).toMatchObject({ exitCode: 1 })
  }
  expect(await store.list()).toEqual([])
})

test('the picture at --logo-uri is fetched once and stored, unless a file is given', async () => {
  await using database = await openTestDatabase()
  const asked: string[] = []
  const { run, store } = open(database, async (address) => {
    asked.push(address)
    return encodeLogo(png())
  })
  const id = idOf(await run([...add, '--logo-uri', uri]))
  expect((await store.find(id))?.metadata).toMatchObject({ logo: encodeLogo(png()), logo_uri: uri })
  expect(asked).toEqual([uri])
  const path = join(folder({ 'logo.gif': gif }), 'logo.gif')
  await run(['client', 'update', id, '--logo-uri', `${uri}?2`, '--logo-file', path])
  expect((await store.find(id))?.metadata).toMatchObject({ logo: encodeLogo(gif), logo_uri: `${uri}?2` })
  await run(['client', 'update', id, '--logo-uri', ''])
  expect((await store.find(id))?.metadata).toMatchObject({ logo: encodeLogo(gif) })
  expect(asked).toEqual([uri])
})

test('an app is registered without the picture when it cannot be fetched, and the reason is said', async () => {
  await using database = await openTestDatabase()
  const { run, store } = open(database)
  const result = await run([...add, '--logo-uri', uri])
  expect(result.stderr).toContain(`${uri} was not fetched. It could not be reached (ENOTFOUND).`)
  expect((await store.find(idOf(result)))?.metadata).toMatchObject({ logo_uri: uri })
  expect(result.json()).toMatchObject({ logo_stored: false, logo_uri: uri })
})

test('a logo travels with an export, and a damaged one is not imported', async () => {
  await using from = await openTestDatabase()
  await using to = await openTestDatabase()
  const [source, target] = [open(from), open(to)]
  const id = idOf(await source.run([...add, '--logo-file', join(folder({ 'a.png': png() }), 'a.png')]))
  const exported = (await source.run(['client', 'export'])).stdout
  const damaged = exported.replace('data:image/png', 'data:image/gif')
  expect(await target.run(['client', 'import'], damaged)).toMatchObject({ exitCode: 1 })
  expect(await target.store.list()).toEqual([])
  expect(await target.run(['client', 'import'], exported)).toMatchObject({ exitCode: 0 })
  expect((await target.store.find(id))?.metadata['logo']).toBe(encodeLogo(png()))
  expect((await target.run(['client', 'import', '--json'], exported)).json().clients).toMatchObject([
    { outcome: 'unchanged' },
  ])
})
