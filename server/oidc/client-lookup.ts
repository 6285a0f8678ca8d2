/**
 * Finds clients for the library: a row of ours becomes metadata in its terms.
 *
 * The answer is held for a second, so that a registration, a change or a disabling reaches every node within that.
 */
import type { Client } from '../../adapters/postgres/clients.ts'
import { cached } from '../cached.ts'
import { typesMember, typesOf } from './authorization-metadata.ts'
import { logoUrl } from './logo-url.ts'

/** Milliseconds for which a change may go unseen by a node. */
const lifetime = 1_000

export interface ClientLookupOptions {
  find: (id: string) => Promise<Client | undefined>
  /** Grant types that clients may be registered for and that this server does not offer as it is set up. */
  withoutGrants?: readonly string[]
  /** The types of authorization details that the provider of the moment knows. */
  authorizationTypes?: () => readonly string[]
  now: () => Date
}

/** A lookup of enabled clients by id: metadata in the names of RFC 7591, undefined for unknown and disabled ones. */
export function clientLookup(
  options: ClientLookupOptions,
): (id: string) => Promise<Record<string, unknown> | undefined> {
  const lookup = cached(
    async (id: string) => {
      const client = await options.find(id)
      return client === undefined || client.disabledAt !== undefined
        ? undefined
        : libraryMetadata(client, options.withoutGrants ?? [])
    },
    { lifetime, size: 1_000, now: options.now },
  )
  // The library caches what it builds by the text of the metadata, so the object itself is never shared.
  return async (id) => {
    const metadata = await lookup(id)
    const types = options.authorizationTypes?.() ?? []
    // The library refuses all of a client with a type that it does not know, and takes every type where none is named.
    const named = types.length === 0 ? {} : { [typesMember]: typesOf(metadata ?? {}, types) }
    return metadata === undefined ? undefined : { ...metadata, ...named }
  }
}

/** The client in the library's terms; hashes stand where a secret would (`compareClientSecret` knows). */
function libraryMetadata(client: Client, withoutGrants: readonly string[]): Record<string, unknown> {
  // The library keeps clients by the text of their metadata: a picture has no business in there, its address has.
  const { logo, ...metadata } = client.metadata
  const grantTypes = metadata['grant_types']
  const logoAddress = logoUrl(client.id, logo)
  return {
    ...metadata,
    // It refuses all of a client that names a grant type which is not offered.
    ...(Array.isArray(grantTypes) ? { grant_types: grantTypes.filter((one) => !withoutGrants.includes(one)) } : {}),
    ...(logoAddress === undefined ? {} : { logo_address: logoAddress }),
    client_id: client.id,
    profile: client.profile,
    first_party: client.firstParty && client.origin === 'registered',
    origin: client.origin,
    ...(client.secretHashes.length > 0 ? { client_secret: client.secretHashes.join(' ') } : {}),
  }
}
