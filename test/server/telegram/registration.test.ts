/** A server that begins while Telegram is away: it tries until it worked, and says each reason once. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { telegramBot } from '../../../adapters/telegram/bot.ts'
import { wantedUpdates } from '../../../adapters/telegram/updates.ts'
import { register } from '../../../server/telegram/registration.ts'
import { outage, startTelegram, type Telegram } from '../../support/fakes/telegram.ts'
import { Failure } from '../../support/fakes/telegram-failure.ts'

let telegram: Telegram
beforeAll(async () => {
  telegram = await startTelegram()
})
afterAll(() => telegram[Symbol.asyncDispose]())

test('what goes wrong is told when it begins and when it changes, and not with every try', async () => {
  const { token, apiRoot } = telegram
  const bot = telegramBot({
    token,
    apiRoot,
    privateOnly: 'private',
    inTurn: (_person, work) => work(),
    onBlocked: async () => undefined,
    report: () => undefined,
  })
  const told: string[] = []
  const known: string[] = []
  telegram.fail('getMe', outage(), outage(), new Failure(401, 'Unauthorized'), new Failure(401, 'Unauthorized'))
  const registration = {
    bot,
    issuer: 'https://auth.example',
    updates: 'webhook',
    wantedUpdates,
    webhookSecret: 'a-secret-of-at-least-32-characters',
    commands: [],
    onKnown: ({ username }: { username: string }) => void known.push(username),
    onError: (why: string) => void told.push(why),
    pause: 1,
  } as const
  await register(registration, new AbortController().signal)
  expect(told).toEqual(['502 Bad Gateway', '401 Unauthorized'])
  expect(known).toHaveLength(1)
  expect(telegram.webhook().url).toContain('https://auth.example/telegram/webhook')
})
