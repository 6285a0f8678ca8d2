/**
 * What the server and its bot say to each other. Nothing of chats crosses this line: a person is their Telegram user id,
 * and a private chat with them is addressed by it.
 */

/** Somebody who wrote to the bot, as Telegram vouches for them (`from`). */
export interface TelegramPerson {
  /** The numeric user id, as text: it has up to 52 bits. */
  readonly id: string
  readonly firstName: string
  readonly lastName?: string
  /** Without `@`; may change. */
  readonly username?: string
  /** IETF language tag of their app. */
  readonly language?: string
}

export interface InlineButton {
  readonly text: string
  /** Comes back in `press`: 1 to 64 bytes, a random handle and never authority. */
  readonly data?: string
  /** Opened instead. */
  readonly url?: string
  /** A page of ours inside Telegram (Mini App); https only. */
  readonly webApp?: string
  /** Copied instead, 1 to 256 characters. */
  readonly copy?: string
}

export interface OutgoingMessage {
  /** Plain text, 1 to 4096 characters. */
  readonly text: string
  readonly buttons?: readonly (readonly InlineButton[])[]
  /** Hinders forwarding and saving: for codes and links. */
  readonly protect?: boolean
  /** Shows a button that shares the person's own contact. */
  readonly askContact?: string
}

/** What became of a message. `blocked`: the person has never started the bot, or has blocked it. */
export type Delivery =
  | { readonly kind: 'sent'; readonly messageId: number }
  | { readonly kind: 'blocked' }
  /** Telegram did not answer, or wants us to wait longer than anybody would. */
  | { readonly kind: 'unavailable' }

/** Writes to people in private. Never throws for what Telegram or the person does. */
export interface Messenger {
  say(personId: string, message: OutgoingMessage): Promise<Delivery>
  /** Replaces text and buttons; nothing happens where the message is gone or says so already. */
  edit(personId: string, messageId: number, message: OutgoingMessage): Promise<void>
  remove(personId: string, messageId: number): Promise<void>
}

/** What somebody did in their private chat with the bot. */
export type Incoming =
  /** `/start`, with the parameter of a deep link (`https://t.me/<bot>?start=<parameter>`, up to 64 of `A-Za-z0-9_-`). */
  | { readonly kind: 'start'; readonly person: TelegramPerson; readonly parameter: string | undefined }
  | { readonly kind: 'command'; readonly person: TelegramPerson; readonly name: string; readonly text: string }
  /** `data` may be forged by the person's client. The answer is shown to them for a moment. */
  | {
      readonly kind: 'press'
      readonly person: TelegramPerson
      readonly data: string
      readonly messageId: number | undefined
    }
  /** `own`: it is their own contact, shared by themselves here and now (`user_id` is theirs, not forwarded). */
  | { readonly kind: 'contact'; readonly person: TelegramPerson; readonly phone: string; readonly own: boolean }
  | { readonly kind: 'text'; readonly person: TelegramPerson; readonly text: string; readonly messageId: number }
  /** They blocked the bot, or took that back. */
  | { readonly kind: 'standing'; readonly person: TelegramPerson; readonly blocked: boolean }

/** Takes what people did, one person's after the other. What a press answers (0 to 200 characters) is shown at the button. */
export type Receive = (incoming: Incoming) => Promise<string | undefined>
