/** The secret part of a link: tokens, the DPoP key that they are bound to, and the client that they were given to. */
import type { NodeSavedSession } from '@atproto/oauth-client-node'
import type { StoredLink } from './stores.ts'

export interface SavedSession {
  readonly clientId: string
  readonly session: NodeSavedSession
}

/** The row that a session makes. */
export function toStored(saved: SavedSession): StoredLink {
  const { authMethod, tokenSet } = saved.session
  return {
    secret: JSON.stringify(saved),
    scope: tokenSet.scope,
    clientId: saved.clientId,
    keyId: authMethod.method === 'private_key_jwt' ? authMethod.kid : undefined,
  }
}

/** Reads what `toStored` made. */
export function fromSecret(secret: string): SavedSession {
  return JSON.parse(secret) as SavedSession
}
