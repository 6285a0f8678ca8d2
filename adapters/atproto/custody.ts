/**
 * Tokens that a sign-in brought, between the callback and the decision: they become the link of their DID, or go back to
 * the PDS. Whoever takes one does one of the two; what nobody takes in ten minutes goes back as well.
 */
import type { Background } from './background.ts'
import type { Revoke } from './revocation.ts'
import { fromSecret, type SavedSession, toStored } from './saved-session.ts'
import type { Keepsakes, Sessions } from './stores.ts'

export interface Custody {
  /** Stores a session as the link of its DID; the one that it replaces goes back. */
  link(session: SavedSession): Promise<void>
  /** Holds a session until somebody decides; answers an id. */
  hold(session: SavedSession): Promise<string>
  /** Makes what is held the link of `did`; false when it is not held any more or is another DID's, and went back. */
  keep(id: string, did: string): Promise<boolean>
  /** Gives back what is held. */
  discard(id: string): Promise<void>
  /** Gives back everything that was held too long. */
  discardExpired(): Promise<void>
}

export function custody(options: {
  keepsakes: Keepsakes
  sessions: Sessions
  revoke: Revoke
  background: Background
}): Custody {
  const { keepsakes, sessions, revoke, background } = options
  const giveBack = (session: SavedSession) => background.start(() => revoke(session))

  /** What cannot be stored goes back: nobody else knows of it. */
  async function orGiveBack<T>(session: SavedSession, work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      giveBack(session)
      throw error
    }
  }

  async function link(session: SavedSession): Promise<void> {
    const { sub } = session.session.tokenSet
    const replaced = await orGiveBack(session, () => sessions.replace(sub, toStored(session)))
    if (replaced !== undefined) giveBack(fromSecret(replaced))
  }

  return {
    link,
    hold: (session) => orGiveBack(session, () => keepsakes.hold(toStored(session).secret)),
    async keep(id, did) {
      const secret = await keepsakes.take(id)
      if (secret === undefined) return false
      const session = fromSecret(secret)
      if (session.session.tokenSet.sub !== did) {
        giveBack(session)
        return false
      }
      await link(session)
      return true
    },
    async discard(id) {
      const secret = await keepsakes.take(id)
      if (secret !== undefined) giveBack(fromSecret(secret))
    },
    async discardExpired() {
      for (;;) {
        const secret = await keepsakes.takeExpired()
        if (secret === undefined) return
        giveBack(fromSecret(secret))
      }
    },
  }
}
