/** What commands say of a client: to machines, to people, and once with its secret. */
import type { Client } from '../../adapters/postgres/clients.ts'
import { decodeLogo } from '../oidc/logo.ts'
import type { Answer } from './command.ts'
import { table, time } from './text.ts'

/** A client as machines read it: RFC 7591 names, never a secret nor the hash of one; of a picture only that it is there. */
export function describe(client: Client): Record<string, unknown> {
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

/** The same for people, without what is empty. */
export function description(client: Client): string[] {
  return Object.entries(describe(client))
    .filter(([, value]) => value !== null && !(Array.isArray(value) && value.length === 0))
    .map(([name, value]) => `${name}: ${Array.isArray(value) ? value.join(' ') : shown(value)}`)
}

function shown(value: unknown): string {
  return value instanceof Date ? time(value) : String(value)
}

/** All clients, one line each. */
export function overview(all: readonly Client[]): Answer {
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

/** The one answer that holds a secret. */
export function withSecret(client: Client, secret: string | undefined): Answer {
  const { client_id, ...rest } = describe(client)
  if (secret === undefined) return { json: { client_id, ...rest }, text: description(client) }
  return {
    json: { client_id, client_secret: secret, ...rest },
    text: [...description(client), '', `client_secret: ${secret}`],
    notice: 'The secret is shown this once and kept nowhere. Give it to the app now.',
  }
}
