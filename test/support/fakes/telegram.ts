/**
 * Telegram as a bot meets it: a Bot API server with people who write, press buttons and reply.
 *
 * Strict: what the manual forbids is refused with Telegram's own words and kept among the complaints. Ids of people and
 * of their chats differ here, though not at Telegram, so that a test can tell which of the two went where. Ids of
 * messages are unique in one chat only.
 */
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Failure } from './telegram-failure.ts'
import { type BotCall, botMethods } from './telegram-methods.ts'
import { type Update, updateQueue } from './telegram-updates.ts'
import {
  type Button,
  bot,
  type Chat,
  type Message,
  type MoreOfPerson,
  type Person,
  type World,
  world,
} from './telegram-world.ts'

export interface Telegram extends AsyncDisposable {
  /** Stands for `https://api.telegram.org`. */
  readonly apiRoot: string
  readonly token: string
  /** Every call of the bot that was understood, but those that wait for updates. */
  readonly calls: readonly BotCall[]
  /** What the bot was refused for its own fault (400, 401, 404), as sentences. */
  readonly complaints: string[]
  /** Somebody with a private chat, who has not written to the bot yet. */
  person(name?: string, more?: MoreOfPerson): Somebody
  /** A group that the bot and these people are in. */
  group(...members: Somebody[]): Group
  /** Answers the bot's next calls of a method that is for no chat so, in this order, and then as ever. */
  fail(method: string, ...failures: Failure[]): void
  /** Who is asked to bring updates to this origin brings them to that one, as a TLS proxy would. */
  route(from: string, to: string): void
  /** How updates come to the bot at the moment, as it would be told. */
  webhook(): { readonly url: string; readonly pending_update_count: number }
  /** Brings an update again. */
  repeat(update: Update): void
  /** Every update there was. */
  readonly updates: readonly Update[]
  /** Resolves when the bot has taken every update there is. */
  allTaken(): Promise<void>
}

export interface Somebody {
  readonly id: number
  readonly chatId: number
  /** What stands in the private chat, in order; deleted messages are gone. */
  readonly messages: readonly Message[]
  /** Writes to the bot in private; answers the message. */
  write(text: string): Message
  /** Follows a link to the bot (`https://t.me/…?start=…`) and presses Start. */
  open(link: string): Message
  /** Shares a contact: their own number, or somebody's. */
  share(phone: string, whose?: { readonly id?: number | undefined; readonly forwarded?: boolean }): Message
  /** Forwards a message with this text to the bot. */
  forward(text: string): Message
  /** Answers a message of the bot. */
  reply(to: Message, text: string): Message
  /** Presses a button with callback data; answers what the bot said to it. */
  press(button: Button, message: Message): Promise<string>
  /** Sends callback data that stands on no button, as a client of one's own can. */
  forge(data: string, message: Message): Promise<string>
  /** Waits until the bot's newest message that has this text is there, edited or not. */
  told(text: string | RegExp): Promise<Message>
  /** Answers the bot's next calls of this method for the private chat so, in this order, and then as ever. */
  fail(method: string, ...failures: Failure[]): void
  /** The bot is told, too. */
  block(): void
  unblock(): void
}

export interface Group {
  readonly chatId: number
  readonly messages: readonly Message[]
  write(from: Somebody, text: string): Message
  told(text: string | RegExp): Promise<Message>
}

/** Too many requests (reference of the Bot API, `ResponseParameters.retry_after`, seconds). */
export function tooMany(seconds: number): Failure {
  return new Failure(429, `Too Many Requests: retry after ${seconds}`, { retry_after: seconds })
}

/** What Telegram answers while something is wrong with it. */
export function outage(): Failure {
  return new Failure(502, 'Bad Gateway')
}

