/**
 * The bot by grammY's client of the Bot API. Its framework for updates is left out: it knows no answer to an update that
 * failed, and updates are few kinds.
 *
 * Waits that Telegram asks for (429) are kept, a few times and for seconds only: people wait for the answer.
 */
import { autoRetry } from '@grammyjs/auto-retry'
import { Api } from 'grammy'
import type { Update } from 'grammy/types'
import type { BotOptions, BotState, OutgoingMessage, TelegramBot } from './contract.ts'
import { keyboardOf, textOf } from './messages.ts'
import { isHarmless, isUnreachable, type TelegramTrouble, troubleOf } from './problems.ts'
import { readUpdate, wantedUpdates } from './updates.ts'

/** Seconds. */
const longestWait = 3
const fetchWait = 25
/** Milliseconds that a call may take, with its waits. */
const patience = 8_000
const mostRetries = 2

type Signal = NonNullable<Parameters<Api['getMe']>[0]>
type Known = Extract<BotState, { kind: 'known' }>

export function loadedBot({ token, apiRoot, privateOnly, inTurn, onBlocked, report }: BotOptions): TelegramBot {
  const api = new Api(token, { apiRoot, timeoutSeconds: fetchWait + 10 })
  /** Once Telegram has said it. */
  let username: string | undefined
  // Without an answer it would try for ever.
  const retry = autoRetry({
    maxRetryAttempts: mostRetries,
    maxDelaySeconds: longestWait,
    rethrowHttpErrors: true,
    // Who waits for it is told so instead: nobody knows how long that takes.
    rethrowInternalServerErrors: true,
  })
  // Who fetches updates tries again by himself, and may stop at any time.
  api.config.use((previous, method, ...rest) =>
    method === 'getUpdates' ? previous(method, ...rest) : retry(previous, method, ...rest),
  )

  /** Throws `TelegramTrouble`. */
  async function ask<T>(call: (signal: Signal) => Promise<T>, signal = AbortSignal.timeout(patience)): Promise<T> {
    try {
      return await call(signal as unknown as Signal)
    } catch (error) {
      throw troubleOf(error)
    }
  }

  /** Makes a call whose failure is nobody's but the log's; answers it. */
  async function attempt<T>(method: string, call: (signal: Signal) => Promise<T>): Promise<T | TelegramTrouble> {
    const answer = await ask(call).catch((trouble: TelegramTrouble) => trouble)
    if (isTrouble(answer) && !isUnreachable(answer) && !isHarmless(answer)) report(method, answer.message)
    return answer
  }

  /** In a private chat the chat has the number of the person. */
  async function say(personId: string, message: OutgoingMessage) {
    const chat = Number(personId)
    const other = { link_preview_options: { is_disabled: true }, ...markupOf(message) }
    const protect = message.protect === true ? { protect_content: true } : {}
    const sent = await attempt('sendMessage', (signal) =>
      api.sendMessage(chat, textOf(message), { ...other, ...protect }, signal),
    )
    if (!isTrouble(sent)) return { kind: 'sent', messageId: sent.message_id } as const
    if (!isUnreachable(sent)) return { kind: 'unavailable' } as const
    await onBlocked(personId)
    return { kind: 'blocked' } as const
  }

  return {
    messenger: {
      say,
      async edit(personId, messageId, message) {
        const keyboard = keyboardOf(message)
        const other = {
          link_preview_options: { is_disabled: true },
          ...(keyboard === undefined ? {} : { reply_markup: { inline_keyboard: keyboard } }),
        }
        await attempt('editMessageText', (signal) =>
          api.editMessageText(Number(personId), messageId, textOf(message), other, signal),
        )
      },
      async remove(personId, messageId) {
        await attempt('deleteMessage', (signal) => api.deleteMessage(Number(personId), messageId, signal))
      },
    },
    async examine() {
      try {
        const state = await examined(api, ask)
        username = state.username
        return state
      } catch (error) {
        const { code, message: why } = error as TelegramTrouble
        // Telegram answers 404 to a token that never was one.
        return { kind: code === 401 || code === 404 ? 'refused' : 'unavailable', why }
      }
    },
    async bringUpdates(url, secret) {
      await ask((signal) => api.setWebhook(url, { secret_token: secret, allowed_updates: wantedUpdates }, signal))
    },
    async keepUpdates() {
      await ask((signal) => api.deleteWebhook({}, signal))
    },
    async showCommands(commands) {
      await ask((signal) => api.setMyCommands(commands, { scope: { type: 'all_private_chats' } }, signal))
    },
    async fetchUpdates(offset, signal) {
      const wanted = { timeout: fetchWait, allowed_updates: wantedUpdates, ...(offset === undefined ? {} : { offset }) }
      const updates = await ask((it) => api.getUpdates(wanted, it), signal)
      return updates.map((update) => ({ ...update }))
    },
    async handle(update, receive) {
      const read = readUpdate(update as unknown as Update, username)
      const answer = (query: string, text = '') =>
        attempt('answerCallbackQuery', (signal) => api.answerCallbackQuery(query, { text }, signal))
      if (read.kind === 'group')
        await attempt('sendMessage', (signal) => api.sendMessage(read.chat, privateOnly, {}, signal))
      if (read.kind === 'elsewhere') await answer(read.query, privateOnly)
      if (read.kind !== 'incoming' && read.kind !== 'press') return
      const said = await inTurn(read.incoming.person.id, () => receive(read.incoming))
      if (read.kind === 'press') await answer(read.query, said)
    },
  }
}

async function examined(api: Api, ask: <T>(call: (signal: Signal) => Promise<T>) => Promise<T>): Promise<Known> {
  const me = await ask((signal) => api.getMe(signal))
  const { url, pending_update_count: pending, ...info } = await ask((signal) => api.getWebhookInfo(signal))
  return {
    kind: 'known',
    id: String(me.id),
    username: me.username,
    readsGroups: me.can_read_all_group_messages,
    webhook: {
      url: url === undefined || url === '' ? undefined : url,
      pending,
      lastError:
        info.last_error_date === undefined
          ? undefined
          : { at: new Date(info.last_error_date * 1000), message: info.last_error_message ?? 'no reason given' },
      allowedUpdates: info.allowed_updates,
    },
  }
}

function markupOf(message: OutgoingMessage) {
  if (message.askContact !== undefined) {
    const keyboard = [[{ text: message.askContact, request_contact: true }]]
    return { reply_markup: { keyboard, resize_keyboard: true, one_time_keyboard: true } }
  }
  const keyboard = keyboardOf(message)
  return keyboard === undefined ? {} : { reply_markup: { inline_keyboard: keyboard } }
}

function isTrouble(answer: unknown): answer is TelegramTrouble {
  return answer instanceof Error
}
