/** The provider of codes by Telegram keeps every promise of the identity contract. */
import '../../../adapters/identity/telegram-otp.ts'
import { expect, test } from 'vitest'
import { openTestDatabase } from '../../support/database.ts'
import { describeIdentityProvider, type IdentityFixture } from '../../support/identity-suite.ts'
import { phoneFixture } from '../../support/phone-codes.ts'

interface Person {
  readonly id: string
  readonly phone: string
}

const people = [
  { id: '1001', phone: '+77001234567' },
  { id: '1002', phone: '+77001234568' },
] as const

async function open(): Promise<IdentityFixture<Person>> {
  const database = await openTestDatabase()
  const { provider, service, share, toldTo, settled, time } = phoneFixture(database)
  for (const { id, phone } of people) await share(phone, id)
  return {
    provider,
    people,
    async respond(step, { id, phone }) {
      if (step.kind === 'show' && step.page.name === 'phone') return new URLSearchParams({ phone })
      // Of several codes of a person the one of this attempt: they press the link that stands on the page.
      const request = step.kind === 'show' && step.page.name === 'phone-code' ? step.page.chat?.split('start=p')[1] : ''
      await settled()
      await service.repeatOf(request ?? '', id)
      return new URLSearchParams({ code: (await toldTo(id)) ?? '' })
    },
    later: time.advance,
    close: database.close,
  }
}

describeIdentityProvider({
  name: 'telegram-otp',
  open,
  optOut: {
    cancel: 'its pages have no way to turn back: the interaction around them has it',
    upstream: 'it asks nobody outside while it answers: codes are sent in their own time',
  },
})

test('who they are is told as by every other way of Telegram: without control characters, and not endlessly', async () => {
  const database = await openTestDatabase()
  const { provider, share, toldTo } = phoneFixture(database)
  await share('+77001234569', '1003', { firstName: `Da\u0007na ${'a'.repeat(300)}` })
  const about = {
    purpose: 'sign-in',
    callback: new URL('https://auth.example/callback'),
    address: '192.0.2.1',
  } as const
  const first = await provider.start(about)
  if (first.kind !== 'show') throw new Error('no page')
  const phone = new URLSearchParams({ phone: '+77001234569' })
  const second = await provider.answer({ ...about, state: first.state, params: phone })
  if (second.kind !== 'show') throw new Error('no page for the code')
  const code = new URLSearchParams({ code: (await toldTo('1003')) ?? '' })
  const name = `Dana ${'a'.repeat(195)}`
  expect(await provider.answer({ ...about, state: second.state, params: code })).toMatchObject({
    kind: 'proven',
    identity: { provider: 'telegram', subject: '1003', name, label: name },
  })
  await database.close()
})
