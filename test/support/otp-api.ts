/** An app of the house that signs people in to their shops, and the people with their chats. */
import { setTimeout } from 'node:timers/promises'
import { commandLine } from './command-line.ts'
import type { Somebody, Telegram } from './fakes/telegram.ts'
import type { TestServer } from './server.ts'

export interface ApiAnswer {
  readonly status: number
  // biome-ignore lint/suspicious/noExplicitAny: an answer is whatever the server says; tests look at it
  readonly body: any
  readonly headers: Headers
}

export type OtpApp = ReturnType<typeof otpApp>

/** Registers an app; the first one of a server needs no `client_id` in its requests. */
export async function registerOtpApp(server: TestServer, name: string, origins: readonly string[] = []) {
  const run = commandLine(server.database.store)
  const more = origins.flatMap((origin) => ['--origin', origin])
  const words = ['client', 'add', '--profile', 'otp', '--name', name, '--first-party', ...more, '--json']
  const { client_id } = (await run(words)).json() as { client_id: string }
  return { client_id }
}

let numbers = 0

/** A number that nobody else has; its last four digits are `ending`, where one is given. */
export function newNumber(ending?: string): string {
  numbers += 1
  return ending === undefined
    ? `+7701${String(numbers).padStart(7, '0')}`
    : `+7702${String(numbers).padStart(3, '0')}${ending}`
}

export function otpApp(server: TestServer, more: { client_id?: string } = {}) {
  async function call(
    method: string,
    name: string,
    options: { body?: unknown; headers?: Record<string, string> } = {},
  ) {
    const response = await fetch(`${server.address}/api/auth/${name}`, {
      method,
      headers: {
        ...(options.body === undefined ? {} : { 'content-type': 'application/json' }),
        ...options.headers,
      },
      ...(options.body === undefined
        ? {}
        : { body: typeof options.body === 'string' ? options.body : JSON.stringify(options.body) }),
    })
    const text = await response.text()
    const body = text.startsWith('{') ? JSON.parse(text) : text
    return { status: response.status, body, headers: response.headers } satisfies ApiAnswer
  }

  const request = (phone: string) => call('POST', 'request-otp', { body: { phone, ...more } })
  const verify = (phone: string, code: string) =>
    call('POST', 'verify-otp', { body: { phone, otp_code: code, ...more } })
  const bearing = (token: string) => ({ headers: { authorization: `Bearer ${token}` } })

  return {
    call,
    request,
    verify,
    me: (token: string) => call('GET', 'me', bearing(token)),
    logout: (token: string) => call('POST', 'logout', bearing(token)),
    /** Asks for a code, reads it in the chat, and types it. */
    async signIn(person: Somebody, phone: string): Promise<ApiAnswer> {
      const before = codesIn(person).length
      const asked = await request(phone)
      if (asked.status !== 200) throw new Error(`no code: ${asked.status}`)
      return verify(phone, await codeTold(person, before))
    },
  }
}

/** Shares a person's own number with the bot. */
export async function shareNumber(person: Somebody, phone: string): Promise<void> {
  person.write('/start')
  await person.told('bot of Habitat')
  person.share(phone)
  await person.told(`Codes for ${phone} come here`)
}

/** The codes in a chat, oldest first. */
export function codesIn({ messages }: Somebody): readonly string[] {
  return messages.flatMap(({ from, text }) => (from.is_bot ? (/^(\d{6}) is your code for/.exec(text)?.[1] ?? []) : []))
}

/** The newest code in a chat, once there are more than so many. */
export async function codeTold(person: Somebody, before = 0): Promise<string> {
  const started = performance.now()
  while (codesIn(person).length <= before) {
    if (performance.now() - started > 10_000) throw new Error('no code came')
    await setTimeout(20)
  }
  return codesIn(person).at(-1) ?? ''
}

/** Somebody with a number that the bot knows. */
export async function personWithPhone(telegram: Telegram, phone = newNumber(), name = 'Dana') {
  const person = telegram.person(name)
  await shareNumber(person, phone)
  return { person, phone }
}
