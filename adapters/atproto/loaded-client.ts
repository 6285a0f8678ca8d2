/**
 * Our client at people's PDSs with the library that it needs, which `client.ts` loads when somebody first comes.
 *
 * Puts the parts together; what each does is in its own file.
 */
import type { Background } from './background.ts'
import { begin } from './begin.ts'
import type { AtprotoClient } from './contract.ts'
import type { Custody } from './custody.ts'
import { finish } from './finish.ts'
import type { Outbound } from './guarded-fetch.ts'
import type { ResolveTxt } from './handle-resolution.ts'
import { library as createLibrary } from './library.ts'
import { links } from './link.ts'
import { openSessions } from './open-session.ts'
import { ownClient } from './own-client.ts'
import { pdsRequests } from './pds-requests.ts'
import { type EndLink, renewal } from './renewal.ts'
import { type Revoke, revocation } from './revocation.ts'
import { fromSecret } from './saved-session.ts'
import type { Keepsakes, Keys, Lock, Sessions, States } from './stores.ts'

export interface AtprotoClientOptions {
  readonly issuer: string
  /** What a PDS calls us on its page. */
  readonly productName: string
  /** Origin of the PLC directory; undefined: the public one. */
  readonly plcUrl: string | undefined
  /** Origin of a service that resolves handles; undefined: by DNS and HTTPS. */
  readonly handleResolver: string | undefined
  /** Looks for a handle's TXT records; the system's resolver when absent. */
  readonly resolveTxt?: ResolveTxt
  /** Every scope that we may ever ask for; a PDS wants them declared. */
  readonly declaredScopes: () => Promise<readonly string[]>
  readonly states: States
  readonly keepsakes: Keepsakes
  readonly sessions: Sessions
  readonly keys: Keys
  readonly lock: Lock
  readonly fetch: Outbound
  /** Whether PDSs without TLS are spoken to: on a developer's machine only. */
  readonly allowHttp: boolean
  readonly now: () => Date
  /** Told once of each link that has ended, whoever ended it. */
  readonly onEnded: (did: string, cause: string) => void | Promise<void>
  /** Told of what an operator may want to know; the error may hold nothing secret. */
  readonly report?: (message: string, error: unknown) => void
}

export interface LoadedClient extends Pick<AtprotoClient, 'documents' | 'begin' | 'finish' | 'link' | 'end'> {
  readonly revoke: Revoke
}

/** What goes on without the library. */
export interface Surroundings {
  readonly report: (message: string, error: unknown) => void
  readonly background: Background
  readonly custody: Custody
}

/** Milliseconds that ending a link waits for the PDS. */
const farewell = 3_000

export function loadedClient(
  options: AtprotoClientOptions,
  { report, background, custody }: Surroundings,
): LoadedClient {
  const { states, sessions, lock, now, allowHttp, onEnded } = options
  const own = ownClient(options)
  const library = createLibrary({ ...options, fetch: options.fetch.document })
  const revoke = revocation(own, library)
  const opened = openSessions(sessions, now)
  const endLink: EndLink = async ({ did, version }, cause) => {
    const ended = (await sessions.end(did, cause, version)) !== undefined
    if (ended) background.start(async () => onEnded(did, cause))
    return ended
  }
  const requests = pdsRequests(options.fetch.traffic, library.nonces)
  const renew = renewal({ own, library, sessions, opened, lock, revoke, endLink, background, report })
  return {
    documents: own.documents,
    begin: begin({ own, library, states, allowHttp, report }),
    finish: finish({ own, library, states, custody, revoke, background, report }),
    link: links({ opened, requests, renew, endLink, now }),
    async end(did, cause) {
      const secret = await sessions.end(did, cause)
      if (secret === undefined) return
      const revoked = new Promise<void>((resolve) => {
        setTimeout(resolve, farewell).unref()
        background.start(() => revoke(fromSecret(secret)).finally(resolve))
      })
      background.start(async () => onEnded(did, cause))
      await revoked
    },
    revoke,
  }
}
