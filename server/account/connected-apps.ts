/** Which apps have access to an account: what they hold, and what they would be given without a question. */
import type { Grant } from '../../adapters/postgres/grants.ts'
import type { ScopeCard } from '../../views/scope.ts'
import { pdsScope } from '../atproto/scopes.ts'
import { clientCard } from '../interactions/desk.ts'
import { accountClientId } from '../oidc/account-client.ts'
import { pdsScopeCards, scopeCards } from '../oidc/scope-cards.ts'
import type { AccountOptions } from './desk.ts'

type Agreement = Pick<Grant, 'clientId' | 'scopes' | 'resourceScopes' | 'createdAt' | 'lastUsedAt'>

/** What apps hold now, and what they would be given without a question: consent outlives the grants made from it. */
export async function agreements(
  accountId: string,
  { grants, consents }: AccountOptions,
): Promise<readonly Agreement[]> {
  const granted = (await grants.list({ accountId })).filter(({ revokedAt }) => revokedAt === undefined)
  const remembered = (await consents.byAccount(accountId)).map(({ clientId, scopes, resources, updatedAt }) => ({
    clientId,
    scopes: [...scopes, ...Object.values(resources).flat()],
    resourceScopes: resources,
    createdAt: updatedAt,
    lastUsedAt: undefined,
  }))
  return [...granted, ...remembered].filter(({ clientId }) => clientId !== accountClientId)
}

/** One entry per app: what was granted in several browsers is taken back in one. */
export async function connectedApps(accountId: string, options: AccountOptions) {
  const { clients, findResource } = options
  const byClient = Map.groupBy(await agreements(accountId, options), ({ clientId }) => clientId)
  return Promise.all(
    [...byClient].map(async ([clientId, own]) => {
      const client = await clients.find(clientId)
      const redirectUris = client?.metadata['redirect_uris']
      const card = clientCard(
        client?.metadata ?? {},
        clientId,
        Array.isArray(redirectUris) ? redirectUris[0] : undefined,
      )
      const used = own.map(({ lastUsedAt }) => lastUsedAt?.getTime() ?? 0)
      return {
        clientId,
        clientName: card.name ?? clientId,
        host: card.host,
        scopes: await grantedScopes(own, options.issuer, findResource),
        since: new Date(Math.min(...own.map(({ createdAt }) => createdAt.getTime()))),
        lastUsed: Math.max(...used) > 0 ? new Date(Math.max(...used)) : undefined,
      }
    }),
  )
}

/** Once each, though granted in several browsers; those of an API in its own words. */
async function grantedScopes(
  own: readonly Agreement[],
  issuer: string,
  findResource: AccountOptions['findResource'],
): Promise<readonly ScopeCard[]> {
  const byResource = Map.groupBy(
    own.flatMap(({ resourceScopes }) => Object.entries(resourceScopes)),
    ([identifier]) => identifier,
  )
  const ofResources = await Promise.all(
    [...byResource].map(async ([identifier, entries]) =>
      identifier === issuer
        ? pdsScopeCards(entries.flatMap(([, scopes]) => scopes))
        : scopeCards(await findResource(identifier), [...new Set(entries.flatMap(([, scopes]) => scopes))]),
    ),
  )
  const named = new Set(ofResources.flat().map(({ name }) => name))
  // Of those of the PDS one may say what another was asked for: they all stand in the cards above.
  const others = [...new Set(own.flatMap(({ scopes }) => scopes))].filter(
    (name) => !named.has(name) && pdsScope(name) === undefined,
  )
  return [...others.map((name) => ({ name })), ...ofResources.flat()]
}
