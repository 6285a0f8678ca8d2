/**
 * The kinds of authorization details that APIs declare (RFC 9396 §2): how they are written down, and whether a detail
 * is one of them.
 *
 * Described in a small part of JSON Schema. What is not described is refused, so that a person never agrees to a member
 * that nobody has a word for; there are no patterns, which a stranger could keep busy for long. Pure.
 */
import type { AuthorizationType, DetailSchema } from '../../adapters/postgres/resources.ts'
import { hasInvisible } from './client-metadata.ts'

const kinds = ['object', 'array', 'string', 'number', 'integer', 'boolean'] as const
const keywords = [
  'type',
  'title',
  'enum',
  'maxLength',
  'minimum',
  'maximum',
  'maxItems',
  'items',
  'properties',
  'required',
]

/** Where nothing else is said: characters of a text, members of a list, and how deep things may lie in each other. */
const most = { characters: 500, items: 20, depth: 5, types: 20, members: 50, words: 200 }

/** Reads what `--authorization-types` holds: types by name. Throws nothing; one sentence for each problem. */
export function readTypes(value: Readonly<Record<string, unknown>>): {
  readonly types: Readonly<Record<string, AuthorizationType>>
  readonly problems: readonly string[]
} {
  const entries = Object.entries(value)
  const problems = [
    ...(entries.length > most.types ? [`An API declares at most ${most.types} types.`] : []),
    ...entries.flatMap(([name, type]) => [...nameProblems(name), ...typeProblems(name, type)]),
  ]
  return { types: problems.length > 0 ? {} : (value as Record<string, AuthorizationType>), problems }
}

function nameProblems(name: string): string[] {
  return /^[A-Za-z0-9][\w.:/-]{0,99}$/.test(name)
    ? []
    : [`The type ${JSON.stringify(name.slice(0, 120))} may hold only letters, digits, "_", ".", ":", "/" and "-".`]
}

function typeProblems(name: string, type: unknown): string[] {
  if (!isObject(type)) return [`The type "${name}" must be described by an object.`]
  if (typeof type['title'] !== 'string' || type['title'].trim() === '') {
    return [`The type "${name}" needs a "title": the words in which people are asked.`]
  }
  if (Object.hasOwn(type, 'type'))
    return [`The type "${name}" is an object, which its description need not say ("type").`]
  return schemaProblems({ ...type, type: 'object' }, name, 0)
}

function schemaProblems(schema: unknown, at: string, depth: number): string[] {
  if (!isObject(schema)) return [`"${at}" must be described by an object.`]
  if (depth > most.depth) return [`"${at}" lies too deep.`]
  const unknown = Object.keys(schema).filter((keyword) => !keywords.includes(keyword))
  const { type, title, properties, required, items } = schema
  const choices = schema['enum']
  const numbers = ['maxLength', 'minimum', 'maximum', 'maxItems'].filter(
    (name) => schema[name] !== undefined && typeof schema[name] !== 'number',
  )
  return [
    ...unknown.map((keyword) => `"${at}" has "${keyword}", which is not known. Known are: ${keywords.join(', ')}.`),
    ...numbers.map((keyword) => `"${keyword}" of "${at}" must be a number.`),
    ...((kinds as readonly unknown[]).includes(type) ? [] : [`"${at}" needs a "type": one of ${kinds.join(', ')}.`]),
    ...(title === undefined || (typeof title === 'string' && title.length <= most.words && !hasInvisible(title))
      ? []
      : [`The "title" of "${at}" must be words of at most ${most.words} characters in one line.`]),
    ...(choices === undefined || isTexts(choices) ? [] : [`"enum" of "${at}" must be a list of texts.`]),
    ...(required === undefined || isTexts(required) ? [] : [`"required" of "${at}" must be a list of texts.`]),
    ...(isTexts(required) && isObject(properties)
      ? required
          .filter((name) => !Object.hasOwn(properties, name))
          .map((name) => `"${at}" requires "${name}", which it does not describe.`)
      : []),
    ...(type === 'array' ? schemaProblems(items, `${at}[]`, depth + 1) : []),
    ...(type === 'object' ? memberProblems(properties, at, depth) : []),
  ]
}

