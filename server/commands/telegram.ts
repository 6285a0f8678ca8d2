/** Commands about the bot at Telegram. */
import type { Command } from './command.ts'
import { report } from './doctor.ts'
import { inspectTelegram } from './telegram-findings.ts'

export const telegramCommands: readonly Command[] = [
  {
    name: 'telegram status',
    usage: '',
    summary: 'say whether the bot at Telegram is set up well, and what to do where it is not',
    details: ['Asks Telegram. Exits with 1 when there is a problem. The token is not shown.'],
    examples: ['telegram status', 'telegram status --json'],
    async run(context) {
      if (context.telegram !== undefined) return report(await inspectTelegram(context))
      const message = 'No bot is set up: nothing of Telegram is offered.'
      const remedy = 'Write /newbot to @BotFather, and put the token into TELEGRAM_BOT_TOKEN.'
      return report([{ check: 'telegram bot', level: 'warning', message, remedy }])
    },
  },
]
