/** Commands that register apps and change or end their registration. */
import { randomBytes } from 'node:crypto'
import type { Client } from '../../adapters/postgres/clients.ts'
import { Refusal } from '../errors.ts'
import { buildMetadata, type Metadata, type MetadataRules, scopesOf } from '../oidc/client-metadata.ts'
import { hashClientSecret, newClientSecret } from '../oidc/client-secrets.ts'
import { decodeLogo, logoKinds } from '../oidc/logo.ts'
import { profileOf, profiles } from '../oidc/profiles.ts'
import { type Answer, type Command, type Context, type Input, type Option, UsageError } from './command.ts'
import { table, time } from './text.ts'

const choices = Object.values(profiles).filter(({ internal }) => !internal)

const metadataOptions = {
  name: { type: 'string', value: 'name', summary: 'name that people see when they are asked for consent' },
  'redirect-uri': { type: 'string', multiple: true, value: 'uri', summary: 'where codes are sent; compared exactly' },
  'post-logout-redirect-uri': {
    type: 'string',
    multiple: true,
    value: 'uri',
    summary: 'where the browser may go after signing out',
  },
  scope: {
    type: 'string',
    multiple: true,
    value: 'scope',
    summary: 'what the app may ask for: of people, of a registered resource, or at their PDS (repo:…, rpc:…, blob:…)',
  },
  'client-uri': { type: 'string', value: 'uri', summary: 'home page of the app' },
  'logo-file': {
    type: 'string',
    value: 'file',
    content: 'file',
    summary: `picture shown beside the name: ${logoKinds}`,
  },
  'logo-uri': {
    type: 'string',
    value: 'uri',
    fetchedInto: 'logo-file',
    summary:
      'address of that picture, for others; pages show only a stored one, fetched once unless --logo-file is given',
  },
  'policy-uri': { type: 'string', value: 'uri', summary: 'privacy policy of the app' },
  'tos-uri': { type: 'string', value: 'uri', summary: 'terms of service of the app' },
} as const satisfies Record<string, Option>

export const clientCommands: readonly Command[] = [
  {
    name: 'client add',
    usage: `--profile <${choices.map(({ name }) => name).join('|')}> --name <name> [--redirect-uri <uri>]...`,
    summary: 'register an app and print its id and, once only, its secret',
    details: [
      `Profiles:\n${choices.map(({ name, summary }) => `  ${name.padEnd(8)} ${summary}`).join('\n')}`,
      'For development, profiles web and spa take http redirect URIs on localhost, in a client of their own.',
    ],
    options: {
      profile: { type: 'string', value: 'profile', summary: 'which kind of app it is' },
      ...metadataOptions,
      'first-party': { type: 'boolean', summary: 'the app is ours: people are not asked for consent' },
      'client-id': { type: 'string', value: 'id', summary: 'id of the app (default: a random one)' },
    },
    examples: [
      'client add --profile web --name "Example" --redirect-uri https://app.example/cb --json',
      'client add --profile spa --name "Example (local)" --redirect-uri http://localhost:4000/cb',
      'client add --profile native --name "Example" --redirect-uri com.example.app:/cb --redirect-uri http://127.0.0.1/cb',
      'client add --profile web --name "Poster" --redirect-uri https://app.example/cb --scope "openid repo:app.bsky.feed.post"',
      'client add --profile service --name "Nightly report" --scope reports:write',
    ],
    run: add,
  },
  {
    name: 'client list',
    usage: '',
    summary: 'list the registered apps',
    examples: ['client list', 'client list --json'],
    run: list,
  },
  {
    name: 'client show',
    usage: '<id>',
    summary: 'show all about one app but its secret',
    arguments: [1, 1],
    examples: ['client show 3f9c2a61d07be4185c02'],
    async run(context, input) {
      const client = await existing(context, input)
      return { json: describe(client), text: description(client) }
    },
  },
  {
    name: 'client update',
    usage: '<id> [--name <name>] [--redirect-uri <uri>]...',
    summary: 'change the registration of an app; what is not named stays',
    details: [
      'A repeatable option replaces the whole list. An empty text takes an address or the stored picture away. The profile cannot be changed.',
    ],
    arguments: [1, 1],
    options: {
      ...metadataOptions,
      'first-party': { type: 'boolean', summary: 'the app is ours: people are not asked for consent' },
      'third-party': { type: 'boolean', summary: 'the app is not ours: people are asked for consent' },
    },
    examples: [
      'client update 3f9c2a61d07be4185c02 --redirect-uri https://app.example/cb --redirect-uri https://app.example/cb2',
      'client update 3f9c2a61d07be4185c02 --logo-file logo.png',
      'client update 3f9c2a61d07be4185c02 --logo-uri "" --logo-file ""',
    ],
    run: update,
  },
  {
    name: 'client rotate-secret',
    usage: '<id> [--revoke-old]',
    summary: 'make a new secret and print it, once only',
    details: [
      'The secret before it stays valid until the next rotation, so that the app can be changed without a gap.',
    ],
    arguments: [1, 1],
    options: { 'revoke-old': { type: 'boolean', summary: 'end every older secret at once (it leaked)' } },
    destructive: true,
    examples: ['client rotate-secret 3f9c2a61d07be4185c02', 'client rotate-secret 3f9c2a61d07be4185c02 --revoke-old'],
    run: rotateSecret,
  },
  {
    name: 'client disable',
    usage: '<id>',
    summary: 'stop an app: it gets no more tokens, nobody signs in to it',
    arguments: [1, 1],
    destructive: true,
    examples: ['client disable 3f9c2a61d07be4185c02'],
    run: (context, input) => setDisabled(context, input, true),
  },
  {
    name: 'client enable',
    usage: '<id>',
    summary: 'let a disabled app work again',
    arguments: [1, 1],
    examples: ['client enable 3f9c2a61d07be4185c02'],
    run: (context, input) => setDisabled(context, input, false),
  },
  {
    name: 'client remove',
    usage: '<id>',
    summary: 'remove an app with all its grants, consents and tokens',
    arguments: [1, 1],
    destructive: true,
    examples: ['client remove 3f9c2a61d07be4185c02 --dry-run', 'client remove 3f9c2a61d07be4185c02'],
    run: remove,
  },
]

