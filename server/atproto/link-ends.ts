/**
 * Ends the links to PDSs that nobody needs any more: the last app was taken back, the account is disabled or gone.
 *
 * One look finds them all, whichever process took something back; the signs that it is time to look only make it sooner.
 * A PDS that does not answer holds up nobody but the next look.
 */
import type { UnneededLink } from '../../adapters/postgres/pds-links.ts'

export interface LinkEndsOptions {
  unneeded: () => Promise<readonly UnneededLink[]>
  end: (did: string, cause: string) => Promise<void>
  onError: (error: unknown) => void
}

export interface LinkEnds {
  /** Looks, and ends what it finds; while somebody looks already, once more after that. Never throws. */
  look(): Promise<void>
}

export function linkEnds({ unneeded, end, onError }: LinkEndsOptions): LinkEnds {
  let looking: Promise<void> | undefined
  let again = false

  async function once(): Promise<void> {
    try {
      const ended = await Promise.allSettled((await unneeded()).map(({ did, cause }) => end(did, cause)))
      for (const result of ended) if (result.status === 'rejected') onError(result.reason)
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
