/**
 * What the login of old bots states about a person, before Log In with Telegram: fields with a hash whose key is made
 * from the token of our bot.
 *
 * They come as parameters of an address, or together as JSON in base64url behind a `#`.
 */
import { createHash, createHmac } from 'node:crypto'
import { botIdOf } from './init-data.ts'
import { checkString, invalid, isSameHash, isUnambiguous, judged, readPerson, type Statement } from './statement.ts'

/** Characters of all names and values. */
const longest = 2048

export interface WidgetData {
  /** The fields as parameters; nothing but what was signed may be among them. */
  ofParameters(fields: readonly (readonly [string, string])[]): Statement
  /** The fields as `tgAuthResult` has them. */
  ofResult(text: string): Statement
}

export function widgetData({ botToken, now }: { botToken: string; now: () => Date }): WidgetData {
  const secret = createHash('sha256').update(botToken).digest()

  function ofParameters(given: readonly (readonly [string, string])[]): Statement {
    const fields = new Map(given)
    const length = given.reduce((sum, [key, value]) => sum + key.length + value.length, 0)
    if (fields.size !== given.length || length > longest || !isUnambiguous(fields)) return invalid('it cannot be read')
    const right = createHmac('sha256', secret)
      .update(checkString(fields, ['hash']))
      .digest()
    if (!isSameHash(fields.get('hash'), right)) return invalid('it is not signed for this bot')
    const person = readPerson(Object.fromEntries(fields))
    // Apart from what a Mini App of the same bot is told: neither is the other.
    return person === undefined
      ? invalid('it names no person')
      : judged(person, fields, `login:${botIdOf(botToken)}`, now)
  }

  return {
    ofParameters,
    ofResult(text) {
      const fields = fieldsOf(text)
      return fields === undefined ? invalid('it cannot be read') : ofParameters(fields)
    },
  }
}

function fieldsOf(text: string): readonly (readonly [string, string])[] | undefined {
  if (text.length > 2 * longest || !/^[\w-]+={0,2}$/.test(text)) return undefined
  try {
    const value: unknown = JSON.parse(Buffer.from(text, 'base64url').toString())
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
    const entries = Object.entries(value).map(([key, one]): readonly [string, unknown] => [key, one])
    return entries.every(isPlain) ? entries.map(([key, one]) => [key, String(one)] as const) : undefined
  } catch {
    return undefined
  }
}

function isPlain([, value]: readonly [string, unknown]): boolean {
  return typeof value === 'string' || Number.isSafeInteger(value)
}
