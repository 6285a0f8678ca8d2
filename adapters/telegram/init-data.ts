/**
 * What Telegram hands to a Mini App about the person who opened it (`initData`), and how it is known to be Telegram's.
 *
 * That of our own bot is signed with a key made from its token; that of somebody else's bot with a key of Telegram's,
 * of which everybody has the public half. Read strictly: what could be read in two ways is not read.
 */
import { createHmac, createPublicKey, type KeyObject, verify } from 'node:crypto'
import {
  checkString,
  invalid,
  isSameHash,
  isUnambiguous,
  judged,
  readPerson,
  type SignedFields,
  type SignedPerson,
  type Statement,
} from './statement.ts'

/** Characters; Telegram's own are a third of it. */
const longest = 4096

/** Public keys by which Telegram signs for other people's bots, in hexadecimal; the second is that of its test servers. */
export const telegramKeys = {
  production: 'e7bf03a2fa4602af4580703d88dda5bb59f32ed8b02a56c187fe7d34caed242d',
  test: '40055058a4ee38156a06562e52eece92a771bcd8346a8c4615cb7376eddf72ec',
} as const

export interface InitDataNeeds {
  readonly botToken: string
  /** Ed25519, in hexadecimal. */
  readonly publicKeys: readonly string[]
  readonly now: () => Date
}

export interface InitData {
  /** Of our own bot. */
  own(text: string): Statement
  /** Of the bot with this id. */
  of(botId: string, text: string): Statement
}

export function initData({ botToken, publicKeys, now }: InitDataNeeds): InitData {
  const ownId = botIdOf(botToken)
  const secret = createHmac('sha256', 'WebAppData').update(botToken).digest()
  const keys = publicKeys.map(keyOf)

  function own(text: string): Statement {
    const fields = readFields(text)
    if (fields === undefined) return invalid('it cannot be read')
    const right = createHmac('sha256', secret)
      .update(checkString(fields, ['hash']))
      .digest()
    if (!isSameHash(fields.get('hash'), right)) return invalid('it is not signed for this bot')
    return accepted(fields, ownId)
  }

  function others(botId: string, text: string): Statement {
    const fields = readFields(text)
    if (fields === undefined) return invalid('it cannot be read')
    const content = Buffer.from(`${botId}:WebAppData\n${checkString(fields, ['hash', 'signature'])}`)
    const signature = signatureOf(fields.get('signature'))
    const signed = signature !== undefined && keys.some((key) => verify(null, content, key, signature))
    return signed ? accepted(fields, botId) : invalid('it is not signed for that bot')
  }

  function accepted(fields: SignedFields, botId: string): Statement {
    const person = personOf(fields.get('user'))
    return person === undefined ? invalid('it names no person') : judged(person, fields, botId, now)
  }

  return { own, of: (botId, text) => (botId === ownId ? own(text) : others(botId, text)) }
}

/** The id of the bot that a token belongs to. */
export function botIdOf(token: string): string {
  return token.slice(0, token.indexOf(':'))
}

/** Each field once, decoded once; undefined for anything that could mean something else. */
function readFields(text: string): SignedFields | undefined {
  if (text === '' || text.length > longest) return undefined
  const pairs = text.split('&').map(readPair)
  const fields = new Map(pairs.filter((pair) => pair !== undefined))
  return fields.size === pairs.length && isUnambiguous(fields) ? fields : undefined
}

function readPair(pair: string): readonly [string, string] | undefined {
  const end = pair.indexOf('=')
  if (end < 1) return undefined
  try {
    return [pair.slice(0, end), decodeURIComponent(pair.slice(end + 1).replaceAll('+', ' '))]
  } catch {
    return undefined
  }
}

function personOf(text: string | undefined): SignedPerson | undefined {
  try {
    const value: unknown = JSON.parse(text ?? '')
    return typeof value === 'object' && value !== null ? readPerson(value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

/** 64 bytes in base64url. */
function signatureOf(text = ''): Buffer | undefined {
  return /^[\w-]{86}(==)?$/.test(text) ? Buffer.from(text, 'base64url') : undefined
}

function keyOf(hex: string): KeyObject {
  const x = Buffer.from(hex, 'hex').toString('base64url')
  return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })
}
