/**
 * Who we are at a PDS: a confidential client with documents below the issuer, or a loopback client whose id says it all.
 *
 * The loopback client exists for a developer's machine, which no PDS can fetch documents from (atproto OAuth, "Localhost
 * Client Development").
 */
import {
  atprotoLoopbackClientMetadata,
  buildAtprotoLoopbackClientMetadata,
  JoseKey,
  Keyset,
  type OAuthClientMetadataInput,
} from '@atproto/oauth-client-node'
import type { ClientDocuments } from './contract.ts'
import { documentsOf, redirectUriOf } from './own-addresses.ts'
import type { Keys } from './stores.ts'

/** Our client, ready to speak to a PDS. */
export interface Identification {
  readonly clientId: string
  readonly metadata: OAuthClientMetadataInput
  readonly keyset: Keyset | undefined
}

export interface OwnClient {
  /** The client that asks for these scopes. */
  asking(scope: string): Promise<Identification>
  /** The client that a link was given to. */
  known(clientId: string): Promise<Identification>
  documents(): Promise<ClientDocuments | undefined>
}

export function ownClient(options: {
  issuer: string
  productName: string
  declaredScopes: () => Promise<readonly string[]>
  keys: Keys
}): OwnClient {
  const { issuer, productName, declaredScopes, keys } = options
  const redirectUri = redirectUriOf(issuer)
  return issuer.startsWith('https:') ? confidentialClient() : loopbackClient()

  function confidentialClient(): OwnClient {
    const { metadata: clientId, jwks } = documentsOf(issuer)
    const metadata = (scope: string) =>
      ({
        client_id: clientId,
        client_name: productName,
        client_uri: issuer,
        application_type: 'web',
        redirect_uris: [redirectUri],
        response_types: ['code'],
        grant_types: ['authorization_code', 'refresh_token'],
        scope,
        token_endpoint_auth_method: 'private_key_jwt',
        token_endpoint_auth_signing_alg: 'ES256',
        jwks_uri: jwks,
        dpop_bound_access_tokens: true,
      }) as OAuthClientMetadataInput
    const identified = async (scope: string) => {
      const imported = (await keys.loadOrCreate()).map((key) => JoseKey.fromJWK(key))
      return { clientId, metadata: metadata(scope), keyset: new Keyset(await Promise.all(imported)) }
    }
    return {
      asking: identified,
      known: () => identified('atproto'),
      async documents() {
        const scope = [...new Set(['atproto', ...(await declaredScopes())])].join(' ')
        const published = (await keys.loadOrCreate()).map(publicPart)
        return { metadata: { ...metadata(scope) }, jwks: { keys: published } }
      },
    }
  }

  function loopbackClient(): OwnClient {
    const identified = (metadata: OAuthClientMetadataInput): Identification => ({
      clientId: metadata.client_id as string,
      metadata,
      keyset: undefined,
    })
    return {
      asking: async (scope) =>
        identified(
          buildAtprotoLoopbackClientMetadata({
            scope: scope as 'atproto',
            redirect_uris: [redirectUri as 'http://127.0.0.1/'],
          }),
        ),
      known: async (clientId) => identified(atprotoLoopbackClientMetadata(clientId)),
      documents: async () => undefined,
    }
  }
}

/** What may be known of a key (RFC 7518 §6.2.1). */
function publicPart({ kty, crv, x, y, kid, alg }: Record<string, unknown>): Record<string, unknown> {
  return { kty, crv, x, y, kid, alg, use: 'sig' }
}
