/** Log In with Telegram keeps every promise of the identity contract, with our real client and an issuer of its kind. */
import { describe, expect, test } from 'vitest'
import { type TelegramOidcNeeds, telegramOidc } from '../../../adapters/identity/telegram-oidc.ts'
import { oidcClient } from '../../../adapters/oidc/client.ts'
import { publicInternet } from '../../../server/composition/other-issuers.ts'
import { readConfig } from '../../../server/config.ts'
import { asTelegramIssuer, type TelegramIssuerPerson, telegramIssuer } from '../../support/fakes/telegram-issuer.ts'
import { describeIdentityProvider, type IdentityFixture } from '../../support/identity-suite.ts'

const callback = new URL('https://auth.example/interaction/callback/test')
const input = { purpose: 'sign-in', callback, address: '192.0.2.1' } as const

/** With the connection that the settings of a server make. */
async function atTelegram(sharePhone?: TelegramOidcNeeds['sharePhone']) {
  const issuer = await telegramIssuer()
  issuer.allow(callback.href)
  const { telegram } = readConfig({
    SECRETS: '0'.repeat(64),
    TELEGRAM_BOT_TOKEN: '1234567890:a-token-of-a-test-bot-000000000',
    ...asTelegramIssuer(issuer),
  })
  if (telegram?.oidc === undefined) throw new Error('not configured')
  let ahead = 0
  const now = () => new Date(Date.now() + ahead * 1000)
  const provider = telegramOidc({
    client: oidcClient({ connection: telegram.oidc, outside: publicInternet(), now }),
    now,
    ...(sharePhone && { sharePhone }),
  })
  const answers = new Map<string, URL>()
  const answered = (to: URL, person: TelegramIssuerPerson) => {
    const key = `${person.id} ${to.href}`
    const answer = answers.get(key) ?? issuer.choose(to, person)
    answers.set(key, answer)
    return answer
  }
  const fixture: IdentityFixture<TelegramIssuerPerson> = {
    provider,
    people: issuer.people,
    respond(step, person) {
      if (step.kind !== 'redirect') throw new Error('Telegram is asked, not the person')
      return answered(step.to, person).searchParams
    },
    cancel: (step) => (step.kind === 'redirect' ? issuer.choose(step.to, 'cancel').searchParams : undefined),
    later: (seconds) => {
      ahead += seconds
    },
    breakUpstream() {
      issuer.setMood('refuse')
      return { secret: issuer.clientSecret }
    },
    close: async () => issuer[Symbol.asyncDispose](),
  }
  return { issuer, provider, fixture }
}

describeIdentityProvider({ name: 'telegram-oidc', open: async () => (await atTelegram()).fixture })

async function signIn(claims: Record<string, unknown> = {}, index: 0 | 1 = 0) {
  const { issuer, provider } = await atTelegram()
  await using _ = issuer
  issuer.bend((right) => ({ ...right, ...claims }))
  const step = await provider.start(input)
  if (step.kind !== 'redirect') throw new Error('not sent on')
  const { searchParams: params } = issuer.choose(step.to, issuer.people[index])
  return { outcome: await provider.answer({ ...input, state: step.state, params }), refusals: issuer.refusals }
}

describe('Log In with Telegram', () => {
  test('the identity is the user id, as the bot knows it, and neither `sub` nor an address', async () => {
    const { outcome, refusals } = await signIn()
    expect(outcome).toEqual({
      kind: 'proven',
      amr: ['fed'],
      identity: { provider: 'telegram', subject: '700000001', name: 'Aigerim Bekova', label: '@aigerim' },
    })
    expect(refusals).toEqual([])
    expect((await signIn({}, 1)).outcome).toMatchObject({ identity: { subject: '700000002', label: 'Bolat' } })
  })

  test('an address in a statement is nobody’s: Telegram states none', async () => {
    const { outcome } = await signIn({ email: 'alice@example.com', email_verified: true })
    expect(outcome).not.toHaveProperty('identity.email')
  })

  test.for<[string, unknown]>([
    ['is missing', undefined],
    ['is no number', 'aigerim'],
    ['is an address of another issuer', 'https://accounts.google.com 1'],
    ['is negative, as the ids of groups are', -100123],
    ['is nought', 0],
    ['is a fraction', 1.5],
    ['is beyond what is exact', 2 ** 60],
    ['has zeros in front', '0700000001'],
  ])('a statement whose id %s names nobody', async ([, id]) => {
    expect((await signIn({ id })).outcome).toEqual({ kind: 'refused', reason: 'invalid' })
  })

  test('`state` has 32 characters, of which Telegram takes not many more', async () => {
    const { issuer, provider } = await atTelegram()
    await using _ = issuer
    const step = await provider.start(input)
    expect(step).toMatchObject({ kind: 'redirect' })
    if (step.kind !== 'redirect') return
    expect(step.to.searchParams.get('state')).toMatch(/^[\w-]{32}$/)
    expect(step.to.searchParams.get('scope')).toBe('openid profile')
  })

  test.for<[string, Record<string, unknown>, readonly string[]]>([
    ['is told as digits', {}, ['77001234567 of 700000001']],
    ['is none where the person does not agree', { phone_number: undefined }, []],
    ['is none that is said not to be verified', { phone_number_verified: false }, []],
    ['is none that is not of digits', { phone_number: '+7 700 123 45 67' }, []],
    ['is nobody’s without a user id', { id: undefined }, []],
  ])('a phone number, where it is asked for, %s', async ([, claims, expected]) => {
    const told: string[] = []
    const { issuer, provider } = await atTelegram(async (phone, { id }) => void told.push(`${phone} of ${id}`))
    await using _ = issuer
    issuer.bend((right) => ({ ...right, ...claims }))
    const step = await provider.start(input)
    if (step.kind !== 'redirect') throw new Error('not sent on')
    expect(step.to.searchParams.get('scope')).toBe('openid profile phone')
    const person = { ...issuer.people[0], phone_number: '77001234567' }
    const { searchParams: params } = issuer.choose(step.to, person)
    expect((await provider.answer({ ...input, state: step.state, params })).kind).toBe(
      claims['id'] === undefined && 'id' in claims ? 'refused' : 'proven',
    )
    expect(told).toEqual(expected)
  })
})
