/** What commands say of a client: to machines, to people, and once with its secret. */
import type { Client } from '../../adapters/postgres/clients.ts'
import { exceptionsOf } from '../oidc/exceptions.ts'
import { decodeLogo } from '../oidc/logo.ts'
import type { Exception } from '../oidc/profile.ts'
import type { Answer } from './command.ts'
import { pasteSheet } from './paste-sheet.ts'
import { table, time } from './text.ts'

/** A client as machines read it: RFC 7591 names, never a secret nor the hash of one; of a picture only that it is there. */
export function describe(client: Client): Record<string, unknown> {
  const { logo, ...metadata } = client.metadata
  const exceptions = exceptionsOf(client)
  return {
    client_id: client.id,
    profile: client.profile,
    first_party: client.firstParty,
    origin: client.origin,
    ...metadata,
    logo_stored: decodeLogo(logo) !== undefined,
    secrets: client.secretHashes.length,
    disabled_at: client.disabledAt ?? null,
    created_at: client.createdAt,
    updated_at: client.updatedAt,
    ...(exceptions.length === 0 ? {} : { exceptions }),
  }
}

/** The same for people, without what is empty. */
export function description(client: Client): string[] {
  const { exceptions = [], ...rest } = describe(client)
  const lines = Object.entries(rest)
    .filter(([, value]) => value !== null && !(Array.isArray(value) && value.length === 0))
    .map(([name, value]) => `${name}: ${Array.isArray(value) ? value.join(' ') : shown(value)}`)
  return [...lines, ...explained(exceptions as readonly Exception[])]
}

/** Where the app is held to less than others, and what protects people in its place. */
function explained(exceptions: readonly Exception[]): string[] {
  if (exceptions.length === 0) return []
  return [
    'exceptions:',
    ...exceptions.flatMap(({ from, instead, because }) => [
      `  from: ${from}`,
      `    because: ${because}`,
      `    instead: ${instead}`,
    ]),
  ]
}

function shown(value: unknown): string {
  if (value instanceof Date) return time(value)
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

/** All clients, one line each. */
export function overview(all: readonly Client[]): Answer {
  const rows = all.map((client) => [
    client.id,
    client.profile,
    client.disabledAt === undefined ? 'enabled' : 'disabled',
    partyOf(client),
    String(client.metadata['client_name'] ?? ''),
  ])
  return {
    json: { clients: all.map(describe) },
    text: all.length === 0 ? ['No client is registered.'] : table(['ID', 'PROFILE', 'STATE', 'PARTY', 'NAME'], rows),
  }
}

function partyOf({ origin, firstParty }: Client): string {
  if (origin !== 'registered') return 'unverified'
  return firstParty ? 'first' : 'third'
}

/** The one answer that holds a secret; for a platform with all that is to be entered there. */
export function withSecret(client: Client, secret: string | undefined, issuer: string): Answer {
  const { client_id, ...rest } = describe(client)
  if (secret === undefined) return { json: { client_id, ...rest }, text: description(client) }
  const sheet = pasteSheet(client, secret, issuer)
  return {
    json: { client_id, client_secret: secret, ...rest, ...sheet?.json },
    text: [...description(client), '', `client_secret: ${secret}`, ...(sheet === undefined ? [] : ['', ...sheet.text])],
    notice: 'The secret is shown this once and kept nowhere. Give it to the app now.',
  }
}
