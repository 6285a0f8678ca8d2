/** Commands that register APIs (resource servers, RFC 8707), each with the client by which it asks about tokens. */
import type { Resource } from '../../adapters/postgres/resources.ts'
import { Refusal } from '../errors.ts'
import { buildMetadata, openidScopes } from '../oidc/client-metadata.ts'
import { hashClientSecret, newClientSecret } from '../oidc/client-secrets.ts'
import { isLoopback } from '../oidc/redirect-uris.ts'
import { newClientId } from './client.ts'
import { type Answer, type Command, type Context, type Input, UsageError } from './command.ts'
import { table } from './text.ts'

/** Seconds. */
const tokenTtl = { default: 600, least: 30, most: 86_400 }

export const resourceCommands: readonly Command[] = [
  {
    name: 'resource add',
    usage: '<identifier> --name <name> [--scope <scope>]...',
    summary: 'register an API and print the id and, once only, the secret by which it introspects tokens',
    details: ['The identifier is the URI that apps name as "resource"; it stands in the tokens as their audience.'],
    arguments: [1, 1],
    options: {
      name: { type: 'string', value: 'name', summary: 'name that people see when they are asked for consent' },
      scope: { type: 'string', multiple: true, value: 'scope', summary: 'what can be allowed at this API' },
      'token-format': { type: 'string', value: 'jwt|opaque', summary: 'kind of access token (default jwt)' },
      'token-ttl': {
        type: 'string',
        value: 'seconds',
        summary: `lifetime of access tokens (default ${tokenTtl.default})`,
      },
    },
    examples: ['resource add https://api.example --name "Notes API" --scope notes:read --scope notes:write --json'],
    run: add,
  },
  {
    name: 'resource list',
    usage: '',
    summary: 'list the registered APIs',
    examples: ['resource list'],
    async run({ resources }) {
      const all = await resources.list()
      const rows = all.map((it) => [it.identifier, it.tokenFormat, String(it.tokenTtl), it.scopes.join(' '), it.name])
      return {
        json: { resources: all.map(describe) },
        text:
          all.length === 0
            ? ['No resource is registered.']
            : table(['IDENTIFIER', 'TOKENS', 'SECONDS', 'SCOPES', 'NAME'], rows),
      }
    },
  },
  {
    name: 'resource remove',
    usage: '<identifier>',
    summary: 'remove an API and the client by which it introspects tokens',
    arguments: [1, 1],
    destructive: true,
    examples: ['resource remove https://api.example --dry-run', 'resource remove https://api.example'],
    run: remove,
  },
]

function describe(resource: Resource): Record<string, unknown> {
  return {
    identifier: resource.identifier,
    name: resource.name,
    scopes: resource.scopes,
    token_format: resource.tokenFormat,
    token_ttl: resource.tokenTtl,
    client_id: resource.clientId ?? null,
    created_at: resource.createdAt,
  }
}

async function add(context: Context, input: Input): Promise<Answer> {
  const identifier = input.argument(0) ?? ''
  const name = input.text('name')
  const scopes = [...new Set((input.list('scope') ?? []).flatMap((text) => text.split(/\s+/)).filter(Boolean))]
  const tokenFormat = input.text('token-format') ?? 'jwt'
  if (tokenFormat !== 'jwt' && tokenFormat !== 'opaque') throw new UsageError('--token-format must be jwt or opaque.')
  const seconds = readTtl(input.text('token-ttl'))
  const problems = [identifierProblem(identifier), ...scopes.map(scopeProblem)].filter((it) => it !== undefined)
  if (problems.length > 0) throw new Refusal('invalid', problems.join('\n'))
  const taken = () => new Refusal('invalid', `The resource ${identifier} is registered already.`)
  if ((await context.resources.find(identifier)) !== undefined) throw taken()

  const clientId = newClientId()
  const metadata = await buildMetadata(
    { id: clientId, profile: 'resource', given: { client_name: name } },
    { validate: context.validateMetadata, resourceScopes: [] },
  )
  const secret = newClientSecret()
  const secretHashes = [hashClientSecret(secret)]
  await context.clients.add({ id: clientId, profile: 'resource', firstParty: true, metadata, secretHashes })
  const resource = await context.resources.add({
    identifier,
    name: String(metadata['client_name']),
    scopes,
    tokenFormat,
    tokenTtl: seconds,
    clientId,
  })
  if (resource === undefined) {
    await context.clients.remove(clientId)
    throw taken()
  }
  await context.audit.record({ event: 'resource.added', clientId, detail: { identifier } })
  return {
    json: { ...describe(resource), client_secret: secret },
    text: [`Registered ${identifier}.`, '', `client_id: ${clientId}`, `client_secret: ${secret}`],
    notice: 'The secret is shown this once and kept nowhere. Give it to the API now.',
  }
}

async function remove(context: Context, input: Input): Promise<Answer> {
  const identifier = input.argument(0) ?? ''
  const resource = await context.resources.find(identifier)
  if (resource === undefined) {
    throw new Refusal('not-found', `There is no resource "${identifier}". See: habitat-auth resource list`)
  }
  const clientId = await ownClient(context, resource)
  const dryRun = input.flag('dry-run')
  if (!dryRun) {
    await context.resources.remove(identifier)
    if (clientId !== undefined) await context.clients.remove(clientId)
    await context.audit.record({ event: 'resource.removed', clientId, detail: { identifier } })
  }
  const also = clientId === undefined ? '' : ` and its client ${clientId}`
  return {
    json: { dry_run: dryRun, identifier, client_id: clientId ?? null },
    text: [`${dryRun ? 'Would remove' : 'Removed'} ${identifier}${also}.`],
  }
}

/** The client that serves this resource and nothing else. */
async function ownClient({ clients, resources }: Context, resource: Resource): Promise<string | undefined> {
  if (resource.clientId === undefined) return undefined
  const client = await clients.find(resource.clientId)
  const served = await resources.byClient(resource.clientId)
  return client?.profile === 'resource' && served.length === 1 ? client.id : undefined
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

/** RFC 6749 §3.3: printable ASCII without space, quote and backslash. */
function scopeProblem(scope: string): string | undefined {
  if (!/^[\x21\x23-\x5b\x5d-\x7e]{1,100}$/.test(scope)) {
    return `The scope ${JSON.stringify(scope)} may hold only printable ASCII characters without quotes and backslashes (RFC 6749 §3.3).`
  }
  return (openidScopes as readonly string[]).includes(scope)
    ? `The scope "${scope}" is about the person (OpenID Connect) and belongs to no API. Use a name such as notes:read.`
    : undefined
}

function readTtl(text: string | undefined): number {
  if (text === undefined) return tokenTtl.default
  const seconds = /^\d+$/.test(text) ? Number(text) : 0
  if (seconds < tokenTtl.least || seconds > tokenTtl.most) {
    throw new UsageError(`--token-ttl must be a number of seconds from ${tokenTtl.least} to ${tokenTtl.most}.`)
  }
  return seconds
}
