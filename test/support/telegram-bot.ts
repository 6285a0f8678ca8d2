/** Settings of a server whose bot is at the fake Telegram, in either of the two ways in which updates come. */
import { expect } from 'vitest'
import type { Somebody, Telegram } from './fakes/telegram.ts'
import type { Person } from './people.ts'
import type { TestServer } from './server.ts'
import type { Visit, Visitor } from './visitor.ts'

/** Updates are fetched, as on a developer's machine. */
export function pollingAt({ token, apiRoot }: Telegram): Record<string, string> {
  return { TELEGRAM_BOT_TOKEN: token, TELEGRAM_API_ROOT: apiRoot }
}

/** The public origin of a server to which Telegram brings updates; `telegram.route` leads from it to the server. */
export const publicOrigin = 'https://auth.example'

/** Updates are brought, as in production. */
export function webhookAt(telegram: Telegram): Record<string, string> {
  return {
    ...pollingAt(telegram),
    NODE_ENV: 'production',
    HOST: '127.0.0.1',
    ISSUER: publicOrigin,
    TRUST_PROXY: '127.0.0.1',
    ALLOW_EMBEDDED_DATABASE: 'yes',
  }
}

/** Stops both; fails where the bot did what Telegram forbids. */
export async function stopBoth(server: TestServer, telegram: Telegram): Promise<void> {
  await server.stop()
  expect(telegram.complaints).toEqual([])
  await telegram[Symbol.asyncDispose]()
}

/** Asks the bot for a link to connect this Telegram with an account; answers its path. */
export async function askForLink(person: Somebody): Promise<string> {
  const before = person.messages.length
  person.write('/connect')
  for (;;) {
    const { text } = await person.told(/./)
    const path = /\/telegram\/connect\/[\w-]{43}/.exec(person.messages.slice(before).at(-1)?.text ?? '')?.[0]
    if (path !== undefined) return path
    if (text.includes('belongs') || text.includes('many links')) throw new Error(text)
    await new Promise(setImmediate)
  }
}

/** Opens the link and registers where the sign-in page comes; answers the page that asks whether to connect. */
export async function openLink(visitor: Visitor, path: string, person: Person): Promise<Visit> {
  const first = await visitor.get(path)
  const signIn = await visitor.submit(first, path)
  const page = await visitor.submit(signIn, '/answer', { action: 'register', email: '', password: '' })
  return visitor.submit(page, '/answer', { email: person.email, password: person.password, name: '' })
}

/**
 * Presses the number that this browser shows, the first one where it shows none, or `No`; answers what the message says
 * then.
 */
export async function answerInChat(person: Somebody, choice: Visitor | 'No'): Promise<string> {
  const message = await person.told('Connect this Telegram with the account')
  const page = choice === 'No' ? undefined : await choice.get('/telegram/connect')
  const wanted = page === undefined ? /^No$/ : new RegExp(`^${shownNumber(page) ?? '\\d\\d'}$`)
  const found = message.reply_markup?.inline_keyboard?.flat().find(({ text }) => wanted.test(text))
  if (found === undefined) throw new Error(`there is no button ${wanted}`)
  await person.press(found, message)
  return person.messages.find(({ message_id }) => message_id === message.message_id)?.text ?? ''
}

/** The number on a page that waits for the chat. */
export function shownNumber({ text }: Visit): string | undefined {
  return /<p class="number">.*<strong>(\d\d)<\/strong>/.exec(text)?.[1]
}

/** The Telegram users of an account. */
export async function telegramOf(server: TestServer, email: string): Promise<readonly string[]> {
  const rows = await server.database.store.db
    .selectFrom('identities')
    .innerJoin('accounts', 'accounts.id', 'identities.account_id')
    .select('identities.subject')
    .where('identities.provider', '=', 'telegram')
    .where('accounts.email', '=', email)
    .execute()
  return rows.map(({ subject }) => subject)
}
