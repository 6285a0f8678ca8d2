/** The form in which Telegram takes a message. Pure. */
import type { InlineKeyboardButton } from 'grammy/types'
import type { InlineButton, OutgoingMessage } from './contract.ts'

/** The text, with the addresses below it for which there can be no button. */
export function textOf({ text, buttons = [] }: OutgoingMessage): string {
  const written = buttons.flat().filter((button) => button.url !== undefined && !isTaken(button.url))
  return [text, ...written.map((button) => `${button.text}: ${button.url}`)].join('\n\n')
}

/** Undefined when no button is left. */
export function keyboardOf({ buttons = [] }: OutgoingMessage): InlineKeyboardButton[][] | undefined {
  const rows = buttons.map((row) => row.flatMap(buttonOf)).filter((row) => row.length > 0)
  return rows.length === 0 ? undefined : rows
}

/** A button does exactly one thing. */
function buttonOf({ text, data, url, webApp, copy }: InlineButton): InlineKeyboardButton[] {
  if (data !== undefined) return [{ text, callback_data: data }]
  if (url !== undefined) return isTaken(url) ? [{ text, url }] : []
  if (webApp !== undefined) return [{ text, web_app: { url: webApp } }]
  return copy === undefined ? [] : [{ text, copy_text: { text: copy } }]
}

/** Telegram refuses the whole message for a button that leads to a name without a dot. */
function isTaken(address: string): boolean {
  return URL.parse(address)?.hostname.includes('.') === true
}
