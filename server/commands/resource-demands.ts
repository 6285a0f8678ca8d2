/** What an API declares beside its scopes: types of authorization details (RFC 9396), and the sign-in that it demands (RFC 9470). */
import type { Resource, SignInLevel } from '../../adapters/postgres/resources.ts'
import { levels } from '../oidc/acr.ts'
import { readTypes } from '../oidc/authorization-types.ts'
import { type Context, type Input, type Option, UsageError } from './command.ts'
import { readJsonObject } from './json-file.ts'

export const demandOptions = {
  'authorization-types': {
    type: 'string',
    value: 'file|json',
    content: 'json',
    summary:
      'types of authorization details with the words and members of each (docs/resource-servers.md); {} takes all away',
  },
  acr: {
    type: 'string',
    value: levels.map((level) => level.split(':').at(-1)).join('|'),
    summary: 'how sure a sign-in the API demands for what is sensitive; an empty text takes it away',
  },
  'max-age': {
    type: 'string',
    value: 'seconds',
    summary: 'how long ago that sign-in may be; an empty text takes it away',
  },
} as const satisfies Record<string, Option>

export type Demands = Pick<Resource, 'authorizationTypes' | 'level'>

/** What the options say; members of `before` that they do not name stay. Throws `UsageError`, `Refusal`. */
export function readDemands(input: Input, before: Demands = {}): Demands & { readonly problems: readonly string[] } {
  const text = input.text('authorization-types')
  const read = text === undefined ? undefined : readTypes(readJsonObject(text))
  const level = readLevel(input, before.level ?? {})
  return {
    ...(read === undefined ? {} : { authorizationTypes: read.types }),
    ...(level === undefined ? {} : { level }),
    problems: read?.problems ?? [],
  }
}

function readLevel(input: Input, before: SignInLevel): SignInLevel | undefined {
  const [acr, age] = [input.text('acr'), input.text('max-age')]
  if (acr === undefined && age === undefined) return undefined
  const named = levels.find((level) => level === acr || level.endsWith(`:${acr}`))
  if (acr !== undefined && acr !== '' && named === undefined) {
    throw new UsageError(`--acr must be one of ${levels.map((level) => level.split(':').at(-1)).join(', ')}.`)
  }
  if (age !== undefined && !/^\d{0,7}$/.test(age)) throw new UsageError('--max-age must be a number of seconds.')
  return {
    acr: acr === undefined ? before.acr : named,
    maxAge: age === undefined ? before.maxAge : age === '' ? undefined : Number(age),
  }
}

/** A type belongs to one API: a sentence for each that another one declares. */
export async function takenTypes(
  { resources }: Pick<Context, 'resources'>,
  identifier: string,
  { authorizationTypes = {} }: Demands,
): Promise<readonly string[]> {
  const others = (await resources.list()).filter((other) => other.identifier !== identifier)
  return Object.keys(authorizationTypes).flatMap((name) => {
    const owner = others.find((other) => Object.hasOwn(other.authorizationTypes ?? {}, name))
    return owner === undefined ? [] : [`The type "${name}" is declared by ${owner.identifier}.`]
  })
}

/** The same for people, one line each; nothing where nothing is demanded. */
export function demandLines({ authorizationTypes = {}, level = {} }: Demands): readonly string[] {
  return [
    ...Object.entries(authorizationTypes).map(([name, { title }]) => `authorization_type: ${name} = ${title}`),
    ...(level.acr === undefined ? [] : [`acr: ${level.acr}`]),
    ...(level.maxAge === undefined ? [] : [`max_age: ${level.maxAge}`]),
  ]
}

/** The same as the answers of commands say it. */
export function describeDemands({ authorizationTypes = {}, level = {} }: Demands): Record<string, unknown> {
  return { authorization_types: authorizationTypes, acr: level.acr ?? null, max_age: level.maxAge ?? null }
}
