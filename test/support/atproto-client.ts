/** Our client at a PDS over a database, as `server/composition/pds.ts` builds it, for tests that need no server of ours. */
import { atprotoClient, type RunningAtprotoClient } from '../../adapters/atproto/client.ts'
import { guardedFetch } from '../../adapters/atproto/guarded-fetch.ts'
import type { AtprotoClientOptions } from '../../adapters/atproto/loaded-client.ts'
import { sealer } from '../../adapters/crypto/seal.ts'
import { atprotoKeepsakes } from '../../adapters/postgres/atproto-keepsakes.ts'
import { atprotoKeys } from '../../adapters/postgres/atproto-keys.ts'
import { atprotoSessions } from '../../adapters/postgres/atproto-sessions.ts'
import { atprotoStates } from '../../adapters/postgres/atproto-states.ts'
import type { Store } from '../../adapters/postgres/database.ts'
import type { PdsAccount, TestPds } from './pds.ts'

const testSealer = sealer(['k'.repeat(32)])

export interface TestClient extends RunningAtprotoClient {
  /** Every end that was told, as "did cause". */
  readonly ends: string[]
  /** What an operator was told. */
  readonly reports: string[]
  readonly sessions: ReturnType<typeof atprotoSessions>
  readonly keys: ReturnType<typeof atprotoKeys>
}

/** A client on `store`, of a developer's machine unless `issuer` says otherwise. */
export function testClient(store: Store, pds: TestPds, options: Partial<AtprotoClientOptions> = {}): TestClient {
  const now = options.now ?? (() => new Date())
  const sessions = atprotoSessions(store.db, testSealer, now)
  const keys = atprotoKeys(store.db, testSealer, now)
  const ends: string[] = []
  const reports: string[] = []
  const client = atprotoClient({
    issuer: 'http://localhost:4999',
    productName: 'Habitat',
    plcUrl: pds.plcUrl,
    handleResolver: pds.url,
    declaredScopes: async () => ['atproto', 'transition:generic'],
    states: atprotoStates(store.db, testSealer, now),
    keepsakes: atprotoKeepsakes(store.db, testSealer, now),
    sessions,
    keys,
    lock: store.withLock,
    fetch: guardedFetch({ open: true }),
    allowHttp: true,
    now,
    onEnded: (did, cause) => void ends.push(`${did} ${cause}`),
    report: (message, error) => void reports.push(`${message}: ${String(error)}`),
    ...options,
  })
  return { ...client, ends, reports, sessions, keys }
}

/** Takes a person through their PDS as far as the callback; answers its parameters. */
export async function throughPds(
  client: TestClient,
  pds: TestPds,
  account: PdsAccount,
  options: { scopes?: readonly string[]; decision?: 'allow' | 'deny'; identifier?: string } = {},
): Promise<URLSearchParams> {
  const begun = await client.begin({ identifier: options.identifier ?? account.handle, scopes: options.scopes ?? [] })
  if (begun.kind !== 'redirect') throw new Error(`could not begin: ${begun.problem} (${client.reports.join('; ')})`)
  const callback = await pds.login(begun.to, account, options.decision)
  if (callback.searchParams.get('state') !== begun.state) throw new Error('the state is not what begin said')
  return callback.searchParams
}

/** Links an account to its PDS with `transition:generic`. */
export async function linked(client: TestClient, pds: TestPds, account: PdsAccount): Promise<void> {
  const params = await throughPds(client, pds, account, { scopes: ['transition:generic'] })
  const finished = await client.finish(params, { link: account.did })
  if (finished.kind !== 'proven') throw new Error(`not proven: ${finished.reason} (${client.reports.join('; ')})`)
}

/** Makes the access token of a link count as expired. */
export async function expire({ sessions }: TestClient, did: string): Promise<void> {
  const stored = await sessions.read(did)
  if (stored === undefined) throw new Error('there is no link')
  const secret = JSON.parse(stored.secret) as { session: { tokenSet: { expires_at: string } } }
  secret.session.tokenSet.expires_at = new Date(0).toISOString()
  await sessions.refresh(did, stored.version, { ...stored, secret: JSON.stringify(secret) })
}
