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
  /** Opened instead. What Telegram takes no button for (`http://localhost`) is written below the text. */
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
  /** Anything else, and everything that they forwarded: it is not their word. */
  | { readonly kind: 'other'; readonly person: TelegramPerson }
  /** They blocked the bot, or took that back. */
  | { readonly kind: 'standing'; readonly person: TelegramPerson; readonly blocked: boolean }

/** Takes what people did, one person's after the other. What a press answers (0 to 200 characters) is shown at the button. */
export type Receive = (incoming: Incoming) => Promise<string | undefined>

/** What Telegram sends: an id that grows, and one thing that happened. */
export interface TelegramUpdate {
  readonly update_id: number
  readonly [kind: string]: unknown
}

export interface BotCommand {
  /** Without `/`: 1 to 32 of `a-z0-9_`. */
  readonly command: string
  readonly description: string
}

/** What Telegram says about the bot. */
export type BotState =
  | {
      readonly kind: 'known'
      readonly id: string
      readonly username: string
      /** Whether it is shown everything that is written in groups. */
      readonly readsGroups: boolean
      readonly webhook: WebhookState
    }
  /** The token is wrong or was revoked. */
  | { readonly kind: 'refused'; readonly why: string }
  | { readonly kind: 'unavailable'; readonly why: string }

export interface WebhookState {
  /** Where updates are brought; undefined: nowhere, they wait to be fetched. */
  readonly url: string | undefined
  /** Updates that wait. */
  readonly pending: number
  readonly lastError: { readonly at: Date; readonly message: string } | undefined
  /** Undefined: Telegram's usual ones. */
  readonly allowedUpdates: readonly string[] | undefined
}

/** The bot, as its server runs it. What is thrown carries no token, no text and nobody's id. */
export interface TelegramBot {
  readonly messenger: Messenger
  /** Never throws. */
  examine(): Promise<BotState>
  /** Has Telegram bring updates to this https address, with this secret in `X-Telegram-Bot-Api-Secret-Token`. */
  bringUpdates(url: string, secret: string): Promise<void>
  /** Has Telegram keep updates until they are fetched. */
  keepUpdates(): Promise<void>
  /** What the menu of the chat shows. */
  showCommands(commands: readonly BotCommand[]): Promise<void>
  /** Confirms everything before `offset`; waits a while for what is new. */
  fetchUpdates(offset: number | undefined, signal: AbortSignal): Promise<readonly TelegramUpdate[]>
  /** Reads an update and gives it to `receive`. Throws what that throws. */
  handle(update: TelegramUpdate, receive: Receive): Promise<void>
}

export interface BotOptions {
  /** From BotFather. */
  readonly token: string
  /** Origin of the Bot API server. */
  readonly apiRoot: string
  /** Said to whoever calls it in a group. */
  readonly privateOnly: string
  /** Lets the work of one person go one after the other. */
  readonly inTurn: <T>(person: string, work: () => Promise<T>) => Promise<T>
  /** Told of somebody whom the bot can no longer reach. */
  readonly onBlocked: (personId: string) => Promise<void>
  /** Told what Telegram refused, or that it does not answer; without token, text or anybody's id. */
  readonly report: (method: string, why: string) => void
}

/** The kinds of updates that the bot wants. */
export type WantedUpdates = readonly ('message' | 'callback_query' | 'my_chat_member')[]