/** Starts it on a port of its own. */
export async function startTelegram(): Promise<Telegram> {
  const token = `${randomInt(1e9, 2e9)}:fake-token-that-must-not-be-seen-anywhere`
  const complaints: string[] = []
  const calls: BotCall[] = []
  const failures = new Map<string, Failure[]>()
  const place = world()
  const updates = updateQueue((sentence) => void complaints.push(sentence))
  const methods = botMethods(place, updates)

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<unknown> {
    const [, given, method = ''] = /^\/bot([^/]+)\/(\w+)$/.exec(request.url ?? '') ?? []
    if (given !== token)
      throw new Failure(given === undefined ? 404 : 401, given === undefined ? 'Not Found' : 'Unauthorized')
    const payload = await payloadOf(request)
    const chat = place.chatBy(Number(payload['chat_id']))
    const planned = failures.get(`${method} ${chat?.id}`)?.shift()
    if (planned !== undefined) throw planned
    if (!Object.hasOwn(methods, method)) throw new Failure(404, `Not Found: method not found (${method})`)
    if (method !== 'getUpdates') calls.push({ method, payload })
    const gone = new AbortController()
    response.once('close', () => gone.abort())
    return methods[method]?.(payload, gone.signal)
  }

  const server = createServer((request, response) => {
    answer(request, response).then(
      (result) => send(response, 200, { ok: true, result }),
      (error: unknown) => {
        if (!(error instanceof Failure)) throw error
        const { code, message, parameters } = error
        if ([400, 401, 404].includes(code)) complaints.push(`${request.url?.split('/').at(-1)}: ${message}`)
        send(response, code, { ok: false, error_code: code, description: message, ...(parameters && { parameters }) })
      },
    )
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    apiRoot: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    token,
    calls,
    complaints,
    updates: updates.all,
    fail: (method, ...planned) => void failures.set(`${method} undefined`, planned),
    route: updates.route,
    webhook: updates.info,
    repeat: updates.repeat,
    person: (name = 'Dana', more = {}) => somebody(place, updates.add, place.addPerson(name, more), failures),
    group(...members) {
      const chat = place.addGroup(members.map(({ id }) => id))
      return {
        chatId: chat.id,
        messages: chat.messages,
        write: (from, text) => written(place, updates.add, chat, place.personOf(from.id), text),
        told: (text) => place.told(chat, text),
      }
    },
    allTaken: updates.allTaken,
    async [Symbol.asyncDispose]() {
      updates.close()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

type Add = (kind: string, content: unknown) => void

function somebody(place: World, add: Add, person: Person, failures: Map<string, Failure[]>): Somebody {
  const { chat } = person
  const write = (text: string, replyTo?: Message) => written(place, add, chat, person, text, replyTo)
  function forge(data: string, message: Message): Promise<string> {
    const { id, said } = place.newQuery()
    add('callback_query', { id, from: place.userOf(person), chat_instance: String(chat.id * 7), message, data })
    return said
  }
  return {
    id: person.id,
    chatId: chat.id,
    messages: chat.messages,
    write,
    open(link) {
      const { hostname, searchParams } = new URL(link)
      const parameter = searchParams.get('start') ?? ''
      if (hostname !== 't.me' || !/^[\w-]{0,64}$/.test(parameter)) throw new Error(`${link} starts no bot`)
      return write(parameter === '' ? '/start' : `/start ${parameter}`)
    },
    share(phone, whose = {}) {
      const owner = 'id' in whose ? whose.id : person.id
      const contact = { phone_number: phone, first_name: 'X', ...(owner === undefined ? {} : { user_id: owner }) }
      return sent(place, add, chat, person, { contact, ...(whose.forwarded === true ? forwarded : {}) })
    },
    forward: (text) => sent(place, add, chat, person, { text, ...forwarded }),
    reply: (to, text) => write(text, to),
    press({ callback_data: data }, message) {
      if (data === undefined) throw new Error('nothing is sent when that button is pressed')
      return forge(data, message)
    },
    forge,
    told: (text) => place.told(chat, text),
    fail: (method, ...planned) => void failures.set(`${method} ${chat.id}`, planned),
    block: () => membership(place, add, person, true),
    unblock: () => membership(place, add, person, false),
  }
}

/** A message of a person, and its update. */
function written(place: World, add: Add, chat: Chat, person: Person, text: string, replyTo?: Message): Message {
  return sent(place, add, chat, person, { text, ...(replyTo && { reply_to_message: replyTo }) })
}

const forwarded = { forward_origin: { type: 'hidden_user', sender_user_name: 'X', date: 0 } }

function sent(place: World, add: Add, chat: Chat, person: Person, content: Partial<Message>): Message {
  person.started ||= chat.type === 'private'
  const message = place.post(chat, { from: place.userOf(person), text: '', ...content })
  const { text, ...others } = message
  add('message', { ...others, ...(content.contact === undefined ? { text } : {}), chat: place.chatOf(chat) })
  return message
}

/** Blocks the bot or takes it back; it hears of that. */
function membership(place: World, add: Add, person: Person, blocked: boolean): void {
  person.blocked = blocked
  const status = (kicked: boolean) => ({ user: bot, status: kicked ? 'kicked' : 'member', until_date: 0 })
  add('my_chat_member', {
    chat: place.chatOf(person.chat),
    from: place.userOf(person),
    date: Math.floor(Date.now() / 1000),
    old_chat_member: status(!blocked),
    new_chat_member: status(blocked),
  })
}

async function payloadOf(request: IncomingMessage): Promise<Record<string, unknown>> {
  let text = ''
  request.setEncoding('utf8')
  for await (const chunk of request) text += chunk
  if (text === '') return {}
  if (!String(request.headers['content-type']).startsWith('application/json'))
    throw new Failure(400, 'Bad Request: send JSON')
  try {
    return JSON.parse(text) as Record<string, unknown>
  } catch {
    throw new Failure(400, "Bad Request: can't parse JSON object")
  }
}

function send(response: ServerResponse, status: number, body: unknown): void {
  if (!response.destroyed) response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}
