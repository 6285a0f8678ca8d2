/** A living link with everything a request needs, kept ready between requests: the row alone says whether it still holds. */
import type { TokenSet } from '@atproto/oauth-client-node'
import { type DpopKey, dpopKey, tokenHash } from './dpop.ts'
import { memoryCache } from './memory-cache.ts'
import { fromSecret, type SavedSession } from './saved-session.ts'
import type { Sessions } from './stores.ts'

export interface OpenSession {
  readonly did: string
  /** Changes with every refresh. */
  readonly version: string
  readonly saved: SavedSession
  readonly tokens: TokenSet
  readonly key: DpopKey
  readonly tokenHash: string
}

export interface OpenSessions {
  /** Reads the row and opens it; undefined when the link has ended or never was. */
  read(did: string): Promise<OpenSession | undefined>
  /** Opens what is not, or not yet, in the row. */
  open(did: string, version: string, saved: SavedSession): OpenSession
}

/** Keys that stay imported. */
const kept = 2_000
/** Milliseconds. */
const keptFor = 60 * 60_000

export function openSessions(sessions: Sessions, now: () => Date): OpenSessions {
  const ready = memoryCache<OpenSession>({ size: kept, lifetime: keptFor, now })

  function open(did: string, version: string, saved: SavedSession): OpenSession {
    const { tokenSet, dpopJwk } = saved.session
    return {
      did,
      version,
      saved,
      tokens: tokenSet,
      key: dpopKey(dpopJwk),
      tokenHash: tokenHash(tokenSet.access_token),
    }
  }

  return {
    open,
    async read(did) {
      const row = await sessions.read(did)
      if (row === undefined) return undefined
      const known = ready.get(did)
      if (known?.version === row.version) return known
      const secret = readable(row)
      if (secret === undefined) return undefined
      const opened = open(did, row.version, fromSecret(secret))
      ready.set(did, opened)
      return opened
    },
  }
}

/** Undefined where the key that sealed it is gone: the link is over, and the person can bring it back. */
function readable(row: { readonly secret: string }): string | undefined {
  try {
    return row.secret
  } catch (error) {
    if (error instanceof Error && error.name === 'SealBroken') return undefined
    throw error
  }
}

/** Whether the access token is over within `seconds`. A token that tells no end is taken until it is refused. */
export function expiresWithin({ tokens }: OpenSession, seconds: number, now: Date): boolean {
  return tokens.expires_at !== undefined && new Date(tokens.expires_at).getTime() - seconds * 1000 < now.getTime()
}
