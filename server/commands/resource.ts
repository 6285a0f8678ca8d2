/** Commands that register APIs (resource servers, RFC 8707), each with the client by which it asks about tokens. */
import type { Resource } from '../../adapters/postgres/resources.ts'
import { Refusal } from '../errors.ts'
import { newClientId } from '../oidc/client-id.ts'
import { buildMetadata } from '../oidc/client-metadata.ts'
import { resourceScopesOf } from '../oidc/client-scopes.ts'
import { hashClientSecret, keptHashes, newClientSecret } from '../oidc/client-secrets.ts'
import { introspectionMember, signingAlgorithms } from '../oidc/openid-metadata.ts'
import { builtIn, builtInProblems, namesake } from './built-in-resource.ts'
import { metadataRules } from './client-metadata-options.ts'
import { authenticationOptions, givenAuthentication } from './client-security-options.ts'
import { type Answer, type Command, type Context, type Input, type Option, UsageError } from './command.ts'
import { demandLines, demandOptions, describeDemands, readDemands, takenTypes } from './resource-demands.ts'
import { readScopes } from './resource-scopes.ts'
import { table } from './text.ts'
import { tokenTtl, wantedResource } from './wanted-resource.ts'

const words =
  'What follows the first = of a scope are the words in which people are asked for it; without them they see its name.'

const builtInDemands = 'The API is built in: it declares no types of authorization details and no sign-in.'

const descriptiveOptions = {
  name: { type: 'string', value: 'name', summary: 'name that people see when they are asked for consent' },
  scope: { type: 'string', multiple: true, value: 'scope', summary: 'what can be allowed at this API, and its words' },
} as const satisfies Record<string, Option>

