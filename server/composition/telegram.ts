/**
 * Our bot, as other parts know it: whom it reaches, what it asks them, and who it is.
 *
 * Undefined, and nothing of it loaded, where no bot is set up. What it does in its chats stands in `telegram-service.ts`.
 */
import { localLock } from '../../adapters/postgres/advisory-lock.ts'
import type { TelegramPeople } from '../../adapters/postgres/telegram-people.ts'
import type { TelegramQuestions } from '../../adapters/postgres/telegram-questions.ts'
import { telegramBot } from '../../adapters/telegram/bot.ts'
import type { Messenger, TelegramBot } from '../../adapters/telegram/contract.ts'
import { wantedUpdates } from '../../adapters/telegram/updates.ts'
import type { Services } from '../commands/command.ts'
import { webhookAddress } from '../telegram/registration.ts'
import { texts } from '../telegram/texts.ts'
import type { TelegramConfig } from '../telegram-config.ts'
import type { Foundation } from './foundation.ts'
import type { Stores } from './stores.ts'

export interface Telegram {
  readonly messenger: Messenger
  /** Without `@`; undefined until Telegram has said it, where it is not in the settings. */
  username(): string | undefined
  readonly questions: TelegramQuestions
  readonly people: TelegramPeople
  readonly bot: TelegramBot
  /** Takes the name that Telegram says the bot has. */
  known(username: string): void
}

/** Asks Telegram nothing yet. */
export function telegram({ config, log }: Foundation, stores: Stores): Telegram | undefined {
  if (config.telegram === undefined) return undefined
  const { botToken, botUsername, apiRoot } = config.telegram
  const turns = localLock()
  let username = botUsername
  const bot = telegramBot({
    token: botToken,
    apiRoot,
    privateOnly: texts.privateOnly,
    inTurn: (person, work) => turns(person, work),
    onBlocked: stores.telegramPeople.lost,
    report: (method, why) => log.warn({ method, why }, 'Telegram refused something'),
  })
  return {
    messenger: bot.messenger,
    username: () => username,
    questions: stores.telegramQuestions,
    people: stores.telegramPeople,
    bot,
    known(name) {
      if (botUsername !== undefined && botUsername.toLowerCase() !== name.toLowerCase()) {
        log.warn({ set: botUsername, actual: name }, 'TELEGRAM_BOT_USERNAME is not the name of this bot')
      }
      username = name
    },
  }
}

/** The bot for who only looks whether it is set up well. */
export function examinableBot(
  { telegram, issuer }: Pick<Foundation['config'], 'telegram' | 'issuer'>,
  sealer: Foundation['sealer'],
): Services['telegram'] {
  if (telegram === undefined) return undefined
  const { examine } = telegramBot({
    token: telegram.botToken,
    apiRoot: telegram.apiRoot,
    privateOnly: texts.privateOnly,
    inTurn: (_person, work) => work(),
    onBlocked: async () => undefined,
    report: () => undefined,
  })
  const [secret = ''] = webhookSecrets(telegram, sealer)
  return { examine, webhookAddress: webhookAddress(issuer, secret), wantedUpdates }
}

/** By which Telegram proves itself, newest first. */
export function webhookSecrets({ webhookSecret }: TelegramConfig, sealer: Foundation['sealer']): readonly string[] {
  if (webhookSecret !== undefined) return [webhookSecret]
  return sealer.derive('telegram-webhook').map((key) => key.toString('base64url'))
}
