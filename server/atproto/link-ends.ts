/**
 * Ends the links to PDSs that nobody needs any more: the last app was taken back, the account is disabled or gone.
 *
 * One look finds them all, whichever process took something back; the signs that it is time to look only make it sooner.
 * A PDS that does not answer holds up nobody but the next look.
 */
import type { UnneededLink } from '../../adapters/postgres/pds-links.ts'

export interface LinkEndsOptions {
  /** At most so many. */
  unneeded: (most: number) => Promise<readonly UnneededLink[]>
  end: (did: string, cause: string) => Promise<void>
  onError: (error: unknown) => void
}

export interface LinkEnds {
  /** Looks, and ends what it finds; while somebody looks already, once more after that. Never throws. */
  look(): Promise<void>
}

/** Links that end at once: an app that is removed may leave very many, and each asks a PDS. */
const together = 20
/** Links that one look ends; the next look goes on. */
const mostInLook = 1_000

export function linkEnds({ unneeded, end, onError }: LinkEndsOptions): LinkEnds {
  let looking: Promise<void> | undefined
  let again = false

  async function once(): Promise<void> {
    try {
      for (let seen = 0; seen < mostInLook; seen += together) {
        // Asked anew each time: what somebody allowed meanwhile is needed again.
        const found = await unneeded(together)
        const ended = await Promise.allSettled(found.map(({ did, cause }) => end(did, cause)))
        for (const result of ended) if (result.status === 'rejected') onError(result.reason)
        if (found.length < together || ended.some(({ status }) => status === 'rejected')) return
      }
    } catch (error) {
      onError(error)
    }
  }

  async function untilQuiet(): Promise<void> {
    do {
      again = false
      await once()
    } while (again)
    looking = undefined
  }

  return {
    look() {
      if (looking === undefined) looking = untilQuiet()
      else again = true
      return looking
    },
  }
}
