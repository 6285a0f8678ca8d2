/**
 * The methods of the fake Bot API and their rules, after the manual: what is wrong is refused in Telegram's words, what
 * is not known is refused, too (Telegram would ignore it and a mistake would go unseen).
 */
import { isDeepStrictEqual } from 'node:util'
import { bad, Failure } from './telegram-failure.ts'
import { markupIn, sized, urlOf } from './telegram-markup.ts'
import type { UpdateQueue } from './telegram-updates.ts'
import { bot, type Chat, type Message, type World } from './telegram-world.ts'

export interface BotCall {
  readonly method: string
  readonly payload: Payload
}

type Payload = Readonly<Record<string, unknown>>
type Method = (payload: Payload, gone: AbortSignal) => unknown

export function botMethods(place: World, updates: UpdateQueue): Readonly<Record<string, Method>> {
  /** The chat, where the bot may write. */
  function chatIn({ chat_id: id }: Payload): Chat {
    const chat = place.chatBy(Number(id))
    if (chat === undefined) throw bad('chat not found')
    if (chat.type === 'group') return chat
    const { blocked, started } = place.personOf(chat.members[0] ?? 0)
    if (blocked) throw new Failure(403, 'Forbidden: bot was blocked by the user')
    if (!started) throw new Failure(403, "Forbidden: bot can't initiate conversation with a user")
    return chat
  }

  function messageIn(chat: Chat, { message_id: id }: Payload, purpose: 'edit' | 'delete'): Message {
    const message = chat.messages.find(({ message_id }) => message_id === id)
    if (message === undefined) throw bad(`message to ${purpose} not found`)
    if (purpose === 'edit' && message.from.id !== bot.id) throw bad("message can't be edited")
    if (purpose === 'delete' && chat.type === 'group' && message.from.id !== bot.id)
      throw bad("message can't be deleted")
    return message
  }

  function edit(payload: Payload, text: string | undefined): Message {
    const message = messageIn(chatIn(payload), payload, 'edit')
    const markup = markupIn(payload, true)
    if ((text ?? message.text) === message.text && isDeepStrictEqual(markup, message.reply_markup)) {
      throw bad(
        'message is not modified: specified new message content and reply markup are exactly the same as a current content and reply markup of the message',
      )
    }
    Object.assign(message, { text: text ?? message.text, reply_markup: markup })
    place.changed()
    return message
  }

  const methods: Record<string, { readonly takes: readonly string[]; readonly run: Method }> = {
    getMe: {
      takes: [],
      run: () => ({
        ...bot,
        can_join_groups: true,
        can_read_all_group_messages: false,
        supports_inline_queries: false,
      }),
    },
    getUpdates: {
      takes: ['offset', 'limit', 'timeout', 'allowed_updates'],
      run({ offset = 0, limit = 100, timeout = 0, allowed_updates: allowed }, gone) {
        updates.allow(allowed)
        return updates.take(Number(offset), within(limit, 1, 100, 'limit'), within(timeout, 0, 60, 'timeout'), gone)
      },
    },
    setWebhook: {
      takes: ['url', 'secret_token', 'allowed_updates', 'drop_pending_updates', 'max_connections'],
      run({ url, secret_token: secret, drop_pending_updates: drop, allowed_updates: allowed }) {
        const { protocol, hostname, port } = urlOf(url, 'bad webhook: invalid url')
        // A bot under test listens on this machine; Telegram itself takes https alone, on four ports.
        if (hostname !== '127.0.0.1' && (protocol !== 'https:' || !['', '80', '88', '8443'].includes(port)))
          throw bad('bad webhook: An HTTPS URL must be provided for webhook, on port 443, 80, 88 or 8443')
        if (secret !== undefined && !/^[\w-]{1,256}$/.test(String(secret)))
          throw bad('secret token contains unallowed characters')
        const kept = secret === undefined ? {} : { secret: String(secret) }
        updates.allow(allowed)
        updates.setWebhook({ url: String(url), ...kept }, drop === true)
        return true
      },
    },
    deleteWebhook: {
      takes: ['drop_pending_updates'],
      run({ drop_pending_updates: drop }) {
        updates.setWebhook(undefined, drop === true)
        return true
      },
    },
    getWebhookInfo: { takes: [], run: () => updates.info() },
    setMyCommands: {
      takes: ['commands', 'scope', 'language_code'],
      run({ commands }) {
        for (const { command, description } of commands as Record<string, unknown>[]) {
          if (!/^[a-z0-9_]{1,32}$/.test(String(command))) throw bad('BOT_COMMAND_INVALID')
          sized(description, 1, 256, 'BOT_COMMAND_DESCRIPTION_INVALID')
        }
        return true
      },
    },
    sendMessage: {
      takes: ['chat_id', 'text', 'reply_markup', 'protect_content', 'reply_parameters', 'link_preview_options'],
      run(payload) {
        const chat = chatIn(payload)
        const text = textIn(payload)
        const markup = markupIn(payload, false, chat.type === 'private')
        const replyTo = repliedIn(chat, payload)
        return place.post(chat, {
          from: bot,
          text,
          ...(markup && { reply_markup: markup }),
          ...(replyTo && { reply_to_message: replyTo }),
          ...(payload['protect_content'] === true && { has_protected_content: true }),
        })
      },
    },
    editMessageText: {
      takes: ['chat_id', 'message_id', 'text', 'reply_markup', 'link_preview_options'],
      run: (payload) => edit(payload, textIn(payload)),
    },
    editMessageReplyMarkup: {
      takes: ['chat_id', 'message_id', 'reply_markup'],
      run: (payload) => edit(payload, undefined),
    },
    deleteMessage: {
      takes: ['chat_id', 'message_id'],
      run(payload) {
        const chat = chatIn(payload)
        chat.messages.splice(chat.messages.indexOf(messageIn(chat, payload, 'delete')), 1)
        place.changed()
        return true
      },
    },
    answerCallbackQuery: {
      takes: ['callback_query_id', 'text', 'show_alert', 'cache_time'],
      run({ callback_query_id: id, text = '' }) {
        sized(text, 0, 200, 'MESSAGE_TOO_LONG')
        if (!place.answerQuery(String(id), String(text)))
          throw bad('query is too old and response timeout expired or query ID is invalid')
        return true
      },
    },
  }

  return Object.fromEntries(
    Object.entries(methods).map(([name, { takes, run }]) => [
      name,
      (payload: Payload, gone: AbortSignal) => {
        const unknown = Object.keys(payload).find((key) => !takes.includes(key))
        if (unknown !== undefined) throw bad(`${name} has no parameter ${unknown}`)
        return run(payload, gone)
      },
    ]),
  )
}

function textIn({ text }: Payload): string {
  if (typeof text !== 'string' || text.trim() === '') throw bad('message text is empty')
  if (text.length > 4096) throw bad('message is too long')
  return text
}

function repliedIn(chat: Chat, { reply_parameters: wanted }: Payload): Message | undefined {
  if (wanted === undefined) return undefined
  const found = chat.messages.find(({ message_id }) => message_id === (wanted as Payload)['message_id'])
  if (found === undefined) throw bad('message to be replied not found')
  return found
}

function within(value: unknown, least: number, most: number, name: string): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value
  throw bad(`${name} is a number from ${least} to ${most}`)
}
