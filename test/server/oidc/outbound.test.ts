import { expect, test } from 'vitest'
import { outboundFetch } from '../../../server/oidc/outbound.ts'

const address = 'https://app.example/jwks'

/** A host that gives these answers one after the other, then the last again; and a clock. */
function world(...answers: (string | Error)[]) {
  const it = { asked: 0, seconds: 0 }
  const fetch = outboundFetch(
    async () => {
      const answer = answers[Math.min(it.asked, answers.length - 1)] ?? ''
      it.asked += 1
      if (answer instanceof Error) throw answer
      return new Response(answer)
    },
    () => new Date(it.seconds * 1000),
  )
  const ask = (method = 'GET', url = address) => fetch(url, { method } as never).then((answer) => answer.text())
  return { it, ask }
}

test.each([
  ['that is no JSON', '<html>'],
  ['whose host does not answer', new Error('nobody')],
])('an address %s is asked again after ten seconds, whoever wants to know meanwhile', async (_what, answer) => {
  const { it, ask } = world(answer, '{"keys":[]}')
  await ask().catch(() => undefined)
  for (let times = 0; times < 40; times += 1) await expect(ask()).rejects.toThrow('a moment ago')
  expect(it.asked).toBe(1)
  it.seconds = 10
  expect(await ask()).toBe('{"keys":[]}')
})

test('an address with an answer may be asked at any time, and what is told to one is not held up', async () => {
  const { it, ask } = world('{"keys":[]}')
  for (let times = 0; times < 3; times += 1) expect(await ask()).toBe('{"keys":[]}')
  const failing = world('<html>')
  for (let times = 0; times < 3; times += 1) expect(await failing.ask('POST')).toBe('<html>')
  expect([it.asked, failing.it.asked]).toEqual([3, 3])
})

test('one address that is left alone says nothing of another', async () => {
  const { it, ask } = world('<html>')
  await ask()
  await ask('GET', 'https://other.example/jwks')
  expect(it.asked).toBe(2)
})
