/**
 * Which clients are for one service of a platform.
 *
 * One is enough, and whoever runs `client add` again for a lost secret has two: that is allowed, since one may follow the
 * other, and said.
 */
import type { Client } from '../../adapters/postgres/clients.ts'

/** Ids of clients by the id of their service; clients of no service are left out. */
export function idsByService(clients: readonly Client[]): ReadonlyMap<string, readonly string[]> {
  const ids = new Map<string, string[]>()
  for (const { id, metadata } of clients) {
    const { service_id: service } = metadata
    if (typeof service === 'string') ids.set(service, [...(ids.get(service) ?? []), id])
  }
  return ids
}

/** What to know when others are for the service of a client, too. */
export function othersOfService(client: Client, clients: readonly Client[]): string | undefined {
  const { service_id: service } = client.metadata
  const others = (idsByService(clients).get(String(service)) ?? []).filter((id) => id !== client.id)
  return others.length === 0
    ? undefined
    : `Registered for the service ${String(service)} before: ${others.join(', ')}. For a new secret alone there is: habitat-auth client rotate-secret <id>. What IFTTT does not use: habitat-auth client remove <id>`
}
