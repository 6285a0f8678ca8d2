/**
 * What Telegram signs about a person for a web page, however it is signed: who they are, and when it was said.
 *
 * A statement counts for five minutes; that each counts once is for whoever takes it: `id` is the same for every way in
 * which the same statement can be written.
 */
import { createHash, timingSafeEqual } from 'node:crypto'

/** Seconds that a statement counts. */
const statementLifetime = 300
/** Seconds that Telegram's clock may be ahead of ours. */
const tolerance = 30

export interface SignedPerson {
  /** The numeric user id, as text. */
  readonly id: string
  readonly firstName: string | undefined
  readonly lastName: string | undefined
  readonly username: string | undefined
}

export type Statement =
  | {
      readonly kind: 'valid'
      readonly person: SignedPerson
      /** Names this statement alone; not secret. */
      readonly id: string
    }
  /** Rightly signed, and too old. */
  | { readonly kind: 'stale' }
  /** `why` is for the log and holds nothing of the statement. */
  | { readonly kind: 'invalid'; readonly why: string }

/** Fields as they were signed, by name. */
export type SignedFields = ReadonlyMap<string, string>

export function invalid(why: string): Statement {
  return { kind: 'invalid', why }
}

/** `key=value` lines in the order of the keys, without those in `except`. */
export function checkString(fields: SignedFields, except: readonly string[]): string {
  return [...fields.keys()]
    .filter((key) => !except.includes(key))
    .sort()
    .map((key) => `${key}=${fields.get(key)}`)
    .join('\n')
}

/** Whether fields can be written as lines without one passing for another. */
export function isUnambiguous(fields: SignedFields): boolean {
  return [...fields].every(([key, value]) => /^[a-z][a-z0-9_]{0,63}$/.test(key) && !/[\p{Cc}\u2028\u2029]/u.test(value))
}

/** Compares in a time that says nothing of where they differ; `given` in lower-case hexadecimal. */
export function isSameHash(given: string | undefined, right: Buffer): boolean {
  if (given === undefined || !/^[0-9a-f]{64}$/.test(given)) return false
  return timingSafeEqual(Buffer.from(given, 'hex'), right)
}

/** Judges the time of a statement whose signature was right. `signer` says by whom it was made. */
export function judged(person: SignedPerson, fields: SignedFields, signer: string, now: () => Date): Statement {
  const date = fields.get('auth_date') ?? ''
  if (!/^\d{1,12}$/.test(date)) return invalid('it has no time')
  const age = Math.floor(now().getTime() / 1000) - Number(date)
  if (age < -tolerance) return invalid('it is of the future')
  if (age >= statementLifetime) return { kind: 'stale' }
  // Without what is a signature: the same may be signed in several ways, and some signatures can be written anew.
  const content = `${signer}\n${checkString(fields, ['hash', 'signature'])}`
  return { kind: 'valid', person, id: createHash('sha256').update(content).digest('base64url') }
}

/** Somebody as Telegram writes them; undefined for what is nobody, or a bot. */
export function readPerson(value: Readonly<Record<string, unknown>>): SignedPerson | undefined {
  const id = userId(value['id'])
  if (id === undefined || value['is_bot'] === true) return undefined
  const text = (name: string) => (typeof value[name] === 'string' ? value[name] : undefined)
  return { id, firstName: text('first_name'), lastName: text('last_name'), username: text('username') }
}

function userId(value: unknown): string | undefined {
  const text = typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : value
  return typeof text === 'string' && /^[1-9]\d{0,15}$/.test(text) ? text : undefined
}
