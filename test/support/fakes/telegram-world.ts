/** The people, chats and messages of the fake Telegram. Knows neither HTTP nor the bot's methods. */
import { randomInt, randomUUID } from 'node:crypto'
import { EventEmitter, once } from 'node:events'

export interface Button {
  readonly text: string
  readonly url?: string
  readonly callback_data?: string
  readonly copy_text?: { readonly text: string }
  readonly web_app?: { readonly url: string }
  readonly request_contact?: true
}

export interface Message {
  readonly message_id: number
  readonly date: number
  readonly chat: object
  readonly from: User
  /** Absent where it is a contact. */
  text: string
  readonly contact?: Contact
  readonly forward_origin?: object
  readonly entities?: readonly object[]
  readonly reply_to_message?: Message
  reply_markup?: { inline_keyboard?: Button[][]; keyboard?: Button[][]; force_reply?: true } | undefined
  readonly has_protected_content?: true
}

export interface Contact {
  readonly phone_number: string
  readonly first_name: string
  readonly user_id?: number
}

interface User {
  readonly id: number
  readonly is_bot: boolean
  readonly first_name: string
  readonly last_name?: string
  readonly username?: string
  readonly language_code?: string
}

export interface Chat {
  readonly id: number
  readonly type: 'private' | 'group'
  readonly title?: string
  readonly members: readonly number[]
  readonly messages: Message[]
  lastMessage: number
}

/** What a person may have told of themselves. */
export interface MoreOfPerson {
  readonly last_name?: string
  readonly username?: string
  readonly language_code?: string
}

export interface Person {
  readonly id: number
  readonly name: string
  readonly more: MoreOfPerson
  readonly chat: Chat
  /** Has written to the bot. */
  started: boolean
  blocked: boolean
}

export const bot: User = { id: 77_000_001, is_bot: true, first_name: 'oktron', username: 'oktron_test_bot' }

export type World = ReturnType<typeof world>

/** A message that is still to be posted. */
type Draft = Pick<Message, 'from' | 'text'> & Partial<Message>

export function world() {
  const people = new Map<number, Person>()
  const chats = new Map<number, Chat>()
  const queries = new Map<string, (said: string) => void>()
  const changes = new EventEmitter().setMaxListeners(0)

  function newChat(chat: Pick<Chat, 'id' | 'type' | 'members'>): Chat {
    const made: Chat = { ...chat, ...(chat.type === 'group' ? { title: 'A group' } : {}), messages: [], lastMessage: 0 }
    chats.set(made.id, made)
    return made
  }
  const chatOf = ({ id, type, title }: Chat) => (type === 'group' ? { id, type, title } : { id, type, first_name: 'X' })

  return {
    /** A chat by its id; a private one by the person's, too: at Telegram both are the same. */
    chatBy: (id: number): Chat | undefined => chats.get(id) ?? people.get(id)?.chat,
    chatOf,
    userOf: ({ id, name, more }: Person): User => ({ id, is_bot: false, first_name: name, ...more }),
    addPerson(name: string, more: MoreOfPerson): Person {
      // Beyond 32 bits, as newer accounts are; nowhere near each other, so that neither is mistaken for the other.
      const id = randomInt(5_000_000_000, 5_999_999_999)
      const chat = newChat({ id: randomInt(8_000_000_000, 8_999_999_999), type: 'private', members: [id] })
      const person: Person = { id, name, more, chat, started: false, blocked: false }
      people.set(id, person)
      return person
    },
    addGroup: (members: readonly number[]) => newChat({ id: -randomInt(1e9, 2e9), type: 'group', members }),
    personOf(id: number): Person {
      const person = people.get(id)
      if (person === undefined) throw new Error(`nobody has the id ${id}`)
      return person
    },
    post(chat: Chat, draft: Draft): Message {
      chat.lastMessage += 1
      const message: Message = {
        message_id: chat.lastMessage,
        date: Math.floor(Date.now() / 1000),
        chat: chatOf(chat),
        ...draft,
        ...commandIn(draft.text),
      }
      chat.messages.push(message)
      changes.emit('changed')
      return message
    },
    changed: () => void changes.emit('changed'),
    /** A press of a button, and what the bot will say to it. */
    newQuery() {
      const id = randomUUID()
      const { promise, resolve } = Promise.withResolvers<string>()
      queries.set(id, resolve)
      return { id, said: promise }
    },
    /** Whether there is such a press that was not answered yet. */
    answerQuery(id: string, said: string): boolean {
      queries.get(id)?.(said)
      return queries.delete(id)
    },
    async told(chat: Chat, text: string | RegExp): Promise<Message> {
      for (;;) {
        const found = chat.messages.findLast(
          (it) => it.from.is_bot && (typeof text === 'string' ? it.text.includes(text) : text.test(it.text)),
        )
        if (found !== undefined) return found
        await once(changes, 'changed')
      }
    },
  }
}

/** What Telegram marks as a command. */
function commandIn(text: string): { entities?: readonly object[] } {
  const [command] = /^\/\w{1,32}(?:@\w+)?/.exec(text) ?? []
  return command === undefined ? {} : { entities: [{ type: 'bot_command', offset: 0, length: command.length }] }
}
