import { afterAll, beforeAll, expect, test } from 'vitest'
import { sealer } from '../../../adapters/crypto/seal.ts'
import { telegramQr } from '../../../adapters/identity/telegram-qr.ts'
import { telegramSignIns } from '../../../adapters/postgres/telegram-sign-ins.ts'
import { clock } from '../../support/clock.ts'
import { openTestDatabase, type TestDatabase } from '../../support/database.ts'
import { describeIdentityProvider, type IdentityFixture, type OpenStep } from '../../support/identity-suite.ts'

interface Somebody {
  readonly id: string
  readonly firstName: string
  readonly username?: string
}

const people = [
  { id: '5000000001', firstName: 'Dana', username: 'dana' },
  { id: '5000000002', firstName: 'Arman' },
] as const
const keys = sealer(['a secret of more than thirty-two characters'])
const admit = async () => ({ allowed: true }) as const

let database: TestDatabase
beforeAll(async () => {
  database = await openTestDatabase()
})
afterAll(() => database.close())

describeIdentityProvider<Somebody>({
  name: 'telegram-qr',
  async open() {
    const time = clock()
    const signIns = telegramSignIns(database.store.db, keys, time.now)
    const link = (token: string) => `https://t.me/habitat_bot?start=s${token}`
    const provider = telegramQr({ signIns, link, admit, now: time.now })

    /** What the person does in the chat, when the page shows a code that works. */
    async function inChat(step: OpenStep, person: Somebody, decision: 'confirmed' | 'denied'): Promise<void> {
      const code = step.kind === 'show' && step.page.name === 'telegram-qr' ? step.page.code : undefined
      const token = new URL(code?.link ?? 'https://t.me/').searchParams.get('start')?.slice(1) ?? ''
      const claimed = await signIns.claim(token, person.id)
      if (claimed !== undefined) await signIns.decide(claimed.id, person, decision)
    }

    const fixture: IdentityFixture<Somebody> = {
      provider,
      people,
      later: time.advance,
      async respond(step, person) {
        await inChat(step, person, 'confirmed')
        return new URLSearchParams({ action: 'continue' })
      },
      async cancel(step, person) {
        await inChat(step, person, 'denied')
        return new URLSearchParams({ action: 'continue' })
      },
    }
    return fixture
  },
  optOut: { upstream: 'what was confirmed needs Telegram no more; that no code is shown without it is tested below' },
})

test('while nobody knows what the bot is called, there is no code to scan', async () => {
  const { now } = clock()
  const provider = telegramQr({
    signIns: telegramSignIns(database.store.db, keys, now),
    link: () => undefined,
    admit,
    now,
  })
  const callback = new URL('https://auth.example/interaction/callback/telegram-qr')
  const begun = provider.start({ purpose: 'sign-in', callback, address: '192.0.2.1' })
  await expect(begun).rejects.toMatchObject({ name: 'UpstreamError' })
})
