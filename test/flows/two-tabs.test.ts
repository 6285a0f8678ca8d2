import { expect } from 'vitest'
import { authorize, authorizeUrl, isActive, pkce, redeem, tokensOf } from '../support/authorize.ts'
import { openPostgresDatabase, postgresTest } from '../support/database.ts'
import { startTestServer } from '../support/server.ts'
import { toy } from '../support/toy-provider.ts'

postgresTest('two tabs of one app that sign in at once in a browser both hold tokens that work', async () => {
  await using database = await openPostgresDatabase()
  await using server = await startTestServer({ providers: [toy()], database })
  const [client, other] = [await server.client('web'), await server.client('web')]
  await authorize(server.visitor(), client, pkce(), { name: 'tabs' })
  const person = server.visitor()
  await authorize(person, other, pkce(), { name: 'tabs' })
  const proofs = [pkce(), pkce()]
  const visits = await Promise.all(proofs.map((proof) => person.request(authorizeUrl(client, proof))))
  const live: boolean[] = []
  for (const [at, visit] of visits.entries()) {
    const answer = await redeem(server, client, visit.url.searchParams.get('code') ?? '', proofs[at] ?? pkce())
    live.push(answer.status === 200 && (await isActive(server, client, tokensOf(answer).access)))
  }
  expect(live).toEqual([true, true])
})
