/**
 * Our bot at Telegram. grammY is loaded with the first thing that is asked of it: a server without a bot never holds it
 * in memory.
 */
import type { BotOptions, Messenger, TelegramBot } from './contract.ts'

/** Asks Telegram nothing yet. */
export function telegramBot(options: BotOptions): TelegramBot {
  let loading: Promise<TelegramBot> | undefined
  const bot = (): Promise<TelegramBot> => {
    loading ??= import('./loaded-bot.ts').then(({ loadedBot }) => loadedBot(options))
    return loading
  }
  const messenger: Messenger = {
    say: async (...given) => (await bot()).messenger.say(...given),
    edit: async (...given) => (await bot()).messenger.edit(...given),
    remove: async (...given) => (await bot()).messenger.remove(...given),
  }
  return {
    messenger,
    examine: async () => (await bot()).examine(),
    bringUpdates: async (...given) => (await bot()).bringUpdates(...given),
    keepUpdates: async () => (await bot()).keepUpdates(),
    showCommands: async (...given) => (await bot()).showCommands(...given),
    fetchUpdates: async (...given) => (await bot()).fetchUpdates(...given),
    handle: async (...given) => (await bot()).handle(...given),
  }
}
