/**
 * One person's private chat, for those who have something to say there. The only place, with `pending.ts`, that knows
 * where the chat is.
 */
import type { Api } from 'grammy'
import type { InlineKeyboardButton } from 'grammy/types'
import type { Pending } from './pending.ts'
import { texts } from './texts.ts'

export interface Chat {
  /** The person's Telegram user id. */
  readonly person: number
  /** Answers the id of the message. */
  say(text: string, options?: { buttons?: InlineKeyboardButton[][]; protect?: boolean }): Promise<number>
  /** Replaces text and buttons. */
  edit(messageId: number, text: string): Promise<void>
  /** Asks something whose answer must not stay in the chat: it is deleted, then `answer` gets it. */
  askSecretly(text: string, placeholder: string, answer: (text: string) => Promise<void>): Promise<void>
  /** Deletes a message of the person, or asks them to. */
  remove(messageId: number): Promise<void>
}

export function chatWith(api: Api, pending: Pending, chatId: number, person: number): Chat {
  const chat: Chat = {
    person,

    async say(text, { buttons, protect = false } = {}) {
      const sent = await api.sendMessage(chatId, text, {
        link_preview_options: { is_disabled: true },
        ...(protect ? { protect_content: true } : {}),
        ...(buttons === undefined ? {} : { reply_markup: { inline_keyboard: buttons } }),
      })
      return sent.message_id
    },

    async edit(messageId, text) {
      await api.editMessageText(chatId, messageId, text)
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
