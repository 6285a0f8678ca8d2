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
import type { Keys } from './stores.ts'

/** Our client, ready to speak to a PDS. */
export interface Identification {
  readonly clientId: string
  readonly metadata: OAuthClientMetadataInput
  readonly keyset: Keyset | undefined
}

export interface OwnClient {
  readonly redirectUri: string
  /** The client that asks for these scopes. */
  asking(scope: string): Promise<Identification>
  /** The client that a link was given to. */
  known(clientId: string): Promise<Identification>
  documents(): Promise<ClientDocuments | undefined>
}

const callbackPath = '/interaction/callback/atproto'
const metadataPath = '/atproto/client-metadata.json'
const jwksPath = '/atproto/jwks.json'

export function ownClient(options: {
  issuer: string
  productName: string
  declaredScopes: () => Promise<readonly string[]>
  keys: Keys
}): OwnClient {
  const { issuer, productName, declaredScopes, keys } = options
  return issuer.startsWith('https:') ? confidentialClient() : loopbackClient()

  function confidentialClient(): OwnClient {
    const clientId = `${issuer}${metadataPath}`
    const redirectUri = `${issuer}${callbackPath}`
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
        jwks_uri: `${issuer}${jwksPath}`,
        dpop_bound_access_tokens: true,
      }) as OAuthClientMetadataInput
    const identified = async (scope: string) => {
      const imported = (await keys.loadOrCreate()).map((key) => JoseKey.fromJWK(key))
      return { clientId, metadata: metadata(scope), keyset: new Keyset(await Promise.all(imported)) }
    }
    return {
      redirectUri,
      asking: identified,
      known: () => identified('atproto'),
      async documents() {
        const scope = [...new Set(['atproto', ...(await declaredScopes())])].join(' ')
        const jwks = { keys: (await keys.loadOrCreate()).map(publicPart) }
        return { metadata: { ...metadata(scope) }, jwks }
      },
    }
  }

  function loopbackClient(): OwnClient {
    const url = new URL(callbackPath, issuer)
    // A PDS takes no other name of this machine (RFC 8252 §8.3).
    if (url.hostname === 'localhost') url.hostname = '127.0.0.1'
    const redirectUri = url.href
    const identified = (metadata: OAuthClientMetadataInput): Identification => ({
      clientId: metadata.client_id as string,
      metadata,
      keyset: undefined,
    })
    return {
      redirectUri,
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
