/** What a part of the server can do in the chats of the bot. Each names what it takes; nothing is taken twice. */
import type { Json } from '../../adapters/identity/contract.ts'
import type { TelegramPerson } from '../../adapters/telegram/contract.ts'

export interface Answered {
  readonly person: TelegramPerson
  readonly payload: Json
  /** One of those that the question had. */
  readonly answer: string
  /** The message with the button; undefined where it is too old to be told. */
  readonly messageId: number | undefined
}

export interface TelegramFeature {
  /** By the letter of their deep links, whose parameter is that letter and a token of 43 characters (32 bytes). */
  readonly starts?: Readonly<Record<string, (person: TelegramPerson, token: string) => Promise<void>>>
  /** By their names, without `/`. `text` is what follows. */
  readonly commands?: Readonly<
    Record<string, { readonly description: string; run(person: TelegramPerson, text: string): Promise<void> }>
  >
  /** By kinds of questions. Answers what is shown at the button for a moment (0 to 200 characters). */
  readonly answers?: Readonly<Record<string, (answered: Answered) => Promise<string | undefined>>>
  /** A paragraph for whoever asks what the bot is for. */
  readonly about?: string
  /** On a button below that, which shares the person's own phone number. */
  readonly askContact?: string
  /** True when it was theirs to take. */
  contact?(person: TelegramPerson, phone: string, own: boolean): Promise<boolean>
  text?(person: TelegramPerson, text: string, messageId: number): Promise<boolean>
}
