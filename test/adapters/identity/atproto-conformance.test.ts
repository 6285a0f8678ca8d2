/** The atproto provider keeps every promise of the identity contract, with our real client and a real PDS. */
import '../../../adapters/identity/atproto.ts'
import { afterAll, beforeAll } from 'vitest'
import { readIdentifier } from '../../../adapters/atproto/identifier.ts'
import { atproto } from '../../../adapters/identity/atproto.ts'
import { limits } from '../../../adapters/postgres/limits.ts'
import { testClient } from '../../support/atproto-client.ts'
import { openTestDatabase } from '../../support/database.ts'
import { describeIdentityProvider, type IdentityFixture, type OpenStep } from '../../support/identity-suite.ts'
import { type PdsAccount, startPds, type TestPds } from '../../support/pds.ts'

let pds: TestPds
beforeAll(async () => {
  pds = await startPds()
})
afterAll(() => pds.close())

async function open(): Promise<IdentityFixture<PdsAccount>> {
  const database = await openTestDatabase()
  let ahead = 0
  const now = () => new Date(Date.now() + ahead * 1000)
  const client = testClient(database.store, pds, { now })
  const recognise = (text: string) => readIdentifier(text, true)
  const provider = atproto({ client, recognise, limits: limits(database.store.db, now), now })
  const at = (decision: 'allow' | 'deny') => async (step: OpenStep, person: PdsAccount) => {
    if (step.kind === 'redirect') return (await pds.login(step.to, person, decision)).searchParams
    return new URLSearchParams({ handle: person.handle })
  }
  return {
    provider,
    scopes: ['repo:app.bsky.feed.post'],
    respond: at('allow'),
    people: [await pds.account(), await pds.account()],
    cancel: (step, person) => (step.kind === 'redirect' ? at('deny')(step, person) : undefined),
    later: (seconds) => {
      ahead += seconds
    },
    breakUpstream() {
      pds.setMood('refuse')
      return { secret: new URL(pds.url).port }
    },
    async close() {
      pds.setMood('well')
      await client.settled()
      await database.close()
    },
  }
}

describeIdentityProvider({ name: 'atproto', open })