/** An id for a client: 80 random bits; no character that a shell or a Basic header would trip over. */
export function newClientId(): string {
  return randomBytes(10).toString('hex')
}

/** What the metadata of clients is held to: the library's rules, the scopes of every resource server, the ceiling. */
export async function metadataRules({
  validateMetadata,
  resources,
  config,
}: Pick<Context, 'validateMetadata' | 'resources' | 'config'>): Promise<MetadataRules> {
  const resourceScopes = [...new Set((await resources.list()).flatMap(({ scopes }) => scopes))]
  return { validate: validateMetadata, resourceScopes, pdsScopes: config.atproto.scope }
}

/** A client as machines read it: RFC 7591 names, never a secret nor the hash of one; of a picture only that it is there. */
function describe(client: Client): Record<string, unknown> {
  const { logo, ...metadata } = client.metadata
  return {
    client_id: client.id,
    profile: client.profile,
    first_party: client.firstParty,
    ...metadata,
    logo_stored: decodeLogo(logo) !== undefined,
    secrets: client.secretHashes.length,
    disabled_at: client.disabledAt ?? null,
    created_at: client.createdAt,
    updated_at: client.updatedAt,
  }
}

function description(client: Client): string[] {
  return Object.entries(describe(client))
    .filter(([, value]) => value !== null && !(Array.isArray(value) && value.length === 0))
    .map(([name, value]) => `${name}: ${Array.isArray(value) ? value.join(' ') : shown(value)}`)
}

function shown(value: unknown): string {
  return value instanceof Date ? time(value) : String(value)
}

/** The client named by the first argument. Throws `Refusal`. */
async function existing({ clients }: Context, input: Input): Promise<Client> {
  const id = input.argument(0) ?? ''
  const client = await clients.find(id)
  if (client === undefined) throw new Refusal('not-found', `There is no client "${id}". See: habitat-auth client list`)
  return client
}

async function add(context: Context, input: Input): Promise<Answer> {
  const profile = profileOf(input.text('profile') ?? '')
  if (profile === undefined || profile.internal) {
    throw new UsageError(`--profile must be one of ${choices.map(({ name }) => name).join(', ')}.`)
  }
  const id = input.text('client-id') ?? newClientId()
  const request = { id, profile: profile.name, given: given(input) }
  const metadata = await buildMetadata(request, await metadataRules(context))
  const secret = profile.confidential ? newClientSecret() : undefined
  const client = await context.clients.add({
    id,
    profile: profile.name,
    firstParty: input.flag('first-party'),
    metadata,
    secretHashes: secret === undefined ? [] : [hashClientSecret(secret)],
  })
  if (client === undefined) throw new Refusal('invalid', `The client id "${id}" is taken. Choose another one.`)
  await context.audit.record({ event: 'client.added', clientId: id, detail: { profile: profile.name } })
  return withSecret(client, secret)
}

async function list({ clients }: Context): Promise<Answer> {
  const all = await clients.list()
  const rows = all.map((client) => [
    client.id,
    client.profile,
    client.disabledAt === undefined ? 'enabled' : 'disabled',
    client.firstParty ? 'first' : 'third',
    String(client.metadata['client_name'] ?? ''),
  ])
  return {
    json: { clients: all.map(describe) },
    text: all.length === 0 ? ['No client is registered.'] : table(['ID', 'PROFILE', 'STATE', 'PARTY', 'NAME'], rows),
  }
}

