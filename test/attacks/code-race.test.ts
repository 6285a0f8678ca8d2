import { sql } from 'kysely'
import { expect } from 'vitest'
import { authorize, isActive, pkce, redeem, tokensOf } from '../support/authorize.ts'
import { postgresTest } from '../support/database.ts'
import { startNodes } from '../support/nodes.ts'
import { toy } from '../support/toy-provider.ts'

postgresTest(
  'of 50 who redeem one code at once on two nodes one gets tokens, and nothing survives (RFC 9700 §4.5)',
  async () => {
    await using nodes = await startNodes({ providers: [toy()] })
    const { first, second } = nodes
    const client = await first.client('web')
    for (let round = 0; round < 3; round += 1) {
      const proof = pkce()
      const callback = await authorize(first.visitor(), client, proof, { extra: { scope: 'openid offline_access' } })
      const code = callback.searchParams.get('code') ?? ''
      const answers = await Promise.all(
        Array.from({ length: 50 }, (_, number) => redeem(number % 2 === 0 ? first : second, client, code, proof)),
      )
      const won = answers.filter(({ status }) => status === 200)
      const lost = answers.filter(({ status }) => status !== 200)
      expect(won).toHaveLength(1)
      expect(lost.every(({ status, body }) => status === 400 && body.error === 'invalid_grant')).toBe(true)
      for (const answer of won) {
        const { access, refresh } = tokensOf(answer)
        for (const node of [first, second]) {
          expect(await isActive(node, client, access)).toBe(false)
          expect(await isActive(node, client, refresh)).toBe(false)
        }
      }
      expect((await liveTokens.execute(nodes.database.store.db)).rows).toEqual([])
    }
    expect(first.logged.concat(second.logged).join('\n')).toContain('its grant is revoked')
  },
)

/** Tokens in the database whose grant was not revoked. */
const liveTokens = sql<{ model: string }>`
  select model from artifacts left join grants on grants.id = artifacts.grant_id
  where model in ('AccessToken', 'RefreshToken') and grants.revoked_at is null`