function memberProblems(properties: unknown, at: string, depth: number): string[] {
  if (!isObject(properties)) return [`"${at}" needs "properties".`]
  const names = Object.keys(properties)
  if (names.length > most.members) return [`"${at}" has more than ${most.members} members.`]
  const reserved = depth === 0 ? names.filter((name) => name === 'type' || name === 'locations') : []
  return [
    ...reserved.map((name) => `"${name}" of "${at}" is RFC 9396's own and need not be described.`),
    ...names.flatMap((name) => schemaProblems(properties[name], `${at}.${name}`, depth + 1)),
  ]
}

/** What is wrong with a detail of this type, for its sender; undefined when nothing is. */
export function detailFault(type: AuthorizationType, detail: Readonly<Record<string, unknown>>): string | undefined {
  const { type: _type, locations: _locations, ...own } = detail
  return fault({ ...type, type: 'object' }, own, '')
}

function fault(schema: DetailSchema, value: unknown, at: string): string | undefined {
  const named = at === '' ? 'the object' : `"${at}"`
  switch (schema.type) {
    case 'object':
      return isObject(value) ? membersFault(schema, value, at) : `${named} must be an object`
    case 'array':
      if (!Array.isArray(value)) return `${named} must be a list`
      if (value.length > (schema.maxItems ?? most.items)) return `${named} has too many members`
      return first(value, (item) => fault(schema.items ?? { type: 'string' }, item, `${at}[]`))
    case 'boolean':
      return typeof value === 'boolean' ? undefined : `${named} must be true or false`
    case 'string':
      if (typeof value !== 'string') return `${named} must be a text`
      if (value.length > (schema.maxLength ?? most.characters)) return `${named} is too long`
      if (hasInvisible(value)) return `${named} holds a character that nobody sees`
      return schema.enum === undefined || schema.enum.includes(value) ? undefined : `${named} is none of its values`
    case 'number':
    case 'integer':
      if (typeof value !== 'number' || (schema.type === 'integer' && !Number.isSafeInteger(value))) {
        return `${named} must be ${schema.type === 'integer' ? 'a whole number' : 'a number'}`
      }
      return value < (schema.minimum ?? Number.NEGATIVE_INFINITY) ||
        value > (schema.maximum ?? Number.POSITIVE_INFINITY)
        ? `${named} is out of range`
        : undefined
  }
}

function membersFault(schema: DetailSchema, value: Record<string, unknown>, at: string): string | undefined {
  const properties = schema.properties ?? {}
  const path = (name: string) => (at === '' ? name : `${at}.${name}`)
  const missing = (schema.required ?? []).find((name) => !Object.hasOwn(value, name))
  if (missing !== undefined) return `"${path(missing)}" is missing`
  return first(Object.entries(value), ([name, member]) => {
    const own = Object.hasOwn(properties, name) ? properties[name] : undefined
    return own === undefined
      ? `${JSON.stringify(path(name).slice(0, 100))} is not known`
      : fault(own, member, path(name))
  })
}

/** A line of a detail as people read it: the words of its place, and its value. */
export interface DetailLine {
  readonly label: string
  readonly value: string | boolean
}

/** Everything that a detail says, in the order of its sender: what a person does not see they do not agree to. */
export function detailLines(
  schema: Pick<DetailSchema, 'properties'> | undefined,
  value: unknown,
  label = '',
): readonly DetailLine[] {
  if (Array.isArray(value)) {
    const { items } = (schema ?? {}) as Partial<DetailSchema>
    // Numbered, so that nobody takes a part of one for a part of the next.
    return value.every(isWord)
      ? [{ label, value: value.join(', ') }]
      : value.flatMap((item, at) => detailLines(items, item, `${label} ${at + 1}`))
  }
  if (!isObject(value)) return [{ label, value: typeof value === 'boolean' ? value : String(value) }]
  if (Object.keys(value).length === 0 && label !== '') return [{ label, value: '' }]
  return Object.entries(value).flatMap(([name, member]) => {
    const own =
      schema?.properties !== undefined && Object.hasOwn(schema.properties, name) ? schema.properties[name] : undefined
    const title = own?.title ?? name
    return detailLines(own, member, label === '' ? title : `${label}: ${title}`)
  })
}

function first<T>(all: readonly T[], judge: (one: T) => string | undefined): string | undefined {
  for (const one of all) {
    const found = judge(one)
    if (found !== undefined) return found
  }
  return undefined
}

/** Whether it can stand in one line with others: a comma of its own would part it. */
function isWord(value: unknown): boolean {
  return typeof value === 'number' || (typeof value === 'string' && value !== '' && !value.includes(','))
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((one) => typeof one === 'string')
}
