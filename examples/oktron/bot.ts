/**
 * The bot: which command does what, and who is listened to at all.
 *
 * People are known by `from.id`, which Telegram vouches for. Nothing is done outside private chats. What a button sends
 * back is a random name that counts for its owner alone: a client can send whatever it likes.
 */
import { Bot, type Context } from 'grammy'
import { type Chat, chatWith } from './chat.ts'
import type { Connecting } from './connecting.ts'
import { NotConnected, type Okto } from './okto.ts'
import { patience } from './outgoing.ts'
import type { Pending } from './pending.ts'
import { looksLikePin } from './pin.ts'
import { longestNote, texts } from './texts.ts'
import type { InTurn } from './turns.ts'

export interface BotOptions {
  token: string
  /** Another Bot API server than Telegram's. */
  apiRoot: string | undefined
  okto: Okto
  connecting: Connecting
  pending: Pending
  inTurn: InTurn
  /** Lets seconds pass. */
  wait: (seconds: number) => Promise<void>
  /** Hears of what went wrong, and with whom; never throws. */
  onError: (chat: Chat | undefined, error: unknown) => Promise<void>
}

/** What the menu of the chat shows. */
export const menu = [
  { command: 'connect', description: 'Connect your okto account' },
  { command: 'whoami', description: 'Who okto says you are' },
  { command: 'note', description: 'Add a note' },
  { command: 'disconnect', description: 'End the connection' },
]

/** How many updates are remembered, so that one that Telegram sends again is not done again. */
const remembered = 1_000

export function oktronBot({ token, apiRoot, okto, connecting, pending, inTurn, wait, onError }: BotOptions): Bot {
  const bot = new Bot(token, apiRoot === undefined ? {} : { client: { apiRoot } })
  bot.api.config.use(patience(wait))
  const seen = new Set<number>()

  const commands: Readonly<Record<string, (chat: Chat, text: string) => Promise<unknown>>> = {
    start: (chat) => chat.say(texts.start),
    help: (chat) => chat.say(texts.start),
    connect: connecting.connect,
    whoami,
    note,
    disconnect: askToDisconnect,
  }

  async function whoami(chat: Chat): Promise<void> {
    const { notes } = await okto.me(chat.person)
    const connection = await okto.find(chat.person)
    await chat.say(texts.whoami(connection?.name ?? '', notes.length))
  }

  async function note(chat: Chat, text: string): Promise<void> {
    if (text === '') return void (await chat.say(texts.noteUsage))
    if (text.length > longestNote) return void (await chat.say(texts.noteTooLong))
    await withPin(chat, texts.notePurpose(text), async () => {
      await chat.say(texts.noteAdded(await okto.addNote(chat.person, text)))
    })
  }

  /** Does what changes something once the PIN is right. */
  async function withPin(chat: Chat, purpose: string, work: () => Promise<void>, before = ''): Promise<void> {
    const connection = await okto.find(chat.person)
    if (connection === undefined) throw new NotConnected(false)
    if (connection.pin === undefined) return connecting.askForNewPin(chat)
    await chat.askSecretly(before + texts.askPin(purpose), 'Your PIN', async (text) => {
      const left = await okto.checkPin(chat.person, text)
      if (left === 'right') return work()
      if (left === 0) await chat.say(texts.noTriesLeft)
      else await withPin(chat, purpose, work, `${texts.wrongPin(left)}\n\n`)
    })
  }

  async function askToDisconnect(chat: Chat): Promise<void> {
    if ((await okto.find(chat.person)) === undefined) return forgetEnded(chat)
    const { yes, no } = pending.choice(chat.person, {
      async yes() {
        const outcome = await okto.disconnect(chat.person)
        await chat.edit(await asked, outcome === 'forgotten' ? texts.forgotten : texts.disconnected)
      },
      no: async () => chat.edit(await asked, texts.kept),
    })
    const buttons = [[{ text: 'Disconnect', callback_data: yes }], [{ text: 'Stay connected', callback_data: no }]]
    const asked = chat.say(texts.askDisconnect, { buttons })
    await asked
  }

  /** There is nothing to end, but whose connection it was may be remembered. */
  async function forgetEnded(chat: Chat): Promise<void> {
    if ((await okto.ended(chat.person)) === undefined) throw new NotConnected(false)
    await okto.disconnect(chat.person)
    await chat.say(texts.disconnected)
  }

  async function read(chat: Chat, { text, message_id: id, chat: where, reply_to_message: repliesTo }: TextMessage) {
    // Some write the PIN without replying; it must not stay there either.
    const secret = looksLikePin(text)
    const expected = repliesTo !== undefined || secret
    const answer = expected ? pending.answerTo(where.id, repliesTo?.message_id, chat.person) : undefined
    if (answer !== undefined) return answer(text, id)
    if (secret) await chat.remove(id)
    await chat.say(secret ? texts.questionOver : texts.start)
  }

  const privateChat = ({ api, chat, from }: Context) =>
    chat?.type === 'private' && from !== undefined ? chatWith(api, pending, chat.id, from) : undefined

  bot.use(async (ctx, next) => {
    const { update_id: id } = ctx.update
    if (seen.has(id)) return
    seen.add(id)
    const [oldest = id] = seen
    if (seen.size > remembered) seen.delete(oldest)
    // One person's updates one after the other: a webhook brings them side by side.
    await inTurn(ctx.from?.id ?? 0, next).catch((error: unknown) => onError(privateChat(ctx), error))
  })
  const inPrivate = bot.chatType('private')
  for (const [name, run] of Object.entries(commands)) {
    inPrivate.command(name, (ctx) => run(chatWith(ctx.api, pending, ctx.chat.id, ctx.from), ctx.match.trim()))
  }
  bot.chatType(['group', 'supergroup']).command(Object.keys(commands), (ctx) => ctx.reply(texts.privateOnly))
  inPrivate.on('callback_query:data', async (ctx) => {
    const press = pending.pressed(ctx.callbackQuery.data, ctx.from.id)
    await ctx.answerCallbackQuery(press === undefined ? texts.buttonOver : {})
    await press?.()
  })
  bot.on('callback_query', (ctx) => ctx.answerCallbackQuery(texts.buttonOver))
  inPrivate.on('message:text', (ctx) => read(chatWith(ctx.api, pending, ctx.chat.id, ctx.from), ctx.message))
  return bot
}

/** What there is to read in a message. */
interface TextMessage {
  readonly text: string
  readonly message_id: number
  readonly chat: { readonly id: number }
  readonly reply_to_message?: { readonly message_id: number }
}
