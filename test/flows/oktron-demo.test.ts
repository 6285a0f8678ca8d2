/** What the demo of oktron says to somebody whose bot, or whose way to Telegram, is not right. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { expect, onTestFinished, test, vi } from 'vitest'
import { askTelegram } from '../../examples/oktron/demo.ts'
import { startTelegram } from '../support/fakes/telegram.ts'

const demo = join(import.meta.dirname, '../../examples/oktron/demo.ts')

/** The demo as a program, which ends by itself. */
async function ended(environment: Record<string, string>) {
  const child = spawn(process.execPath, [demo], {
    env: { HOME: process.env['HOME'] ?? '/', PORT: '0', APP_PORT: '0', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  onTestFinished(() => void child.kill())
  const [stdout, stderr, [exitCode]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number]>,
  ])
  return { exitCode, stdout, stderr }
}

test('says whom it asks, and in one sentence that the token is not that of a bot', async () => {
  await using telegram = await startTelegram()
  const token = '1:of-no-bot'
  expect(await ended({ BOT_TOKEN: token, TELEGRAM_API: telegram.apiRoot })).toEqual({
    exitCode: 1,
    stdout: expect.stringContaining(`Asking ${telegram.apiRoot}`),
    stderr: 'Telegram does not know this bot: set BOT_TOKEN to what BotFather gave you (/token shows it again).\n',
  })
})

test('ends with one sentence where nobody answers, at once or in time', async () => {
  vi.spyOn(console, 'log').mockImplementation(() => undefined)
  onTestFinished(() => void vi.restoreAllMocks())
  const silent = createServer(() => undefined).listen(0, '127.0.0.1')
  onTestFinished(() => silent.closeAllConnections())
  onTestFinished(() => void silent.close())
  await once(silent, 'listening')
  const apiRoot = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`
  const message = (place: string) => `${place} does not answer: the demo needs a way to Telegram from this machine.`
  await expect(askTelegram({ token: '1:a', apiRoot }, 0.3)).rejects.toThrow(message(apiRoot))
  const closed = 'http://127.0.0.1:9'
  await expect(askTelegram({ token: '1:a', apiRoot: closed })).rejects.toThrow(message(closed))
})

test('asks the bot whose token it is, and is content with it', async () => {
  await using telegram = await startTelegram()
  const said = vi.spyOn(console, 'log').mockImplementation(() => undefined)
  onTestFinished(() => void vi.restoreAllMocks())
  await askTelegram({ token: telegram.token, apiRoot: telegram.apiRoot })
  expect(said).toHaveBeenCalledOnce()
  expect(telegram.complaints).toEqual([])
})
