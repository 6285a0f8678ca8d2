import { afterAll, beforeAll, expect, inject } from 'vitest'
import { accounts } from '../../adapters/postgres/accounts.ts'
import { clients } from '../../adapters/postgres/clients.ts'
import { grants } from '../../adapters/postgres/grants.ts'
import {
  authorize,
  authorizeUrl,
  endpoint,
  isActive,
  pkce,
  redeem,
  refresh,
  signedIn,
  type TokenAnswer,
  tokensOf,
} from '../support/authorize.ts'
import { postgresTest } from '../support/database.ts'
import { type Nodes, startNodes } from '../support/nodes.ts'
import type { TestClient } from '../support/server.ts'
import { toy } from '../support/toy-provider.ts'

let nodes: Nodes
let client: TestClient
beforeAll(async () => {
  if (inject('postgres') === undefined) return
  nodes = await startNodes({ providers: [toy()] })
  client = await nodes.first.client('web')
})
afterAll(() => nodes?.[Symbol.asyncDispose]())

const now = () => new Date()
const rounds = Array.from({ length: 6 }, (_, number) => number)

/** Nothing that any of the answers gave is alive on either node, nor can it be made to live. */
async function expectNothingAlive(answers: readonly TokenAnswer[], before: readonly string[] = []): Promise<void> {
  const given = answers.filter(({ status }) => status === 200).map(tokensOf)
  for (const value of [...before, ...given.flatMap((tokens) => Object.values(tokens))]) {
    for (const node of [nodes.first, nodes.second]) expect(await isActive(node, client, value)).toBe(false)
  }
  for (const { access, refresh: refreshToken } of given) {
    const userinfo = await fetch(`${nodes.second.origin}/userinfo`, { headers: { authorization: `Bearer ${access}` } })
    expect(userinfo.status).toBe(401)
    expect((await refresh(nodes.second, client, refreshToken)).body.error).toBe('invalid_grant')
  }
  for (const { status, body } of answers) expect([200, 400], JSON.stringify(body)).toContain(status)
}

/** Eight refreshes of one token on both nodes with `ending` in their midst. */
async function race(refreshToken: string, ending: () => Promise<unknown>): Promise<TokenAnswer[]> {
  const tries = Array.from({ length: 8 }, (_, number) => number)
  const answers = await Promise.all(
    tries.map(async (number) => {
      if (number === 4) await ending()
      return refresh(number % 2 === 0 ? nodes.first : nodes.second, client, refreshToken)
    }),
  )
  return answers
}

postgresTest('a token that is revoked while it is refreshed leaves nothing alive (RFC 7009 §2.1)', async () => {
  for (const _ of rounds) {
    const tokens = await signedIn(nodes.first, client)
    const answers = await race(tokens.refresh, () =>
      endpoint(nodes.second, client, '/revoke', { token: tokens.refresh }),
    )
    await expectNothingAlive(answers, [tokens.access])
  }
})

postgresTest('a grant that is ended by an administrator while it is refreshed leaves nothing alive', async () => {
  const db = nodes.database.store.db
  for (const round of rounds) {
    const name = `grant-${round}`
    const tokens = await signedIn(nodes.first, client, { name })
    const account = await accounts(db, now).byIdentity('toy', name)
    const answers = await race(tokens.refresh, () => grants(db, now).revoke({ accountId: String(account?.id) }))
    await expectNothingAlive(answers, [tokens.access])
  }
})

postgresTest('an account that is disabled while it refreshes holds nothing afterwards', async () => {
  const store = accounts(nodes.database.store.db, now)
  for (const round of rounds) {
    const name = `disabled-${round}`
    const tokens = await signedIn(nodes.first, client, { name })
    const account = await store.byIdentity('toy', name)
    const answers = await race(tokens.refresh, () => store.disable(String(account?.id)))
    await expectNothingAlive(answers, [tokens.access])
  }
})

postgresTest('an account that is removed while it refreshes leaves nothing', async () => {
  const db = nodes.database.store.db
  const store = accounts(db, now)
  for (const round of rounds) {
    const name = `removed-${round}`
    const tokens = await signedIn(nodes.first, client, { name })
    const account = await store.byIdentity('toy', name)
    const answers = await race(tokens.refresh, () => store.remove(String(account?.id)))
    await expectNothingAlive(answers, [tokens.access])
  }
})

postgresTest('a client that is removed while it refreshes leaves no token that has a grant', async () => {
  const db = nodes.database.store.db
  for (const _ of rounds) {
    const going = await nodes.first.client('web')
    const tokens = await signedIn(nodes.first, going)
    await Promise.all([
      ...Array.from({ length: 4 }, () => refresh(nodes.first, going, tokens.refresh)),
      clients(db, now).remove(going.id),
      ...Array.from({ length: 4 }, () => refresh(nodes.second, going, tokens.refresh)),
    ])
    const left = await db
      .selectFrom('artifacts')
      .innerJoin('grants', 'grants.id', 'artifacts.grant_id')
      .select('model')
      .where('artifacts.client_id', '=', going.id)
      .execute()
    expect(left).toEqual([])
  }
})

postgresTest('signing out while the app refreshes ends what belonged to the browser session', async () => {
  for (const round of rounds) {
    const person = nodes.first.visitor()
    const proof = pkce()
    const extra = { scope: 'openid' }
    const callback = await authorize(person, client, proof, { name: `leaving-${round}`, extra })
    const answer = await redeem(nodes.first, client, callback.searchParams.get('code') ?? '', proof)
    const tokens = tokensOf(answer)
    const asked = await person.get(`/logout?id_token_hint=${answer.body.id_token}`)
    const answers = await race(tokens.refresh, () => person.submit(asked, '/logout/confirm', { logout: 'yes' }))
    await expectNothingAlive(answers, [tokens.access])
    const silent = await person.get(authorizeUrl(client, pkce(), { prompt: 'none' }))
    expect(silent.url.searchParams.get('error')).toBe('login_required')
  }
})

postgresTest('a code that is redeemed while its grant is ended gives nothing that lives', async () => {
  const db = nodes.database.store.db
  for (const round of rounds) {
    const name = `code-${round}`
    const proof = pkce()
    const extra = { scope: 'openid offline_access' }
    const callback = await authorize(nodes.first.visitor(), client, proof, { name, extra })
    const account = await accounts(db, now).byIdentity('toy', name)
    const [answer] = await Promise.all([
      redeem(nodes.second, client, callback.searchParams.get('code') ?? '', proof),
      grants(db, now).revoke({ accountId: String(account?.id) }),
    ])
    await expectNothingAlive([answer])
  }
})
