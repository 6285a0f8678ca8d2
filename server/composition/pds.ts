/**
 * People's PDSs (atproto's word for the host of an account): our client there, what apps may reach through it, and when
 * a link ends.
 *
 * Tells the other parts `signedOut` and `accessEnded` as things to call; what follows from them is decided here.
 */
import { atprotoClient, type RunningAtprotoClient } from '../../adapters/atproto/client.ts'
import type { Outbound, Patience, Resolve } from '../../adapters/atproto/guarded-fetch.ts'
import { reached } from '../../adapters/postgres/oidc-models.ts'
import { type PdsAccess, pdsAccess } from '../atproto/access.ts'
import { declaredScopes } from '../atproto/declared-scopes.ts'
import { linkEnds } from '../atproto/link-ends.ts'
import { background } from '../background.ts'
import { cached } from '../cached.ts'
import { describe } from '../describe-error.ts'
import { type PdsResource, pdsResource } from '../oidc/pds-resource.ts'
import type { Foundation } from './foundation.ts'
import type { Stores } from './stores.ts'

/** Where PDSs and what they need are found. */
export interface Outside {
  /** Origin of the PLC directory; undefined: the public one. */
  readonly plcUrl: string | undefined
  /** Origin of a service that resolves handles; undefined: by DNS and HTTPS. */
  readonly handleResolver: string | undefined
  /** Lets our client reach plain http and private addresses; otherwise only where the issuer is on this machine. */
  readonly open: boolean
  /** Finds the addresses of hosts; undefined: as the system does. */
  readonly resolve?: Resolve
  /** Milliseconds for what is waited for there, where they are not the usual ones. */
  readonly patience?: Partial<Patience>
}

export interface Pds {
  readonly client: RunningAtprotoClient
  readonly resource: PdsResource
  readonly access: PdsAccess
  /** To be told of people who signed out. */
  signedOut(accountId: string): void
  /** To be told when apps lost access: their links may be needed no more. */
  accessEnded(): void
  /** Gives back to PDSs what nobody needs any more: links, and what unfinished sign-ins brought. */
  tidy(): Promise<void>
  /** Answers once what nobody waited for is done. */
  settled(): Promise<void>
}

export function pds(foundation: Foundation, stores: Stores, outside: Outside, outbound: Outbound): Pds {
  const { config, now, log } = foundation
  const { scope: ceiling } = config.atproto
  const inBackground = background((error) => log.error({ error: describe(error) }, 'work in the background failed'))
  const declared = cached(async () => declaredScopes(ceiling, await reached(stores.clients.resourceScopes)), {
    lifetime: 1_000,
    size: 1,
    now,
  })
  const resource = pdsResource({
    issuer: config.issuer,
    ceiling,
    // On a developer's machine our client declares the scopes of each request.
    declared: config.issuer.startsWith('https:') ? () => declared('') : undefined,
  })
  const client = clientAtPds(foundation, stores, outside, outbound, () => declared(''))
  const access = pdsAccess({
    resource,
    identitiesOf: (accountId) => reached(() => stores.accounts.identitiesOf(accountId)),
    linkState: (did) => reached(() => client.linkState(did)),
    grantsAt: stores.grants.atResource,
  })
  const ends = linkEnds({
    unneeded: (most) => stores.pdsLinks.unneeded(config.issuer, most),
    end: client.end,
    onError: (error) => log.warn({ error: describe(error) }, 'ending the link to a PDS failed'),
  })
  return {
    client,
    resource,
    access,
    signedOut(accountId) {
      if (config.atproto.signOut !== 'end') return
      inBackground.run(async () => {
        const did = (await access.account(accountId))?.did
        if (did !== undefined) await client.end(did, 'sign-out')
      })
    },
    accessEnded: () => inBackground.run(ends.look),
    async tidy() {
      await ends.look()
      await client.discardExpired()
    },
    settled: () => inBackground.settled().then(client.settled),
  }
}

function clientAtPds(
  { config, store, now, log }: Foundation,
  { atprotoKeepsakes, atprotoKeys, atprotoSessions, atprotoStates, audit, pdsLinks }: Stores,
  outside: Outside,
  outbound: Outbound,
  declaredScopes: () => Promise<readonly string[]>,
): RunningAtprotoClient {
  return atprotoClient({
    issuer: config.issuer,
    productName: config.productName,
    plcUrl: outside.plcUrl,
    handleResolver: outside.handleResolver,
    declaredScopes,
    states: atprotoStates,
    keepsakes: atprotoKeepsakes,
    sessions: atprotoSessions,
    keys: atprotoKeys,
    lock: store.withLock,
    fetch: outbound,
    allowHttp: outside.open,
    now,
    async onEnded(did, cause) {
      log.info({ cause }, 'a link to a PDS has ended')
      await audit.record({
        event: 'pds.link-ended',
        accountId: await pdsLinks.ownerOf(did),
        detail: { did, cause },
      })
    },
    report: (message, error) => log.info({ error: describe(error) }, message),
  })
}