export const resourceCommands: readonly Command[] = [
  {
    name: 'resource add',
    usage: '<identifier> --name <name> [--scope <scope>[=<words>]]...',
    summary: 'register an API and print the id and, once only, the secret by which it introspects tokens',
    details: [
      'The identifier is the URI that apps name as "resource"; it stands in the tokens as their audience.',
      words,
      'The API for IFTTT, <issuer>/ifttt/v1, is built in. Registering it gives the service behind this server what it needs to introspect the tokens that IFTTT brings; its scope and tokens are set.',
    ],
    arguments: [1, 1],
    options: {
      ...descriptiveOptions,
      ...authenticationOptions,
      ...demandOptions,
      'introspection-alg': {
        type: 'string',
        value: signingAlgorithms.join('|'),
        summary: 'how answers about tokens are signed, where the API asks for a JWT (RFC 9701; default RS256)',
      },
      'token-format': { type: 'string', value: 'jwt|opaque', summary: 'kind of access token (default jwt)' },
      'token-ttl': {
        type: 'string',
        value: 'seconds',
        summary: `lifetime of access tokens (default ${tokenTtl.default})`,
      },
    },
    examples: [
      'resource add https://api.example --name "Notes API" --scope notes:read --scope notes:write --json',
      'resource add https://api.example --name "Photos" --scope photos:read="Look at your photos"',
      'resource add https://auth.example/ifttt/v1',
    ],
    run: add,
  },
  {
    name: 'resource update',
    usage: '<identifier> [--name <name>] [--scope <scope>[=<words>]]... [--authorization-types <file>]',
    summary: 'change the name, the scopes or the demands of an API; what is not named stays',
    details: [
      'The scopes that are given replace the whole list; an empty text takes all away. A scope given without = keeps the words that it has.',
      words,
    ],
    arguments: [1, 1],
    options: { ...descriptiveOptions, ...demandOptions },
    examples: [
      'resource update https://api.example --scope notes:read="Read your notes" --scope notes:write',
      'resource update https://api.example --name "Notes"',
    ],
    run: update,
  },
  {
    name: 'resource list',
    usage: '',
    summary: 'list the registered APIs',
    examples: ['resource list'],
    async run({ resources, config }) {
      const all = (await resources.list()).map((it) => builtIn(config, it.identifier, it) ?? it)
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
    scope_descriptions: resource.scopeDescriptions,
    token_format: resource.tokenFormat,
    token_ttl: resource.tokenTtl,
    client_id: resource.clientId ?? null,
    ...describeDemands(resource),
    created_at: resource.createdAt,
  }
}

async function add(context: Context, input: Input): Promise<Answer> {
  const identifier = input.argument(0) ?? ''
  const { problems, ...wanted } = wantedResource(context, identifier, input)
  const { problems: demandProblems, ...demands } = readDemands(input)
  const all = [...problems, ...demandProblems, ...(await takenTypes(context, identifier, demands))]
  if (builtIn(context.config, identifier) !== undefined && Object.keys(demands).length > 0) all.push(builtInDemands)
  if (all.length > 0) throw new Refusal('invalid', all.join('\n'))
  const taken = () => new Refusal('invalid', `The resource ${identifier} is registered already.`)
  if ((await context.resources.find(identifier)) !== undefined) throw taken()

  const clientId = newClientId()
  const metadata = await buildMetadata(
    {
      id: clientId,
      profile: 'resource',
      given: { client_name: wanted.name, ...givenAuthentication(input), ...givenIntrospection(input) },
    },
    { validate: context.validateMetadata, resourceScopes: [], pdsScopes: [] },
  )
  const secret = keptHashes('resource', metadata, [newClientSecret()])[0]
  const secretHashes = secret === undefined ? [] : [hashClientSecret(secret)]
  await context.clients.add({ id: clientId, profile: 'resource', firstParty: true, metadata, secretHashes })
  const resource = await context.resources.add({
    ...wanted,
    ...demands,
    identifier,
    name: String(metadata['client_name']),
    clientId,
  })
  if (resource === undefined) {
    await context.clients.remove(clientId)
    throw taken()
  }
  await context.audit.record({ event: 'resource.added', clientId, detail: { identifier } })
  return {
    json: { ...describe(resource), ...(secret === undefined ? {} : { client_secret: secret }) },
    text: [
      `Registered ${identifier}.`,
      '',
      `client_id: ${clientId}`,
      ...(secret === undefined ? [] : [`client_secret: ${secret}`]),
    ],
    ...noticeOf([
      secret === undefined ? undefined : 'The secret is shown this once and kept nowhere. Give it to the API now.',
      namesake(context.config, identifier),
    ]),
  }
}

function givenIntrospection(input: Input): Record<string, unknown> {
  const algorithm = input.text('introspection-alg')
  return algorithm === undefined ? {} : { [introspectionMember]: algorithm }
}

function noticeOf(sentences: readonly (string | undefined)[]): { notice?: string } {
  const said = sentences.filter((it) => it !== undefined)
  return said.length === 0 ? {} : { notice: said.join(' ') }
}

async function update(context: Context, input: Input): Promise<Answer> {
  const resource = await existing(context, input)
  const { identifier } = resource
  const given = input.list('scope')
  const { problems: demandProblems, ...demands } = readDemands(input, resource)
  const demanded = Object.keys(demands)
  if (input.text('name') === undefined && given === undefined && demanded.length === 0)
    throw new UsageError('Say what to change.')
  const own = builtIn(context.config, identifier)
  const wanted = own !== undefined || given === undefined ? undefined : readScopes(given, resource.scopeDescriptions)
  const problems = [
    ...(own === undefined ? (wanted?.problems ?? []) : builtInProblems(own, { scope: given?.join(' ') })),
    ...(own !== undefined && demanded.length > 0 ? [builtInDemands] : []),
    ...demandProblems,
    ...(await takenTypes(context, identifier, demands)),
  ]
  if (problems.length > 0) throw new Refusal('invalid', problems.join('\n'))
  const name = await rename(context, resource, input.text('name'))
  const updated = await context.resources.update(identifier, {
    ...demands,
    ...(name === undefined ? {} : { name }),
    ...(wanted === undefined ? {} : { scopes: wanted.scopes, scopeDescriptions: wanted.descriptions }),
  })
  if (updated === undefined) throw new Refusal('not-found', 'The resource was removed meanwhile.')
  const changed = [...(name === undefined ? [] : ['name']), ...(wanted === undefined ? [] : ['scopes']), ...demanded]
  await context.audit.record({
    event: 'resource.updated',
    clientId: resource.clientId,
    detail: { identifier, changed },
  })
  const notice = await orphanedScopes(context, resource, updated)
  const scopes = updated.scopes.map((scope) => {
    const description = updated.scopeDescriptions[scope]
    return `scope: ${scope}${description === undefined ? '' : ` = ${description}`}`
  })
  return {
    json: describe(updated),
    text: [`Changed ${identifier}.`, `name: ${updated.name}`, ...scopes, ...demandLines(updated)],
    ...(notice === undefined ? {} : { notice }),
  }
}

/** Checks the name as that of a client and gives it to the client that serves this API alone, too. */
async function rename(context: Context, resource: Resource, name: string | undefined): Promise<string | undefined> {
  if (name === undefined) return undefined
  const clientId = await ownClient(context, resource)
  const client = clientId === undefined ? undefined : await context.clients.find(clientId)
  const metadata = await buildMetadata(
    { id: clientId ?? newClientId(), profile: 'resource', given: { ...client?.metadata, client_name: name } },
    { validate: context.validateMetadata, resourceScopes: [], pdsScopes: [] },
  )
  if (clientId !== undefined) await context.clients.update(clientId, metadata)
  return String(metadata['client_name'])
}

/** What to know of scopes that no API has any more. */
async function orphanedScopes(context: Context, before: Resource, after: Resource): Promise<string | undefined> {
  const known = new Set((await metadataRules(context)).resourceScopes)
  const gone = before.scopes.filter((scope) => !after.scopes.includes(scope) && !known.has(scope))
  if (gone.length === 0) return undefined
  const holders = (await context.clients.list()).filter(({ metadata }) =>
    resourceScopesOf(metadata).some((scope) => gone.includes(scope)),
  )
  return holders.length === 0
    ? undefined
    : `Registered for a scope that no API has any more: ${holders.map(({ id }) => id).join(', ')}. See: habitat-auth client update --help`
}

/** The resource named by the first argument. Throws `Refusal`. */
async function existing({ resources, config }: Context, input: Input): Promise<Resource> {
  const identifier = input.argument(0) ?? ''
  const resource = await resources.find(identifier)
  if (resource === undefined) {
    throw new Refusal('not-found', `There is no resource "${identifier}". See: habitat-auth resource list`)
  }
  return builtIn(config, identifier, resource) ?? resource
}

async function remove(context: Context, input: Input): Promise<Answer> {
  const resource = await existing(context, input)
  const { identifier } = resource
  const clientId = await ownClient(context, resource)
  const dryRun = input.flag('dry-run')
  if (!dryRun) {
    await context.resources.remove(identifier)
    if (clientId !== undefined) await context.clients.remove(clientId)
    await context.audit.record({ event: 'resource.removed', clientId, detail: { identifier } })
  }
  const also = clientId === undefined ? '' : ` and its client ${clientId}`
  const left =
    builtIn(context.config, identifier) === undefined
      ? []
      : ['The API is built in and stays; the service behind it can introspect no more tokens.']
  return {
    json: { dry_run: dryRun, identifier, client_id: clientId ?? null },
    text: [`${dryRun ? 'Would remove' : 'Removed'} ${identifier}${also}.`, ...left],
  }
}

/** The client that serves this resource and nothing else. */
async function ownClient({ clients, resources }: Context, resource: Resource): Promise<string | undefined> {
  if (resource.clientId === undefined) return undefined
  const client = await clients.find(resource.clientId)
  const served = await resources.byClient(resource.clientId)
  return client?.profile === 'resource' && served.length === 1 ? client.id : undefined
}
