/** What may hang on a message of the fake Telegram: keyboards, buttons and their limits. */
import { bad } from './telegram-failure.ts'
import type { Button, Message } from './telegram-world.ts'

export function markupIn(
  { reply_markup: markup }: Readonly<Record<string, unknown>>,
  inlineOnly: boolean,
  inPrivate = true,
): Message['reply_markup'] {
  if (markup === undefined) return undefined
  const [kind, ...rest] = Object.keys(markup as object)
  const kinds = inlineOnly ? ['inline_keyboard'] : ['inline_keyboard', 'force_reply', 'keyboard', 'remove_keyboard']
  if (kind === undefined || !kinds.includes(kind)) throw bad('object expected as reply markup')
  if (kind === 'force_reply') {
    const { input_field_placeholder: placeholder } = markup as Record<string, unknown>
    if (placeholder !== undefined) sized(placeholder, 1, 64, 'input field placeholder is too long')
  } else if (rest.length > 0 && kind === 'inline_keyboard') throw bad(`an inline keyboard has no ${rest[0]}`)
  if (kind === 'keyboard') checkKeyboard((markup as { keyboard: Button[][] }).keyboard.flat(), inPrivate)
  if (kind === 'inline_keyboard') for (const button of buttonsOf(markup)) check(button)
  // Without buttons there is no keyboard.
  return kind === 'inline_keyboard' && buttonsOf(markup).length === 0 ? undefined : (markup as Message['reply_markup'])
}

function buttonsOf(markup: unknown): readonly Button[] {
  return (markup as { inline_keyboard: Button[][] }).inline_keyboard.flat()
}

function checkKeyboard(buttons: readonly Button[], inPrivate: boolean): void {
  if (buttons.some(({ request_contact: contact }) => contact === true) && !inPrivate)
    throw bad('phone number can be requested in private chats only')
}

function check({ text, ...rest }: Button): void {
  if (typeof text !== 'string' || text === '') throw bad('text buttons are unallowed in the inline keyboard')
  const [action, ...more] = Object.keys(rest)
  if (action === undefined || more.length > 0) throw bad('a button does exactly one thing')
  const { url, callback_data: data, copy_text: copy, web_app: app } = rest
  if (url !== undefined) {
    const wrong = `inline keyboard button URL '${url}' is invalid: Wrong HTTP URL`
    const { protocol, hostname } = urlOf(url, wrong)
    if (!['http:', 'https:', 'tg:'].includes(protocol) || !hostname.includes('.')) throw bad(wrong)
  } else if (data !== undefined) {
    if (data === '' || Buffer.byteLength(data) > 64) throw bad('BUTTON_DATA_INVALID')
  } else if (copy !== undefined) sized(copy.text, 1, 256, 'BUTTON_COPY_TEXT_INVALID')
  else if (app !== undefined) {
    if (!String(app.url).startsWith('https://'))
      throw bad(`inline keyboard button Web App URL '${app.url}' is invalid: Only HTTPS links are allowed`)
  } else throw bad(`a button cannot do "${action}" here`)
}

export function urlOf(value: unknown, wrong: string): URL {
  const url = URL.parse(String(value))
  if (url === null) throw bad(wrong)
  return url
}

export function sized(value: unknown, least: number, most: number, wrong: string): void {
  if (typeof value !== 'string' || value.length < least || value.length > most) throw bad(wrong)
}
