/**
 * One person's private chat, for those who have something to say there. The only place, with `pending.ts`, that knows
 * where the chat is.
 */
import type { Api } from 'grammy'
import type { InlineKeyboardButton, User } from 'grammy/types'
import type { Pending } from './pending.ts'
import { texts } from './texts.ts'

export interface Chat {
  /** The person's Telegram user id. */
  readonly person: number
  /** What the person is called at Telegram. */
  readonly name: string
  /** Answers the id of the message. */
  say(text: string, options?: { buttons?: InlineKeyboardButton[][]; protect?: boolean }): Promise<number>
  /** Replaces text and buttons. */
  edit(messageId: number, text: string, buttons?: InlineKeyboardButton[][]): Promise<void>
  /** Asks something whose answer must not stay in the chat: it is deleted, then `answer` gets it. */
  askSecretly(text: string, placeholder: string, answer: (text: string) => Promise<void>): Promise<void>
  /** Deletes a message of the person, or asks them to. */
  remove(messageId: number): Promise<void>
}

export function chatWith(api: Api, pending: Pending, chatId: number, from: User): Chat {
  const person = from.id
  const chat: Chat = {
    person,
    name: nameOf(from),

    async say(text, { buttons, protect = false } = {}) {
      const sent = await api.sendMessage(chatId, text, {
        link_preview_options: { is_disabled: true },
        ...(protect ? { protect_content: true } : {}),
        ...(buttons === undefined ? {} : { reply_markup: { inline_keyboard: buttons } }),
      })
      return sent.message_id
    },

    async edit(messageId, text, buttons = []) {
      await api.editMessageText(chatId, messageId, text, { reply_markup: { inline_keyboard: buttons } })
    },

    async askSecretly(text, placeholder, answer) {
      const markup = { force_reply: true, input_field_placeholder: placeholder } as const
      const { message_id: id } = await api.sendMessage(chatId, text, { reply_markup: markup })
      pending.question(chatId, id, person, async (given, messageId) => {
        await chat.remove(messageId)
        await answer(given.trim())
      })
    },

    async remove(messageId) {
      try {
        await api.deleteMessage(chatId, messageId)
      } catch {
        await chat.say(texts.deleteYourself)
      }
    },
  }
  return chat
}

/** The user name is there because nobody else can have it: the other names people choose as they like. */
function nameOf({ first_name: first, last_name: last, username }: User): string {
  const name = last === undefined ? first : `${first} ${last}`
  return username === undefined ? name : `${name} (@${username})`
}
