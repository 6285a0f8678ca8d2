/** Signing in with Telegram by a picture, as the person at the page and the person in the chat do it. */
import type { Somebody, Telegram } from './fakes/telegram.ts'
import { type Button, bot, type Message } from './fakes/telegram-world.ts'
import { pollingAt } from './telegram-bot.ts'
import type { Visit } from './visitor.ts'

/** Settings by which codes can be shown from the first moment: nobody has to ask Telegram what the bot is called. */
export function namedBotAt(telegram: Telegram): Record<string, string> {
  return { ...pollingAt(telegram), TELEGRAM_BOT_USERNAME: bot.username ?? '' }
}

export interface ShownCode {
  /** What the picture says, as the button for phones does. */
  readonly link: string
  readonly number: string
}

/** The code that a page shows. */
export function codeOn({ text }: Pick<Visit, 'text'>): ShownCode {
  const [, link] = /href="(https:\/\/t\.me\/[^"]+)"/.exec(text) ?? []
  const [, number] = /class="number">.*?<strong>(\d\d)<\/strong>/s.exec(text) ?? []
  if (link === undefined || number === undefined) throw new Error(`no code on:\n${text}`)
  return { link, number }
}

/** Follows the link and presses Start; answers the bot's question. */
export async function scan(person: Somebody, link: string): Promise<Message> {
  person.open(link)
  return person.told('Choose the number')
}

/** Presses the button with this text. */
export function pick(person: Somebody, question: Message, text: string): Promise<string> {
  return person.press(buttonOf(question, text), question)
}

export function buttonOf(question: Message, text: string): Button {
  const button = question.reply_markup?.inline_keyboard?.flat().find((candidate) => candidate.text === text)
  if (button === undefined) throw new Error(`there is no button ${text}`)
  return button
}

/** A number that the bot offers and that is not the one on the page. */
export function wrongNumber(question: Message, { number }: Pick<ShownCode, 'number'>): string {
  const texts = question.reply_markup?.inline_keyboard?.flat().map(({ text }) => text) ?? []
  const wrong = texts.find((text) => /^\d\d$/.test(text) && text !== number)
  if (wrong === undefined) throw new Error('there is no other number')
  return wrong
}

export const notMe = 'It’s not me'
