/** Parts of the example bot that a conversation does not show: what lies in its vault, and what its buttons lead to. */
import { randomBytes } from 'node:crypto'
import { mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Api } from 'grammy'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Authorization } from '../../examples/oktron/authorization.ts'
import type { Chat } from '../../examples/oktron/chat.ts'
import { connecting } from '../../examples/oktron/connecting.ts'
import { pending } from '../../examples/oktron/pending.ts'
import { codesMessage } from '../../examples/oktron/texts.ts'
import { turns } from '../../examples/oktron/turns.ts'
import { type Connection, vault as vaults } from '../../examples/oktron/vault.ts'
import { startTelegram } from '../support/fakes/telegram.ts'

describe('the vault', () => {
  const key = randomBytes(32)
  const tokens = { accessToken: 'access', accessExpiresAt: 1, refreshToken: 'refresh-token' }
  const dana: Connection = { subject: 'dana-id', by: 'device', name: 'Dana', tokens }
  const vault = async (options: { folder: string; key: Buffer }) => (await vaults(options)).people
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'oktron-vault-'))
  })
  afterEach(() => rm(folder, { recursive: true }))

  async function oneFile(): Promise<string> {
    const [name = ''] = await readdir(folder)
    return join(folder, name)
  }

  test('gives back what it was given, also to the next program with the same key, and forgets', async () => {
    const first = await vault({ folder, key })
    await first.keep(5_123_456_789, { ...dana, name: 'before' })
    await first.keep(5_123_456_789, dana)
    const next = await vault({ folder, key })
    expect(await next.find(5_123_456_789)).toEqual(dana)
    expect(await next.find(5_123_456_788)).toBeUndefined()
    expect(await readdir(folder)).toHaveLength(1)
    await next.forget(5_123_456_789)
    expect([await next.find(5_123_456_789), await readdir(folder)]).toEqual([undefined, []])
    await next.forget(5_123_456_789)
  })

  test('shows neither the person nor the tokens, to nobody but its owner', async () => {
    await (await vault({ folder, key })).keep(5_123_456_789, dana)
    const path = await oneFile()
    expect(path).not.toContain('5123456789')
    const bytes = await readFile(path, 'latin1')
    for (const secret of ['refresh-token', 'Dana', 'dana-id', '5123456789']) expect(bytes).not.toContain(secret)
    expect((await stat(path)).mode & 0o077).toBe(0)
  })

  test('seals the same thing differently each time', async () => {
    const it = await vault({ folder, key })
    await it.keep(1, dana)
    const before = await readFile(await oneFile())
    await it.keep(1, dana)
    expect((await readFile(await oneFile())).equals(before)).toBe(false)
  })

  test('opens nothing that was changed, nor what belongs to somebody else, nor by another key', async () => {
    const it = await vault({ folder, key })
    await it.keep(1, dana)
    const path = await oneFile()
    const bytes = await readFile(path)
    for (const place of [0, 20, bytes.length - 1]) {
      const changed = Buffer.from(bytes)
      changed[place] = (changed[place] ?? 0) ^ 1
      await writeFile(path, changed)
      await expect(it.find(1)).rejects.toThrow()
    }
    await writeFile(path, bytes.subarray(0, 10))
    await expect(it.find(1)).rejects.toThrow()
    await writeFile(path, bytes)
    expect(await it.find(1)).toEqual(dana)
    expect(await (await vault({ folder, key: randomBytes(32) })).find(1)).toBeUndefined()
    await it.keep(2, { ...dana, name: 'Erin' })
    const other = (await readdir(folder)).map((name) => join(folder, name)).find((name) => name !== path) ?? ''
    await rename(other, path)
    await expect(it.find(1)).rejects.toThrow()
  })

  test.for([0, 16, 31, 33])('is not opened with a key of %i bytes', async (length) => {
    await expect(vault({ folder, key: randomBytes(length) })).rejects.toThrow('32 bytes')
  })
})

test('the message with the code has a button to the page, where Telegram takes one, and one to copy the code', async () => {
  await using telegram = await startTelegram()
  const person = telegram.person()
  person.write('/connect')
  const api = new Api(telegram.token, { apiRoot: telegram.apiRoot })
  const codes = { device_code: 'the-device-code', user_code: 'BCDF-GHJK', expires_in: 600, interval: 5 }
  for (const [origin, actions] of [
    ['https://auth.example', ['url', 'copy_text']],
    ['http://localhost:3000', ['copy_text']],
  ] as const) {
    const pages = {
      verification_uri: `${origin}/device`,
      verification_uri_complete: `${origin}/device?user_code=BCDF-GHJK`,
    }
    const { text, buttons } = codesMessage({ ...codes, ...pages })
    expect(text).toContain(`${origin}/device\n`)
    expect(text).toContain('\nBCDF-GHJK\n')
    expect(JSON.stringify([text, buttons])).not.toContain('the-device-code')
    expect(buttons.flat().map((button) => Object.keys(button)[1])).toEqual(actions)
    await api.sendMessage(person.chatId, text, { reply_markup: { inline_keyboard: buttons } })
  }
})

test('a refusal of the server that comes before the code is shown is heard of, and ends nothing else', async () => {
  const codes = { device_code: 'x', user_code: 'X', verification_uri: 'https://auth.example', expires_in: 600 }
  const outcome = () => Promise.reject(new Error('the client is gone'))
  const heard = Promise.withResolvers<unknown>()
  const nobody = async () => undefined
  const { connect } = connecting({
    authorization: { byCode: async () => ({ codes, outcome }) } as unknown as Authorization,
    issuer: 'https://auth.example',
    handOff: undefined,
    okto: { find: nobody, ended: nobody } as never,
    unfinished: { find: nobody, keep: nobody, forget: nobody, all: async () => [] },
    pending: pending(),
    inTurn: turns(),
    log: () => undefined,
    onError: async (_chat, error) => heard.resolve(error),
  })
  // Telegram takes its time.
  const say = () => new Promise<number>((resolve) => setImmediate(resolve, 1))
  await connect({ person: 1, name: 'Dana', say, edit: nobody } as unknown as Chat)
  expect(await heard.promise).toEqual(new Error('the client is gone'))
})
