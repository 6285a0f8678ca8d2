/** `telegram status`: what is wrong with the bot, and how to mend it; the doctor says the same. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { sealer } from '../../adapters/crypto/seal.ts'
import { examinableBot } from '../../server/composition/telegram.ts'
import { type Config, readConfig } from '../../server/config.ts'
import { commandLine, commandLineSecret } from '../support/command-line.ts'
import { openTestDatabase, type TestDatabase } from '../support/database.ts'
import { startTelegram, type Telegram } from '../support/fakes/telegram.ts'
import { pollingAt, webhookAt } from '../support/telegram-bot.ts'

let telegram: Telegram
let database: TestDatabase
beforeAll(async () => {
  database = await openTestDatabase()
})
beforeEach(async () => {
  telegram = await startTelegram()
  return () => telegram[Symbol.asyncDispose]()
})
afterAll(() => database.close())

const ring = sealer([commandLineSecret])
const production = (more: Record<string, string> = {}) =>
  readConfig({ ...webhookAt(telegram), SECRETS: commandLineSecret, ...more })

async function status(config: Config) {
  const run = commandLine(database.store, { config, telegram: examinableBot(config, ring) })
  const { json, exitCode, stdout } = await run(['telegram', 'status', '--json'])
  const { findings } = json() as {
    findings: { check: string; level: string; message: string; remedy: string | null }[]
  }
  expect(stdout).not.toContain(telegram.token)
  expect(findings.filter(({ level, remedy }) => level !== 'ok' && remedy === null)).toEqual([])
  return { said: findings.map(({ level, message }) => `${level}: ${message}`), exitCode }
}

async function setWebhook(url: string, more: Record<string, unknown> = {}): Promise<void> {
  const answer = await fetch(`${telegram.apiRoot}/bot${telegram.token}/setWebhook`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ url, ...more }),
  })
  expect(answer.status).toBe(200)
}

/** Where the server registers its webhook. */
function address(config: Config): string {
  return examinableBot(config, ring)?.webhookAddress ?? ''
}

test('without a bot it says how to get one', async () => {
  const config = readConfig({})
  expect(await status(config)).toMatchObject({
    exitCode: 0,
    said: [expect.stringMatching(/^warning: No bot is set up/)],
  })
})

test('a wrong token, a wrong name and a Telegram that does not answer are told apart', async () => {
  const wrong = await status(readConfig({ ...pollingAt(telegram), TELEGRAM_BOT_TOKEN: '1234:wrong-token-of-nobody' }))
  expect(wrong).toMatchObject({
    exitCode: 1,
    said: [expect.stringMatching(/^problem: Telegram refuses the token: 401/)],
  })
  const named = await status(readConfig({ ...pollingAt(telegram), TELEGRAM_BOT_USERNAME: 'another_bot' }))
  expect(named.said[0]).toBe('problem: The token is that of @oktron_test_bot, not of @another_bot.')
  const nobody = await status(readConfig({ ...pollingAt(telegram), TELEGRAM_API_ROOT: 'http://127.0.0.1:9' }))
  expect(nobody.said).toEqual(['problem: http://127.0.0.1:9 does not answer as Telegram does: no answer.'])
})

test('where updates are fetched there must be no webhook', async () => {
  const config = readConfig(pollingAt(telegram))
  expect(await status(config)).toMatchObject({
    exitCode: 0,
    said: [/@oktron_test_bot \(77000001\)/, /fetches updates; none waits/].map((it) => expect.stringMatching(it)),
  })
  await setWebhook('https://other.example/hook?key=of-somebody-else')
  const { said, exitCode } = await status(config)
  expect(exitCode).toBe(1)
  expect(said[1]).toBe('problem: Updates are brought to https://other.example/hook, and this server would fetch them.')
})

test('where they are brought they must come here, with our secret, all kinds of them', async () => {
  const config = production()
  const own = address(config)
  const [, none] = (await status(config)).said
  expect(none).toBe('problem: Updates are brought nowhere; none waits.')
  await setWebhook('https://other.example/hook')
  expect((await status(config)).said[1]).toBe('problem: Updates are brought to https://other.example/hook, not here.')
  await setWebhook(own.replace(/.$/, '_'))
  expect((await status(config)).said[1]).toContain('with another secret')
  await setWebhook(own, { allowed_updates: ['message'] })
  expect((await status(config)).said[2]).toBe('problem: Not brought: callback_query, my_chat_member.')
  await setWebhook(own, { allowed_updates: ['message', 'callback_query', 'my_chat_member'] })
  expect(await status(config)).toMatchObject({ exitCode: 0 })
  expect((await status(production({ ISSUER: 'https://auth.example:3000' }))).said.join()).toContain(
    'no updates to the port',
  )
})

test('what could not be brought lately is told, with what that may be', async () => {
  const config = production()
  telegram.route('https://auth.example', telegram.apiRoot)
  await setWebhook(address(config))
  telegram.person().write('/start')
  await telegram.allTaken()
  const { said, exitCode } = await status(config)
  expect(said.at(-1)).toMatch(/^warning: The last one that could not be brought: .*404/)
  expect(exitCode).toBe(0)
})

test('the doctor looks at the bot, too', async () => {
  const config = readConfig({ ...pollingAt(telegram), TELEGRAM_BOT_TOKEN: '1234:wrong-token-of-nobody' })
  const run = commandLine(database.store, { config, telegram: examinableBot(config, ring) })
  expect((await run(['doctor'])).stdout).toMatch(/telegram bot\s+Telegram refuses the token/)
})
