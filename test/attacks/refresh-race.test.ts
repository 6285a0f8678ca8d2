import { expect } from 'vitest'
import { isActive, refresh, signedIn, tokensOf } from '../support/authorize.ts'
import { postgresTest } from '../support/database.ts'
import { startNodes } from '../support/nodes.ts'
import { toy } from '../support/toy-provider.ts'

const tries = Array.from({ length: 20 }, (_, number) => number)

postgresTest('20 refreshes of one token at once on two nodes give one successor, and the family lives', async () => {
  await using nodes = await startNodes({ providers: [toy()] })
  const { first, second } = nodes
  const client = await first.client('web')
  let { refresh: current } = await signedIn(first, client)
  for (let round = 0; round < 5; round += 1) {
    const presented = current
    const answers = await Promise.all(tries.map((number) => refresh(number % 2 ? first : second, client, presented)))
    const successors = new Set(answers.map((answer) => tokensOf(answer).refresh))
    expect(successors.size).toBe(1)
    for (const answer of answers) expect(await isActive(second, client, tokensOf(answer).access)).toBe(true)
    current = [...successors].join()
  }
  expect((await refresh(second, client, current)).status).toBe(200)
})

postgresTest('two tabs that refresh at once and go on with what they got both stay signed in', async () => {
  await using nodes = await startNodes({ providers: [toy()] })
  const client = await nodes.first.client('spa')
  let { refresh: current } = await signedIn(nodes.first, client)
  for (let round = 0; round < 5; round += 1) {
    const presented = current
    const tabs = await Promise.all([nodes.first, nodes.second].map((node) => refresh(node, client, presented)))
    const [one, other] = tabs.map(tokensOf)
    expect(one?.refresh).toBe(other?.refresh)
    current = String(one?.refresh)
  }
})

postgresTest('an old token that races its successor’s use never leaves two families alive', async () => {
  await using nodes = await startNodes({ providers: [toy()] })
  const { first, second } = nodes
  const client = await first.client('web')
  for (let round = 0; round < 10; round += 1) {
    const start = await signedIn(first, client)
    const next = tokensOf(await refresh(first, client, start.refresh))
    const [old, used] = await Promise.all([
      refresh(first, client, start.refresh),
      refresh(second, client, next.refresh),
    ])
    if (old.status === 200) expect(tokensOf(old).refresh).toBe(next.refresh)
    // Either the old one came first and got the same successor, or it came late and ended the family.
    const living = used.status === 200 && (await isActive(first, client, tokensOf(used).refresh))
    expect(living).toBe(old.status === 200)
    if (!living) expect(await isActive(second, client, next.access)).toBe(false)
  }
})
