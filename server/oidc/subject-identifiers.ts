/**
 * Subject Identifiers (RFC 9493): how a program from outside says which person it means.
 *
 * Reads hostile input; knows no account. The formats that name a person here: `opaque`, `iss_sub`, `email`, `did`, and
 * `aliases` of these.
 */
import { isObject } from '../json-fields.ts'

export type Subject =
  | { readonly by: 'id'; readonly id: string }
  | { readonly by: 'issuer'; readonly issuer: string; readonly subject: string }
  | { readonly by: 'email'; readonly email: string }
  | { readonly by: 'did'; readonly did: string }

const longestValue = 500
const mostAliases = 10

/** The names of one person; undefined when it is none, or in a format that means nobody here. */
export function readSubject(value: unknown): readonly Subject[] | undefined {
  if (!isObject(value)) return undefined
  if (value['format'] !== 'aliases') return single(value)
  const { identifiers } = value
  if (!hasOnly(value, ['identifiers']) || !Array.isArray(identifiers)) return undefined
  if (identifiers.length === 0 || identifiers.length > mostAliases) return undefined
  // §3.2.8: aliases are not nested.
  const all = identifiers.map((one) => (isObject(one) ? single(one) : undefined))
  return all.some((one) => one === undefined) ? undefined : all.flatMap((one) => one ?? [])
}

/** Each format has its members and no others (§3). */
function single(value: Record<string, unknown>): readonly Subject[] | undefined {
  switch (value['format']) {
    case 'opaque': {
      const id = textOf(value, ['id'], 'id')
      return id === undefined ? undefined : [{ by: 'id', id }]
    }
    case 'iss_sub': {
      const [issuer, subject] = ['iss', 'sub'].map((name) => textOf(value, ['iss', 'sub'], name))
      return issuer === undefined || subject === undefined ? undefined : [{ by: 'issuer', issuer, subject }]
    }
    case 'email': {
      const email = textOf(value, ['email'], 'email')
      return email === undefined ? undefined : [{ by: 'email', email }]
    }
    case 'did': {
      const did = textOf(value, ['url'], 'url')
      return did?.startsWith('did:') === true ? [{ by: 'did', did }] : undefined
    }
    default:
      return undefined
  }
}

function textOf(value: Record<string, unknown>, members: readonly string[], name: string): string | undefined {
  const text = value[name]
  const usable = typeof text === 'string' && text !== '' && text.length <= longestValue && text.isWellFormed()
  return usable && !text.includes('\0') && hasOnly(value, members) ? text : undefined
}

function hasOnly(value: Record<string, unknown>, members: readonly string[]): boolean {
  return Object.keys(value).every((name) => name === 'format' || members.includes(name))
}
