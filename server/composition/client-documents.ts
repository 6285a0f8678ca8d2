/** Clients that a document at their id describes, as the settings have it. */
import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Provider } from 'oidc-provider'
import type { Outbound } from '../../adapters/atproto/guarded-fetch.ts'
import type { Client } from '../../adapters/postgres/clients.ts'
import { lease } from '../../adapters/postgres/leases.ts'
import { reached } from '../../adapters/postgres/oidc-models.ts'
import { type ClientDocumentsOptions, clientDocuments } from '../oidc/client-documents.ts'
import { isDocumentAddress } from '../oidc/document-address.ts'
import { documentLimits } from '../oidc/document-limits.ts'
import { documentRequest } from '../oidc/document-request.ts'
import type { StrangersRules } from '../oidc/self-described.ts'
import { shopScope } from '../oidc/shop-resource.ts'
import type { Foundation } from './foundation.ts'
import type { Stores } from './stores.ts'

/** Seconds that a node has for a document, and milliseconds between the looks of the others. */
const turn = 15
const pause = 100

/** Finds clients by id, those too that a document describes; what was registered here comes first. */
export function findClients(
  foundation: Foundation,
  stores: Stores,
  outbound: Outbound,
  rules: () => Promise<StrangersRules>,
): (id: string) => Promise<Client | undefined> {
  const { config, log, now } = foundation
  const find = (id: string) => reached(() => stores.clients.find(id))
  const { documents } = config.unverifiedClients
  if (documents === undefined) return async (id) => (isDocumentAddress(id) ? undefined : find(id))
  const read = clientDocuments({
    hosts: documents.hosts,
    find,
    keep: (client, freshUntil) => reached(() => stores.unverifiedClients.keepDocument(client, freshUntil)),
    distrust: (id) => reached(() => stores.unverifiedClients.distrustDocument(id)),
    fetch: outbound.document,
    rules,
    limits: documentLimits(stores.limits, now),
    onlyOne: onlyOne(foundation),
    request: documentRequest,
    onProblem: (id, problem) => log.info({ clientId: id, problem }, 'the document of a client cannot be used'),
    now,
  })
  return (id) => (isDocumentAddress(id) ? read(id) : find(id))
}

function onlyOne({ store: { db }, now }: Foundation): ClientDocumentsOptions['onlyOne'] {
  return async (id, read, look) => {
    const name = createHash('sha256').update(id).digest('base64url')
    const its = lease(db, now, `document:${name}`)
    for (let waited = 0; waited < turn * 1000; waited += pause) {
      if (await its.hold(turn)) {
        try {
          return (await look()) ?? (await read())
        } finally {
          await its.release()
        }
      }
      await sleep(pause)
      const found = await look()
      if (found !== undefined) return found
    }
    throw new Error('another node is still reading it')
  }
}

/** What clients that describe themselves are held to: the library's rules, and of all scopes those that anybody may have. */
export async function strangersRules(
  { config }: Foundation,
  { resources }: Stores,
  provider: Provider,
): Promise<StrangersRules> {
  const registered = (await reached(resources.list)).flatMap(({ scopes }) => scopes)
  // The types know the model as a class of clients, not its static check.
  const { Client } = provider as unknown as { Client: { validate(metadata: object): Promise<void> } }
  return {
    validate: (metadata) => Client.validate(metadata),
    resourceScopes: registered.filter((scope) => scope !== shopScope),
    pdsScopes: config.atproto.scope,
    scopes: config.unverifiedClients.scopes,
  }
}