async function update(context: Context, input: Input): Promise<Answer> {
  const client = await existing(context, input)
  if (input.flag('first-party') && input.flag('third-party')) {
    throw new UsageError('An app is either --first-party or --third-party.')
  }
  const firstParty = input.flag('first-party') || (input.flag('third-party') ? false : undefined)
  const changes = given(input)
  if (Object.keys(changes).length === 0 && firstParty === undefined) {
    throw new UsageError('Say what to change.')
  }
  const before: Metadata = { ...client.metadata, scope: scopesOf(client.metadata).join(' ') || undefined }
  const { resource_scopes: _, ...merged } = { ...before, ...changes } as Record<string, unknown>
  const kept = Object.fromEntries(Object.entries(merged).filter(([, value]) => value !== ''))
  const request = { id: client.id, profile: client.profile, given: kept }
  const metadata = await buildMetadata(request, await metadataRules(context))
  const updated = await context.clients.update(client.id, metadata, firstParty)
  if (updated === undefined) throw new Refusal('not-found', 'The client was removed meanwhile.')
  const changed = [...Object.keys(changes), ...(firstParty === undefined ? [] : ['first_party'])]
  await context.audit.record({ event: 'client.updated', clientId: client.id, detail: { changed } })
  return { json: describe(updated), text: description(updated) }
}

async function rotateSecret(context: Context, input: Input): Promise<Answer> {
  const client = await existing(context, input)
  if (profileOf(client.profile)?.confidential !== true) {
    throw new Refusal('invalid', `A client of profile ${client.profile} has no secret.`)
  }
  const revokeOld = input.flag('revoke-old')
  const consequence = revokeOld
    ? 'every older secret ends at once'
    : 'the newest secret so far stays valid, an older one ends'
  if (input.flag('dry-run')) {
    return {
      json: { dry_run: true, client_id: client.id, revoke_old: revokeOld },
      text: [`Would make a new secret for ${client.id}; ${consequence}.`],
    }
  }
  const secret = newClientSecret()
  const rotated = await context.clients.rotateSecret(client.id, hashClientSecret(secret), { revokeOld })
  if (rotated === undefined) throw new Refusal('not-found', 'The client was removed meanwhile.')
  await context.audit.record({ event: 'client.secret-rotated', clientId: client.id, detail: { revokeOld } })
  return withSecret(rotated, secret)
}

async function setDisabled(context: Context, input: Input, disabled: boolean): Promise<Answer> {
  const client = await existing(context, input)
  if (disabled && input.flag('dry-run')) {
    return { json: { dry_run: true, client_id: client.id }, text: [`Would disable ${client.id}.`] }
  }
  const changed = await (disabled ? context.clients.disable(client.id) : context.clients.enable(client.id))
  if (changed === undefined) throw new Refusal('not-found', 'The client was removed meanwhile.')
  const event = disabled ? 'client.disabled' : 'client.enabled'
  await context.audit.record({ event, clientId: client.id })
  return { json: describe(changed), text: [`${disabled ? 'Disabled' : 'Enabled'} ${client.id}.`] }
}

async function remove(context: Context, input: Input): Promise<Answer> {
  const client = await existing(context, input)
  const [grants, resources] = await Promise.all([
    context.grants.list({ clientId: client.id }),
    context.resources.byClient(client.id),
  ])
  const name = `${client.id} (${String(client.metadata['client_name'] ?? '')})`
  const counts = { client_id: client.id, grants: grants.length, resources: resources.map((it) => it.identifier) }
  const orphans = resources.map((it) => `${it.identifier} will have no client that may introspect its tokens.`)
  if (input.flag('dry-run')) {
    return {
      json: { dry_run: true, ...counts },
      text: [`Would remove ${name} and ${grants.length} grant(s).`, ...orphans],
    }
  }
  await context.clients.remove(client.id)
  await context.audit.record({ event: 'client.removed', clientId: client.id })
  return { json: { dry_run: false, ...counts }, text: [`Removed ${name} and ${grants.length} grant(s).`, ...orphans] }
}

/** The metadata that the options name. */
function given(input: Input): Record<string, unknown> {
  const members = {
    client_name: input.text('name'),
    redirect_uris: input.list('redirect-uri'),
    post_logout_redirect_uris: input.list('post-logout-redirect-uri'),
    scope: input.list('scope')?.join(' '),
    client_uri: input.text('client-uri'),
    logo_uri: input.text('logo-uri'),
    logo: input.text('logo-file'),
    policy_uri: input.text('policy-uri'),
    tos_uri: input.text('tos-uri'),
  }
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined))
}

/** The one answer that holds a secret. */
function withSecret(client: Client, secret: string | undefined): Answer {
  const { client_id, ...rest } = describe(client)
  if (secret === undefined) return { json: { client_id, ...rest }, text: description(client) }
  return {
    json: { client_id, client_secret: secret, ...rest },
    text: [...description(client), '', `client_secret: ${secret}`],
    notice: 'The secret is shown this once and kept nowhere. Give it to the app now.',
  }
}
