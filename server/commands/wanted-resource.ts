/** What was asked for of an API on the command line: read, completed, and judged before anything is written. */
import type { Resource } from '../../adapters/postgres/resources.ts'
import { isLoopback } from '../oidc/redirect-uris.ts'
import { builtIn, builtInProblems, nearlyBuiltIn } from './built-in-resource.ts'
import { type Context, type Input, UsageError } from './command.ts'
import { readScopes } from './resource-scopes.ts'

/** Lifetime of access tokens, seconds. */
export const tokenTtl = { default: 600, least: 30, most: 86_400 }

export type WantedResource = Pick<Resource, 'scopes' | 'scopeDescriptions' | 'tokenFormat' | 'tokenTtl'> & {
  readonly name: string | undefined
  /** One sentence for each. */
  readonly problems: readonly string[]
}

/** What was asked for on the command line, completed. Throws `UsageError`. */
export function wantedResource(context: Pick<Context, 'config'>, identifier: string, input: Input): WantedResource {
  const { problems, ...wanted } = described(context, identifier, input)
  const { issuer } = context.config
  const own =
    identifier.replace(/\/$/, '') === issuer
      ? 'That is this server itself, which opens the PDS of a person (atproto). Name the address of your API.'
      : undefined
  const named = [identifierProblem(identifier), own, nearlyBuiltIn(context.config, identifier)]
  return { ...wanted, problems: [...named.filter((it) => it !== undefined), ...problems] }
}

function described({ config }: Pick<Context, 'config'>, identifier: string, input: Input): WantedResource {
  const own = builtIn(config, identifier)
  if (own !== undefined) {
    const { scopes, scopeDescriptions, tokenFormat, tokenTtl } = own
    const problems = builtInProblems(own, {
      scope: input.list('scope')?.join(' '),
      'token-format': input.text('token-format'),
      'token-ttl': input.text('token-ttl'),
    })
    return { name: input.text('name') ?? own.name, scopes, scopeDescriptions, tokenFormat, tokenTtl, problems }
  }
  const { scopes, descriptions: scopeDescriptions, problems } = readScopes(input.list('scope') ?? [])
  const tokenFormat = input.text('token-format') ?? 'jwt'
  if (tokenFormat !== 'jwt' && tokenFormat !== 'opaque') throw new UsageError('--token-format must be jwt or opaque.')
  const seconds = readTtl(input.text('token-ttl'))
  return { name: input.text('name'), scopes, scopeDescriptions, tokenFormat, tokenTtl: seconds, problems }
}

/** RFC 8707 §2: an absolute URI without a fragment. */
function identifierProblem(identifier: string): string | undefined {
  const url = URL.parse(identifier)
  const form = 'Use the address of the API, such as https://api.example.'
  // biome-ignore lint/suspicious/noControlCharactersInRegex: exactly these are refused
  if (url === null || /[\u0000-\u0020\u007f-\uffff]/.test(identifier))
    return `The identifier is no absolute URI. ${form}`
  if (identifier.includes('#')) return `The identifier has a fragment (#…), which RFC 8707 §2 does not allow. ${form}`
  if (identifier.length > 500) return `The identifier has more than 500 characters. ${form}`
  if (url.username !== '' || url.password !== '') return `The identifier has a user name or password. ${form}`
  if (url.protocol === 'https:' || url.protocol === 'urn:' || isLoopback(identifier)) return undefined
  return `The identifier must be https (http only on localhost) or urn:. ${form}`
}

function readTtl(text: string | undefined): number {
  if (text === undefined) return tokenTtl.default
  const seconds = /^\d+$/.test(text) ? Number(text) : 0
  if (seconds < tokenTtl.least || seconds > tokenTtl.most) {
    throw new UsageError(`--token-ttl must be a number of seconds from ${tokenTtl.least} to ${tokenTtl.most}.`)
  }
  return seconds
}
