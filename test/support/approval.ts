/** An app that asks somebody in their chat (OpenID CIBA), in single steps. */
import { expect } from 'vitest'
import { accounts } from '../../adapters/postgres/accounts.ts'
import { endpoint, type TokenAnswer, token } from './authorize.ts'
import { approve, askForCodes, poll as pollDevice } from './device.ts'
import type { Somebody, Telegram } from './fakes/telegram.ts'
import type { Message } from './fakes/telegram-world.ts'
import type { TestClient, TestServer } from './server.ts'

export interface Connected {
  /** Subject of the account: what the app remembers of it. */
  readonly sub: string
  readonly idToken: string
  readonly person: Somebody
}

/** An app that may ask in chats. */
export function askingClient(server: TestServer, extra: Record<string, unknown> = {}): Promise<TestClient> {
  return server.client('device', { approve_in_chat: true, client_name: 'Chat bot', ...extra })
}

let people = 0

/** Somebody new who has connected the app by a code, has linked their Telegram, and has started our bot. */
export async function connected(
  server: TestServer,
  telegram: Telegram,
  client: TestClient,
  scope = 'openid profile',
): Promise<Connected> {
  people += 1
  const codes = await askForCodes(server, client, { scope })
  await approve(server.visitor(), codes, { name: `person-${people}` })
  const { body } = await pollDevice(server, client, codes)
  const idToken = String(body.id_token)
  const { sub } = JSON.parse(Buffer.from(idToken.split('.')[1] ?? '', 'base64url').toString()) as { sub: string }
  const person = telegram.person()
  await link(server, sub, person)
  return { sub, idToken, person }
}

/** Makes a person's Telegram one of the account's identities, and has them start our bot. */
export async function link(server: TestServer, accountId: string, person: Somebody): Promise<void> {
  const identity = { provider: 'telegram', subject: String(person.id) }
  expect(await accounts(server.database.store.db, () => new Date()).addIdentity(accountId, identity)).toBe('added')
  person.write('/start')
  await person.told('This is the bot')
}

/** The app asks. */
export function ask(server: TestServer, client: TestClient, params: Record<string, string>): Promise<TokenAnswer> {
  return endpoint(server, client, '/backchannel', { scope: 'openid profile', ...params })
}

/** The app asks, and the question is there; answers what the app polls with, and the message. */
export async function asked(
  server: TestServer,
  client: TestClient,
  { sub, person }: Pick<Connected, 'sub' | 'person'>,
  params: Record<string, string> = {},
): Promise<{ id: string; message: Message }> {
  const { status, body } = await ask(server, client, { login_hint: sub, ...params })
  expect(body).toMatchObject({ auth_req_id: expect.any(String) })
  expect(status).toBe(200)
  const message = person.messages.at(-1) as Message
  expect(message.text).toContain('asks for access')
  return { id: String(body['auth_req_id']), message }
}

/** The app asks for its tokens. */
export function collect(server: TestServer, client: TestClient, id: string): Promise<TokenAnswer> {
  return token(server, client, { grant_type: 'urn:openid:params:grant-type:ciba', auth_req_id: id })
}

/** The person presses a button of a message; answers what they are told at the button. */
export function press(person: Somebody, message: Message, text: 'Approve' | 'Deny'): Promise<string> {
  const button = message.reply_markup?.inline_keyboard?.flat().find((one) => one.text === text)
  if (button === undefined) throw new Error(`the message has no button ${text}`)
  return person.press(button, message)
}
