/**
 * What oktron is waiting for in chats: answers to its questions, presses of its buttons. In memory alone, and here alone:
 * neither a chat id nor a user id ever stands in what Telegram or anybody else is given to send back.
 */
import { randomBytes } from 'node:crypto'

export type Answer = (text: string, messageId: number) => Promise<void>
export type Press = () => Promise<void>

export type Pending = ReturnType<typeof pending>

/** How long a question or a button may be answered, milliseconds. */
const lifetime = 600_000

interface Waiting<T> {
  readonly owner: number
  readonly until: number
  readonly run: T
}

export function pending() {
  const questions = new Map<string, Waiting<Answer>>()
  const buttons = new Map<string, Waiting<Press>>()
  // Ids of messages are unique in one chat only.
  const keyOf = (chatId: number, messageId: number) => `${chatId}:${messageId}`

  function add<T>(to: Map<string, Waiting<T>>, key: string, owner: number, run: T): void {
    for (const [old, { until }] of to) if (until < Date.now()) to.delete(old)
    to.set(key, { owner, until: Date.now() + lifetime, run })
  }

  /** Once, for the owner alone: somebody else's try takes nothing away. */
  function take<T>(from: Map<string, Waiting<T>>, key: string, owner: number): T | undefined {
    const found = from.get(key)
    if (found === undefined || found.owner !== owner || found.until < Date.now()) return undefined
    from.delete(key)
    return found.run
  }

  return {
    question(chatId: number, messageId: number, owner: number, run: Answer): void {
      add(questions, keyOf(chatId, messageId), owner, run)
    },

    /** The question that this message answers: the one it replies to, else the newest that the person was asked. */
    answerTo(chatId: number, repliesTo: number | undefined, owner: number): Answer | undefined {
      if (repliesTo !== undefined) return take(questions, keyOf(chatId, repliesTo), owner)
      const newest = [...questions].findLast(([key, it]) => it.owner === owner && key.startsWith(`${chatId}:`))
      return newest && take(questions, newest[0], owner)
    },

    /** Data for buttons of which one may be pressed: random names, 22 bytes. */
    choice<Name extends string>(owner: number, presses: Readonly<Record<Name, Press>>): Readonly<Record<Name, string>> {
      const entries = Object.entries<Press>(presses).map(([name, press]) => {
        return { name, press, handle: randomBytes(16).toString('base64url') }
      })
      for (const { handle, press } of entries) {
        add(buttons, handle, owner, async () => {
          for (const it of entries) buttons.delete(it.handle)
          await press()
        })
      }
      return Object.fromEntries(entries.map(({ name, handle }) => [name, handle])) as Record<Name, string>
    },

    pressed: (handle: string, owner: number): Press | undefined => take(buttons, handle, owner),
  }
}
