/** Gives tokens back to the PDS that issued them (RFC 7009), as far as it answers. */
import { JoseKey } from '@atproto/oauth-client-node'
import type { Library } from './library.ts'
import type { OwnClient } from './own-client.ts'
import type { SavedSession } from './saved-session.ts'

export type Revoke = (saved: SavedSession) => Promise<void>

/** Throws what reaching the authorization server throws; its refusal is nothing to us. */
export function revocation(own: OwnClient, library: Library): Revoke {
  return async ({ clientId, session }) => {
    const { serverFactory } = library.client(await own.known(clientId))
    const { iss, refresh_token, access_token } = session.tokenSet
    const key = await JoseKey.fromJWK(session.dpopJwk)
    const server = await serverFactory.fromIssuer(iss, session.authMethod, key)
    await server.revoke(refresh_token ?? access_token)
  }
}
