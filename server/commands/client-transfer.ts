/**
 * Commands that carry registrations from one installation to another.
 *
 * Everything is checked before anything is written, and doing it twice is doing it once. Secrets do not travel; their
 * hashes do when asked for, so that apps keep working.
 */
import type { Client, NewClient } from '../../adapters/postgres/clients.ts'
import { Refusal } from '../errors.ts'
import { buildMetadata, type Metadata, type MetadataRules } from '../oidc/client-metadata.ts'
import { resourceScopesOf, scopesOf } from '../oidc/client-scopes.ts'
import { isSecretHash, keptHashes, needsSecret } from '../oidc/client-secrets.ts'
import { metadataRules } from './client-metadata-options.ts'
import type { Answer, Command, Context, Input } from './command.ts'
import { jsonLine } from './text.ts'

const maximumSecrets = 2

export const clientTransferCommands: readonly Command[] = [
  {
    name: 'client export',
    usage: '[--with-secret-hashes]',
    summary: 'print every app that was registered here, one line of JSON each; with --json as one array',
    options: {
      'with-secret-hashes': {
        type: 'boolean',
        summary: 'include the hashes of the secrets, so that the apps can keep theirs',
      },
    },
    examples: ['client export > clients.jsonl', 'client export --with-secret-hashes --json > clients.json'],
    run: exportClients,
  },
  {
    name: 'client import',
    usage: '< clients.jsonl',
    summary: 'read apps from standard input (JSON lines or an array), add new ones and update known ones',
    details: [
      'All are checked before any is written. A known app keeps its secrets unless the input brings hashes; a new one without hashes has none: see client rotate-secret.',
    ],
    destructive: true,
    readsInput: () => true,
    examples: ['client import --dry-run < clients.jsonl', 'client import < clients.jsonl'],
    run: importClients,
  },
]

async function exportClients({ clients }: Context, input: Input): Promise<Answer> {
  const all = (await clients.list())
    // What strangers say of themselves would be imported as what an administrator says.
    .filter(({ origin }) => origin === 'registered')
    .map((client) => exported(client, input.flag('with-secret-hashes')))
  return { json: all, text: all.map(jsonLine) }
}

function exported(client: Client, withSecretHashes: boolean): Record<string, unknown> {
  const { resource_scopes: _, ...metadata } = client.metadata
  const scope = scopesOf(client.metadata).join(' ')
  return {
    client_id: client.id,
    profile: client.profile,
    first_party: client.firstParty,
    disabled: client.disabledAt !== undefined,
    ...metadata,
    ...(resourceScopesOf(client.metadata).length === 0 ? {} : { scope }),
    ...(withSecretHashes ? { secret_hashes: client.secretHashes } : {}),
  }
}

type Outcome = 'added' | 'updated' | 'unchanged'

async function importClients(context: Context, input: Input): Promise<Answer> {
  const entries = readEntries(await context.stdin())
  const rules = await metadataRules(context)
  const wanted = await checkAll(entries, rules, context)
  const dryRun = input.flag('dry-run')
  const outcomes: { client_id: string; outcome: Outcome; needs_secret: boolean }[] = []
  for (const { client, known } of wanted) {
    const outcome = known === undefined ? 'added' : isSame(client, known) ? 'unchanged' : 'updated'
    if (!dryRun) await write(context, client, outcome)
    outcomes.push({ client_id: client.id, outcome, needs_secret: needsSecret(client) })
  }
  return {
    json: { dry_run: dryRun, clients: outcomes },
    text: outcomes.map(
      ({ client_id, outcome, needs_secret }) =>
        `${dryRun ? 'Would be ' : ''}${outcome}: ${client_id}${needs_secret ? ' (has no secret: see client rotate-secret)' : ''}`,
    ),
  }
}

async function write({ clients, audit }: Context, client: NewClient, outcome: Outcome): Promise<void> {
  if (outcome === 'unchanged') return
  // Added meanwhile by somebody else: then it is known now.
  const added = outcome === 'added' ? await clients.add(client) : undefined
  if (added === undefined) await clients.replace(client)
  const event = added === undefined ? 'client.updated' : 'client.added'
  await audit.record({ event, clientId: client.id, detail: { profile: client.profile, imported: true } })
}

