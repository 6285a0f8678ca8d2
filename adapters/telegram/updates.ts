/**
 * Reads what Telegram sends. Pure.
 *
 * Who acts is `from`, which Telegram vouches for. Outside private chats nothing is read, and what somebody forwards, or
 * sends by another bot, is not taken for their own word.
 */
import type { Message, Update, User } from 'grammy/types'
import type { Incoming, TelegramPerson, WantedUpdates } from './contract.ts'

export const wantedUpdates: WantedUpdates = ['message', 'callback_query', 'my_chat_member']

export type ReadUpdate =
  | { readonly kind: 'incoming'; readonly incoming: Incoming }
  /** `query` is what has to be answered. */
  | { readonly kind: 'press'; readonly incoming: Incoming; readonly query: string }
  /** Somebody called the bot in this group, or pressed a button that is not in their private chat. */
  | { readonly kind: 'group'; readonly chat: number }
  | { readonly kind: 'elsewhere'; readonly query: string }
  | { readonly kind: 'nothing' }

const nothing: ReadUpdate = { kind: 'nothing' }

/** `username`: of the bot, where it is known. */
export function readUpdate(update: Update, username?: string): ReadUpdate {
  const { message, callback_query: query, my_chat_member: member } = update
  if (message !== undefined) return readMessage(message, username)
  if (query !== undefined) {
    const { id, data, from, message: shown } = query
    if (shown?.chat.type !== 'private' || data === undefined) return { kind: 'elsewhere', query: id }
    const incoming = { kind: 'press', person: personOf(from), data, messageId: shown.message_id } as const
    return { kind: 'press', query: id, incoming }
  }
  if (member?.chat.type !== 'private') return nothing
  const blocked = member.new_chat_member.status === 'kicked'
  return { kind: 'incoming', incoming: { kind: 'standing', person: personOf(member.from), blocked } }
}

function readMessage(message: Message, username: string | undefined): ReadUpdate {
  const { chat, from, text } = message
  if (from === undefined || from.is_bot) return nothing
  if (chat.type !== 'private') return isForBot(text, username) ? { kind: 'group', chat: chat.id } : nothing
  return { kind: 'incoming', incoming: readPrivate(message, personOf(from)) }
}

/** A command in a group, unless it names another bot. */
function isForBot(text: string | undefined, username: string | undefined): boolean {
  const command = commandIn(text)
  if (command === undefined) return false
  const { bot } = command
  return bot === undefined || username === undefined || bot.toLowerCase() === username.toLowerCase()
}

function readPrivate({ text, contact, message_id: messageId, ...message }: Message, person: TelegramPerson): Incoming {
  const own = message.forward_origin === undefined && message.via_bot === undefined
  if (contact !== undefined) {
    // RFC 3966's +, which not every client of Telegram sends.
    const phone = `+${contact.phone_number.replace(/^\+/, '')}`
    return { kind: 'contact', person, phone, own: own && String(contact.user_id) === person.id }
  }
  if (text === undefined || !own) return { kind: 'other', person }
  const command = commandIn(text)
  if (command === undefined) return { kind: 'text', person, text, messageId }
  const { name, rest } = command
  if (name === 'start') return { kind: 'start', person, parameter: rest === '' ? undefined : rest }
  return { kind: 'command', person, name, text: rest }
}

/** A command stands at the beginning; the bot may be named with it. */
function commandIn(text = ''): { name: string; bot: string | undefined; rest: string } | undefined {
  const [, name, bot, rest = ''] = /^\/([a-zA-Z0-9_]{1,32})(?:@(\w+))?(?:\s+([\s\S]*))?$/.exec(text) ?? []
  return name === undefined ? undefined : { name: name.toLowerCase(), bot, rest: rest.trim() }
}

function personOf(user: User): TelegramPerson {
  return {
    id: String(user.id),
    firstName: user.first_name,
    ...(user.last_name === undefined ? {} : { lastName: user.last_name }),
    ...(user.username === undefined ? {} : { username: user.username }),
    ...(user.language_code === undefined ? {} : { language: user.language_code }),
  }
}
