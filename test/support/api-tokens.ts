/**
 * Access tokens for an API of our own, made through the library's models over a real database: for tests of what an API
 * does with a token, however it was got.
 */
import { randomBytes } from 'node:crypto'
import { Provider } from 'oidc-provider'
import { sealer as createSealer } from '../../adapters/crypto/seal.ts'
import { accounts as accountStore } from '../../adapters/postgres/accounts.ts'
import { clients as clientStore } from '../../adapters/postgres/clients.ts'
import { grants as grantStore } from '../../adapters/postgres/grants.ts'
import { oidcModels } from '../../adapters/postgres/oidc-models.ts'
import { signingKeys } from '../../adapters/postgres/signing-keys.ts'
import { clientLookup } from '../../server/oidc/client-lookup.ts'
import { requestScope } from '../../server/oidc/request-scope.ts'
import type { TestDatabase } from './database.ts'
import { testRedirectUri } from './server.ts'

export interface ApiTokens {
  readonly provider: Provider
  /** A token of a person who was never here; `did` is theirs. */
  issue(options?: IssueOptions): Promise<Issued>
  disableAccount(issued: Issued): Promise<void>
  disableClient(issued: Issued): Promise<void>
  revokeGrant(issued: Issued): Promise<void>
}

export interface IssueOptions {
  scope?: string
  /** The issuer when left out; null for none. */
  audience?: string | null
  /** Thumbprint of the DPoP key that the token is bound to. */
  jkt?: string
  /** Thumbprint of the certificate that the token is bound to. */
  certificate?: string
  /** Seconds. */
  expiresIn?: number
  /** Ends with a browser session of this uid, which there is not. */
  sessionUid?: string
  /** The grant of somebody else. */
  grantOf?: Issued
}

export interface Issued {
  readonly value: string
  readonly accountId: string
  readonly clientId: string
  readonly grantId: string
  readonly did: string
}

export async function apiTokens(database: TestDatabase, issuer: string, now: () => Date): Promise<ApiTokens> {
  const { db } = database.store
  const accounts = accountStore(db, now)
  const clients = clientStore(db, now)
  const sealer = createSealer([randomBytes(32).toString('hex')])
  const models = oidcModels({
    db,
    sealer,
    now,
    scope: requestScope,
    // Changes are seen at once, so that a test need not wait for a cache.
    findClient: (id) => clientLookup({ find: clients.find, now })(id),
    onReplay: () => undefined,
  })
  const provider = new Provider(issuer, {
    adapter: (name: string) => models.adapter(name) as never,
    jwks: { keys: (await signingKeys(db, sealer, now).loadOrCreate()) as never },
    extraClientMetadata: { properties: ['profile', 'first_party'] },
    ttl: { AccessToken: 600, Grant: 600 },
    features: { devInteractions: { enabled: false }, dPoP: { enabled: true } },
  })
  return {
    provider,
    async issue({
      scope = 'openid atproto',
      jkt,
      certificate,
      audience = issuer,
      expiresIn = 600,
      sessionUid,
      grantOf,
    } = {}) {
      const did = `did:plc:${randomBytes(15)
        .toString('hex')
        .replace(/[^a-f]/g, 'a')
        .slice(0, 24)}`
      const account = await accounts.create({ identity: { provider: 'atproto', subject: did, label: 'alice.test' } })
      const clientId = `client-${randomBytes(6).toString('hex')}`
      const metadata = { client_name: 'Example', redirect_uris: [testRedirectUri], token_endpoint_auth_method: 'none' }
      await clients.add({ id: clientId, profile: 'spa', firstParty: false, metadata, secretHashes: [] })
      const grant = new provider.Grant({ accountId: account.id, clientId })
      grant.addResourceScope(issuer, scope)
      const ownGrant = await grant.save()
      const grantId = grantOf?.grantId ?? ownGrant
      // The types lag behind what the model takes.
      const token = new provider.AccessToken({
        accountId: account.id,
        clientId,
        grantId,
        scope,
        expiresIn,
        gty: 'authorization_code',
        expiresWithSession: sessionUid !== undefined,
        ...(sessionUid === undefined ? {} : { sessionUid }),
        ...(audience === null ? {} : { aud: audience }),
        ...(jkt === undefined ? {} : { jkt }),
        ...(certificate === undefined ? {} : { 'x5t#S256': certificate }),
      } as never)
      return { value: await token.save(), accountId: account.id, clientId, grantId, did }
    },
    disableAccount: async ({ accountId }) => void (await accounts.disable(accountId)),
    disableClient: async ({ clientId }) => void (await clients.disable(clientId)),
    revokeGrant: async ({ grantId }) => void (await grantStore(db, now).revoke({ id: grantId })),
  }
}
