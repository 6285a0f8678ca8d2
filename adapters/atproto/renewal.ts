/**
 * Refreshes a link, once for any number of callers and nodes.
 *
 * A refresh token counts once, and using it twice ends the link at the PDS: so it is used under a lock over all nodes,
 * after a look at the row. Only the PDS's plain word ends a link; whatever else goes wrong, it stays as it is.
 */
import { JoseKey, OAuthResponseError, type TokenSet } from '@atproto/oauth-client-node'
import type { Background } from './background.ts'
import { LinkEnded, PdsUnreachable } from './contract.ts'
import { causesOf } from './guarded-fetch.ts'
import type { Library } from './library.ts'
import type { OpenSession, OpenSessions } from './open-session.ts'
import type { OwnClient } from './own-client.ts'
import { isTimeout } from './problems.ts'
import type { Revoke } from './revocation.ts'
import { type SavedSession, toStored } from './saved-session.ts'
import type { Lock, Sessions } from './stores.ts'
import { turnstile } from './turnstile.ts'

/** Brings a session that can be used in place of `used`. Throws `LinkEnded`, `PdsUnreachable`, or what the database throws. */
export type Renew = (used: OpenSession) => Promise<OpenSession>

/** Ends a link of this version at our side; true for the one caller who did. */
export type EndLink = (session: OpenSession, cause: string) => Promise<boolean>

/** Milliseconds that a request waits for a refresh, which goes on without it. */
const patience = 25_000
/** Refreshes at one authorization server at once: each holds a lock, of which a node can hold few. */
const atOnce = 4

export function renewal(options: {
  own: OwnClient
  library: Library
  sessions: Sessions
  opened: OpenSessions
  lock: Lock
  revoke: Revoke
  endLink: EndLink
  background: Background
  report: (message: string, error: unknown) => void
}): Renew {
  const { own, library, sessions, opened, lock, revoke, endLink, background, report } = options
  const running = new Map<string, Promise<OpenSession>>()
  const inTurn = turnstile(atOnce)
  /** What a PDS gave for a version and the database did not take: the only copy of a living link. */
  const unstored = new Map<string, SavedSession>()

  return (used) => {
    const { version, did } = used
    let run = running.get(version)
    if (run === undefined) {
      run = inTurn(used.tokens.iss, () => underLock(used)).finally(() => running.delete(version))
      running.set(version, run)
    }
    return withPatience(run, did)
  }

  async function underLock(used: OpenSession): Promise<OpenSession> {
    try {
      return await lock(`atproto-session:${used.did}`, (lost) => renewed(used, lost))
    } catch (error) {
      if (error instanceof Error && error.name === 'LockTimeout') {
        throw new PdsUnreachable('a refresh takes too long', { timeout: true, cause: error })
      }
      throw error
    }
  }

  async function renewed(used: OpenSession, lost: AbortSignal): Promise<OpenSession> {
    const current = await opened.read(used.did)
    if (current === undefined) throw new LinkEnded('the link has ended')
    if (current.version !== used.version) {
      unstored.delete(used.version)
      return current
    }
    const saved = unstored.get(current.version) ?? (await asked(current, lost))
    return stored(current, saved)
  }

  /** Asks the PDS. */
  async function asked(current: OpenSession, lost: AbortSignal): Promise<SavedSession> {
    const { clientId, session } = current.saved
    try {
      const { serverFactory } = library.client(await own.known(clientId))
      const key = await JoseKey.fromJWK(session.dpopJwk)
      const server = await serverFactory.fromIssuer(session.tokenSet.iss, session.authMethod, key)
      lost.throwIfAborted()
      const tokenSet = await server.refresh(session.tokenSet)
      return {
        clientId,
        session: { ...session, authMethod: server.authMethod, tokenSet: kept(tokenSet, session.tokenSet) },
      }
    } catch (error) {
      const cause = endOf(error)
      if (cause === undefined) {
        report('a link could not be refreshed', error)
        throw new PdsUnreachable('the PDS did not refresh', { timeout: isTimeout(error), cause: error })
      }
      await endLink(current, cause)
      throw new LinkEnded(`the PDS ended the link: ${cause}`, { cause: error })
    }
  }

  async function stored(current: OpenSession, saved: SavedSession): Promise<OpenSession> {
    const { did, version } = current
    let next: string | undefined
    try {
      next = await sessions.refresh(did, version, toStored(saved))
    } catch (error) {
      // Usable all the same; whoever reads the old row comes here next, and finds it.
      unstored.set(version, saved)
      report('a refreshed link could not be stored yet', error)
      return opened.open(did, version, saved)
    }
    unstored.delete(version)
    if (next !== undefined) return opened.open(did, next, saved)
    // Ended or replaced while the PDS was asked: these tokens belong to nobody.
    background.start(() => revoke(saved))
    const other = await opened.read(did)
    if (other === undefined) throw new LinkEnded('the link has ended')
    return other
  }
}

/** A server may keep the refresh token as it is (RFC 6749 §6). */
function kept(fresh: TokenSet, before: TokenSet): TokenSet {
  return fresh.refresh_token === undefined && before.refresh_token !== undefined
    ? { ...fresh, refresh_token: before.refresh_token }
    : fresh
}

/** Why the link is over, in one word; undefined when it may live. */
function endOf(error: unknown): string | undefined {
  const causes = causesOf(error)
  const answer = causes.find((cause) => cause instanceof OAuthResponseError)
  if (answer?.error === 'invalid_grant' && answer.status < 500) return 'revoked'
  // The library's word for a DID whose PDS trusts another authorization server by now.
  if (causes.some((cause) => cause instanceof TypeError && cause.message === 'Issuer mismatch')) return 'moved'
  if (causes.some((cause) => cause.constructor.name === 'TokenRefreshError')) return 'expired'
  return undefined
}

async function withPatience<T>(run: Promise<T>, did: string): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(
    () => reject(new PdsUnreachable(`the refresh for ${did} takes too long`, { timeout: true })),
    patience,
  )
  try {
    return await Promise.race([run, promise])
  } finally {
    clearTimeout(timer)
  }
}
