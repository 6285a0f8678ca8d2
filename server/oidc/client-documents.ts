/**
 * Clients that a document describes: read at the address that is their id, kept for all nodes, read again when it is due
 * (draft-ietf-oauth-client-id-metadata-document-02).
 *
 * What fails is never kept. A document that was good stays so for a day while its host does not answer, so that a short
 * outage elsewhere signs nobody out here; one that was taken away or spoiled counts as gone at once. How often strangers
 * may make us ask somewhere is counted before we do.
 */
import { errors } from 'oidc-provider'
import type { Fetch } from '../../adapters/atproto/guarded-fetch.ts'
import type { Client } from '../../adapters/postgres/clients.ts'
import type { UnverifiedClients } from '../../adapters/postgres/unverified-clients.ts'
import { Refusal } from '../errors.ts'
import type { Metadata } from './client-metadata.ts'
import { isAllowedHost } from './document-address.ts'
import type { DocumentLimits } from './document-limits.ts'
import { type Described, describedClient, type StrangersRules } from './self-described.ts'

/** Bytes. */
const maximumSize = 5 * 1024
/** Milliseconds. */
const patience = 5_000
/** Seconds that a document counts, whatever it says itself. */
const lifetime = { least: 5 * 60, most: 24 * 60 * 60 }
/** Seconds beyond that in which it counts while nobody answers. */
const grace = 24 * 60 * 60

export interface ClientDocumentsOptions {
  /** Whose documents are read; undefined: anybody's. */
  hosts: readonly string[] | undefined
  find: (id: string) => Promise<Client | undefined>
  keep: UnverifiedClients['keepDocument']
  distrust: UnverifiedClients['distrustDocument']
  fetch: Fetch
  rules: () => Promise<StrangersRules>
  limits: DocumentLimits
  /** Lets one node at a time read the document; the others wait for its row. */
  onlyOne: (id: string, read: () => Promise<Client>, look: () => Promise<Client | undefined>) => Promise<Client>
  /** Network address of the request that is being served, if any, and whether documents are read for it. */
  request: () => { address: string | undefined; mayRead: boolean }
  /** Told of documents that could not be used. */
  onProblem: (id: string, problem: string) => void
  now: () => Date
}

/** Finds the client whose id is the address of a document. Throws the library's `InvalidClient`, `TemporarilyUnavailable`. */
export function clientDocuments(options: ClientDocumentsOptions): (id: string) => Promise<Client | undefined> {
  const { find, keep, distrust, limits, onlyOne, now } = options
  const isFresh = (client: Client | undefined) => (client?.freshUntil?.getTime() ?? 0) > now().getTime()

  async function read(id: string): Promise<Client> {
    const answer = await fetched(options, id)
    const described = await describedBy(answer.body, id, await options.rules())
    const until = new Date(now().getTime() + lifetimeOf(answer.headers, now()) * 1000)
    const client = await keep({ id, ...described }, until)
    if (client === undefined) throw new Refusal('invalid', 'A client of that id is registered here.')
    await limits.succeeded(id)
    return client
  }

  /** The row while its host does not answer; what else is wrong ends it. */
  function instead(id: string, known: Client | undefined, error: unknown): Client {
    const until = (known?.freshUntil?.getTime() ?? 0) + grace * 1000
    if (!(error instanceof Refusal)) {
      if (known !== undefined && until > now().getTime()) return known
      if (error instanceof errors.OIDCProviderError) throw error
      if (known !== undefined) throw new errors.TemporarilyUnavailable('the document of the client cannot be read')
    }
    options.onProblem(id, String(error))
    const detail = error instanceof Refusal ? error.message : 'nobody answers at that address'
    throw new errors.InvalidClient(`client metadata document cannot be used: ${detail.replaceAll(/\s+/g, ' ')}`, detail)
  }

  return async (id) => {
    if (!isAllowedHost(id, options.hosts)) return undefined
    const known = await find(id)
    if (known !== undefined && known.origin !== 'document') return known
    const { address, mayRead } = options.request()
    if (known?.disabledAt !== undefined || isFresh(known) || !mayRead) return known
    try {
      const look = async () => {
        const row = await find(id)
        return isFresh(row) ? row : undefined
      }
      if (!(await limits.allow(id, address, known !== undefined))) {
        throw new errors.TemporarilyUnavailable('documents of clients are asked for too often')
      }
      return await onlyOne(id, () => read(id), look)
    } catch (error) {
      // Whoever comes next, while we may not ask again so soon, must not take this for an outage.
      if (error instanceof Refusal && known !== undefined) await distrust(id)
      return instead(id, known, error)
    }
  }
}

async function fetched({ fetch }: ClientDocumentsOptions, id: string): Promise<{ body: string; headers: Headers }> {
  const response = await fetch(id, {
    headers: { accept: 'application/json' },
    redirect: 'manual',
    signal: AbortSignal.timeout(patience),
  })
  if (response.status >= 500 || response.status === 429) throw new Error(`status ${response.status}`)
  if (response.status !== 200) throw new Refusal('invalid', `the answer has the status ${response.status}, not 200`)
  const type = response.headers.get('content-type')?.split(';')[0]?.trim().toLowerCase() ?? ''
  if (!/^application\/([\w.-]+\+)?json$/.test(type)) throw new Refusal('invalid', 'the answer is not application/json')
  const body = Buffer.from(await response.arrayBuffer())
  if (body.length > maximumSize) throw new Refusal('invalid', `the document has more than ${maximumSize} bytes`)
  return { body: body.toString('utf8'), headers: response.headers }
}

/** Throws `Refusal`. */
async function describedBy(body: string, id: string, rules: StrangersRules): Promise<Described> {
  const said = objectIn(body)
  if (said === undefined) throw new Refusal('invalid', 'the document is no JSON object')
  if (said['client_id'] !== id) throw new Refusal('invalid', '"client_id" is not the address of the document')
  if ('client_secret' in said || 'client_secret_expires_at' in said) {
    throw new Refusal('invalid', 'the document holds a secret, and everybody can read it')
  }
  // There is no secret that a document could agree on (§4.1): without a word it is a client without one.
  const method = said['token_endpoint_auth_method'] ?? 'none'
  if (method !== 'none' && method !== 'private_key_jwt') {
    throw new Refusal('invalid', '"token_endpoint_auth_method" must be none or private_key_jwt')
  }
  const name = said['client_name'] ?? new URL(id).host
  return describedClient({ ...said, client_name: name }, method, rules)
}

function objectIn(body: string): Metadata | undefined {
  try {
    const value: unknown = JSON.parse(body)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Metadata) : undefined
  } catch {
    return undefined
  }
}

/** Seconds, as the answer says (RFC 9111 §5.2, §5.3) within our limits. */
function lifetimeOf(headers: Headers, now: Date): number {
  const control = headers.get('cache-control') ?? ''
  const [, age] = /(?:^|,)\s*max-age\s*=\s*"?(\d{1,9})/i.exec(control) ?? []
  const expires = (Date.parse(headers.get('expires') ?? '') - now.getTime()) / 1000
  const said = /no-(?:store|cache)/i.test(control) ? 0 : Number(age ?? (Number.isNaN(expires) ? 0 : expires))
  return Math.min(Math.max(said, lifetime.least), lifetime.most)
}
