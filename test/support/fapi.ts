/** A client of FAPI 2.0 as `oauth4webapi` makes one: a key to prove who it is, and one that its tokens are bound to. */
import * as oauth from 'oauth4webapi'
import { type ClientKey, clientKey } from './client-keys.ts'
import { type OutsideClient, outsideClient } from './outside-client.ts'
import type { TestServer } from './server.ts'

export interface FapiClient extends OutsideClient {
  readonly key: ClientKey
  /** What goes with each request: the proof that the client has the key of its tokens. */
  readonly possession: { DPoP: oauth.DPoPHandle }
}

/** Registers it; `extra` adds to its metadata. */
export async function fapiClient(
  server: TestServer,
  metadata: oauth.AuthorizationServer,
  extra: Record<string, unknown> = {},
): Promise<FapiClient> {
  const key = await clientKey()
  const client = await server.client('fapi2', { jwks: key.jwks, ...extra })
  const authentication = oauth.PrivateKeyJwt({ key: key.privateKey, kid: key.kid })
  const possession = { DPoP: oauth.DPoP({}, await oauth.generateKeyPair('ES256')) }
  return Object.assign(outsideClient(metadata, client, authentication), { key, possession })
}
