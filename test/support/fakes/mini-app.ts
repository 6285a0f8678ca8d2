/** Plays what Telegram does when somebody opens a Mini App or comes back from the login of an old bot: it signs who they are. */
import { createHash, createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'

export interface TelegramUser {
  readonly id: number
  readonly first_name: string
  readonly last_name?: string
  readonly username?: string
}

export const testBotToken = '1234567890:a-token-of-a-test-bot-000000000'
export const aigerim: TelegramUser = { id: 700000001, first_name: 'Aigerim', last_name: 'Bekova', username: 'aigerim' }
export const bolat: TelegramUser = { id: 700000002, first_name: 'Bolat' }

let opened = 0

export interface Opening {
  readonly user?: TelegramUser
  readonly botToken?: string
  /** When it was opened, milliseconds. */
  readonly at?: number
  /** Further fields, or other ones; those that are undefined are left out. */
  readonly fields?: Readonly<Record<string, string | undefined>>
  /** Signs for other people's bots: Telegram's key, and the bot. */
  readonly thirdParty?: { readonly key: KeyObject; readonly botId: string }
}

/** `initData` of one opening. */
export function initDataOf({
  user = aigerim,
  botToken = testBotToken,
  at = Date.now(),
  fields: further = {},
  thirdParty,
}: Opening = {}): string {
  opened += 1
  const given = {
    query_id: `AAHdF6IQAAAAAN0XohDhrO${opened}`,
    user: JSON.stringify({ ...user, language_code: 'kk', allows_write_to_pm: true }),
    auth_date: String(Math.floor(at / 1000)),
    ...further,
  }
  const fields = Object.entries(given).filter((pair): pair is [string, string] => pair[1] !== undefined)
  if (thirdParty !== undefined) {
    const signature = sign(null, Buffer.from(`${thirdParty.botId}:WebAppData\n${lines(fields)}`), thirdParty.key)
    fields.push(['signature', signature.toString('base64url')])
  }
  const secret = createHmac('sha256', 'WebAppData').update(botToken).digest()
  fields.push(['hash', createHmac('sha256', secret).update(lines(fields)).digest('hex')])
  return new URLSearchParams(fields).toString()
}

/** The fields of the login of an old bot, signed. */
export function widgetFieldsOf({
  user = aigerim,
  botToken = testBotToken,
  at = Date.now(),
  fields: further = {},
}: Opening = {}): Record<string, string | number> {
  const given: Record<string, string | number | undefined> = { ...user, auth_date: Math.floor(at / 1000), ...further }
  const fields = Object.entries(given).filter((pair): pair is [string, string | number] => pair[1] !== undefined)
  const secret = createHash('sha256').update(botToken).digest()
  const hash = createHmac('sha256', secret)
    .update(lines(fields.map(([key, value]) => [key, String(value)])))
    .digest('hex')
  return { ...Object.fromEntries(fields), hash }
}

/** As they stand behind the `#`. */
export function asResult(fields: Record<string, unknown>): string {
  return Buffer.from(JSON.stringify(fields)).toString('base64url')
}

/** A key in the place of the one by which Telegram signs for other people's bots. */
export function thirdPartyKey(): { readonly key: KeyObject; readonly publicHex: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const { x = '' } = publicKey.export({ format: 'jwk' })
  return { key: privateKey, publicHex: Buffer.from(x, 'base64url').toString('hex') }
}

function lines(fields: readonly (readonly [string, string])[]): string {
  return [...fields]
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([key, value]) => `${key}=${value}`)
    .join('\n')
}