/** Throws `Refusal` with the problems of all entries. */
async function checkAll(entries: readonly unknown[], rules: MetadataRules, context: Context) {
  const problems: string[] = []
  const seen = new Set<string>()
  const wanted: { client: NewClient; known: Client | undefined }[] = []
  for (const [index, entry] of entries.entries()) {
    const place = `Client ${index + 1}`
    try {
      const one = await check(entry, rules, context)
      if (seen.has(one.client.id)) problems.push(`${place}: "${one.client.id}" stands in the input twice.`)
      seen.add(one.client.id)
      wanted.push(one)
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      problems.push(...error.message.split('\n').map((problem) => `${place}: ${problem}`))
    }
  }
  if (problems.length > 0) throw new Refusal('invalid', `${problems.join('\n')}\nNothing was imported.`)
  return wanted
}

async function check(entry: unknown, rules: MetadataRules, context: Context) {
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) {
    throw new Refusal('invalid', 'This is no JSON object.')
  }
  const {
    client_id,
    profile,
    first_party = false,
    disabled = false,
    secret_hashes,
    ...given
  } = entry as Record<string, unknown>
  if (typeof client_id !== 'string' || typeof profile !== 'string') {
    throw new Refusal('invalid', '"client_id" and "profile" are needed.')
  }
  if (typeof first_party !== 'boolean' || typeof disabled !== 'boolean') {
    throw new Refusal('invalid', '"first_party" and "disabled" must be true or false.')
  }
  if ('client_secret' in given) {
    throw new Refusal(
      'invalid',
      '"client_secret" is never imported. Use "secret_hashes", or rotate the secret afterwards.',
    )
  }
  const known = await context.clients.find(client_id)
  const metadata = await buildMetadata({ id: client_id, profile, given, firstParty: first_party }, rules)
  const secretHashes =
    secret_hashes === undefined
      ? keptHashes(profile, metadata, known?.secretHashes ?? [])
      : readHashes(secret_hashes, profile, metadata)
  const disabledAt = disabled ? (known?.disabledAt ?? context.now()) : undefined
  return { client: { id: client_id, profile, firstParty: first_party, metadata, secretHashes, disabledAt }, known }
}

function readHashes(value: unknown, profile: string, metadata: Metadata): readonly string[] {
  const hashes = Array.isArray(value) ? value : [undefined]
  if (hashes.length > maximumSecrets || !hashes.every((hash) => isSecretHash(String(hash)))) {
    throw new Refusal(
      'invalid',
      `"secret_hashes" must be a list of at most ${maximumSecrets} texts "sha256:…", as exported.`,
    )
  }
  if (hashes.length > 0 && keptHashes(profile, metadata, hashes).length === 0) {
    throw new Refusal('invalid', 'A client that proves who it is in another way has no secret ("secret_hashes").')
  }
  return hashes as string[]
}

function isSame(client: NewClient, known: Client): boolean {
  const comparable = ({ id, profile, firstParty, metadata, secretHashes, disabledAt }: NewClient) =>
    JSON.stringify([
      id,
      profile,
      firstParty,
      Object.entries(metadata).sort(([a], [b]) => (a < b ? -1 : 1)),
      secretHashes,
      disabledAt ?? null,
    ])
  return comparable(client) === comparable(known)
}

/** An array, or one object per line. */
function readEntries(text: string): readonly unknown[] {
  const trimmed = text.trim()
  if (trimmed === '') throw new Refusal('invalid', 'Standard input is empty. See: habitat-auth client export')
  if (trimmed.startsWith('[')) return readJson(trimmed, 'The input') as readonly unknown[]
  return trimmed
    .split('\n')
    .map((line, index) => ({ line: line.trim(), number: index + 1 }))
    .filter(({ line }) => line !== '')
    .map(({ line, number }) => readJson(line, `Line ${number}`))
}

function readJson(text: string, place: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch (cause) {
    throw new Refusal('invalid', `${place} is no valid JSON.`, { cause })
  }
}
