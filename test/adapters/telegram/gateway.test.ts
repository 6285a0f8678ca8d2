/** The Gateway of Telegram is asked as it is documented, and whatever it answers stops nothing and repeats nothing. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { gateway } from '../../../adapters/telegram/gateway.ts'
import { gatewayToken, startGateway } from '../../support/fakes/telegram-gateway.ts'

let there: Awaited<ReturnType<typeof startGateway>>
let reported: string[]
beforeEach(async () => {
  there = await startGateway()
  reported = []
})
afterEach(() => there[Symbol.asyncDispose]())

const at = (root: string, token = gatewayToken) => gateway({ token, root, report: (why) => void reported.push(why) })

test('a code of ours goes to the number, and is withdrawn in time', async () => {
  expect(await at(there.root).send('+77001234567', '123456', 300)).toBe(true)
  expect(there.sent).toEqual([{ phone_number: '+77001234567', code: '123456', ttl: 300 }])
  expect([there.complaints, reported]).toEqual([[], []])
})

test('what it refuses is reported by its own word', async () => {
  expect(await at(there.root, 'another').send('+77001234567', '123456', 300)).toBe(false)
  expect(reported).toEqual(['ACCESS_TOKEN_INVALID'])
})

test.each([
  ['an error with the number in it', { status: 400, body: '{"ok":false,"error":"no way to +77001234567"}' }, 'refused'],
  ['a page', { status: 502, body: '<h1>Bad gateway</h1>' }, 'no answer'],
  ['nothing that is an object', { status: 200, body: 'null' }, 'no answer'],
  ['the way elsewhere', { status: 307, body: '', headers: { location: 'https://elsewhere.example' } }, 'no answer'],
])('%s is not taken for a yes, and the log has neither number nor code', async (_what, answer, why) => {
  there.answerWith(answer)
  expect(await at(there.root).send('+77001234567', '123456', 300)).toBe(false)
  expect(reported).toEqual([why])
})

test('one that does not answer is not waited for longer than people wait', { timeout: 15_000 }, async () => {
  there.answerWith('silence')
  expect(await at(there.root).send('+77001234567', '123456', 300)).toBe(false)
  expect(reported).toEqual(['no answer in time'])
})
