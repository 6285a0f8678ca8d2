/** Reads the settings about clients that nobody here registered by hand. */

export interface UnverifiedClientsConfig {
  /** Undefined: a client id is never an address. Without `hosts`, documents are read wherever they are. */
  readonly documents: { readonly hosts: readonly string[] | undefined } | undefined
  /** Who may register a client by a request (RFC 7591): nobody, whoever has a token for it, or anybody. */
  readonly registration: 'closed' | 'token' | 'open'
  /** What such clients may ask for at most. */
  readonly scopes: readonly string[]
}

interface Given {
  readonly documents: string | undefined
  readonly registration: string | undefined
  readonly scopes: string | undefined
}

const registrations = ['closed', 'token', 'open'] as const
const hostName = /^(\*\.)?[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/

/** Adds one sentence to `problems` for each that there is. */
export function readUnverifiedClients(given: Given, problems: string[]): UnverifiedClientsConfig {
  const registration = registrations.find((one) => one === (given.registration ?? 'closed'))
  if (registration === undefined) {
    problems.push(`CLIENT_REGISTRATION must be one of ${registrations.join(', ')}, not "${given.registration}".`)
  }
  const scopes = (given.scopes ?? 'openid profile email offline_access').split(/\s+/).filter((scope) => scope !== '')
  const odd = scopes.find((scope) => !/^[\x21\x23-\x5b\x5d-\x7e]+$/.test(scope))
  if (odd !== undefined) {
    problems.push(
      `UNVERIFIED_CLIENT_SCOPES must be scopes separated by spaces; "${odd}" cannot be one (RFC 6749 §3.3).`,
    )
  }
  return {
    documents: readDocuments(given.documents ?? 'no', problems),
    registration: registration ?? 'closed',
    scopes: [...new Set(scopes)],
  }
}

function readDocuments(value: string, problems: string[]): UnverifiedClientsConfig['documents'] {
  if (value === 'no') return undefined
  if (value === 'yes') return { hosts: undefined }
  const hosts = value.split(',').map((host) => host.trim().toLowerCase())
  const odd = hosts.find((host) => !host.includes('.') || !hostName.test(host))
  if (odd !== undefined) {
    problems.push(
      `CLIENT_METADATA_DOCUMENTS must be no, yes, or names of hosts such as "app.example, *.example.org", not "${odd}".`,
    )
  }
  return { hosts }
}
