/** What Google is asked and believed, beyond what every issuer is. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { google } from '../../../adapters/identity/google.ts'
import { oidcClient } from '../../../adapters/oidc/client.ts'
import { publicInternet } from '../../../server/composition/other-issuers.ts'
import { type BentIssuer, bentIssuer } from '../../support/fakes/bent-issuer.ts'

const input = {
  purpose: 'sign-in',
  callback: new URL('https://auth.example/interaction/callback/google'),
  address: '192.0.2.1',
} as const

let issuer: BentIssuer
beforeAll(async () => {
  issuer = await bentIssuer()
})
afterAll(() => issuer[Symbol.asyncDispose]())

/** Up to where the person is sent away. */
async function started(hostedDomains: readonly string[], hint?: string) {
  const now = () => new Date()
  const connection = {
    issuer: issuer.issuer,
    clientId: issuer.clientId,
    authentication: { method: 'client_secret_post', secret: issuer.clientSecret },
    userinfo: false,
    clockTolerance: 5,
    timeout: 10,
  } as const
  const provider = google({ client: oidcClient({ connection, outside: publicInternet(), now }), hostedDomains, now })
  const step = await provider.start({ ...input, ...(hint === undefined ? {} : { hint }) })
  if (step.kind !== 'redirect') throw new Error('not sent on')
  return { provider, ...step }
}

/** A sign-in at the end of which Google states this. */
async function stated(further: Record<string, unknown>, hostedDomains: readonly string[] = []) {
  issuer.bend({ claims: (claims) => ({ ...claims, ...further }) })
  const { provider, to, state } = await started(hostedDomains)
  return { to, step: await provider.answer({ ...input, state, params: issuer.callback(to) }) }
}

describe('an address is verified', () => {
  test.for<[string, Record<string, unknown>, boolean]>([
    ['of Gmail', { email: 'alice@gmail.com', email_verified: true }, true],
    ['of Gmail under its other name', { email: 'alice@googlemail.com', email_verified: true }, true],
    ['of an organisation', { email: 'alice@corp.example', email_verified: true, hd: 'corp.example' }, true],
    ['of elsewhere', { email: 'alice@corp.example', email_verified: true }, false],
    ['of elsewhere, that looks like Gmail', { email: 'alice@gmail.com.evil.example', email_verified: true }, false],
    ['of elsewhere, that ends like Gmail', { email: 'alice@notgmail.com', email_verified: true }, false],
    [
      'of an organisation, not verified',
      { email: 'alice@corp.example', email_verified: false, hd: 'corp.example' },
      false,
    ],
    ['with an empty organisation', { email: 'alice@corp.example', email_verified: true, hd: '' }, false],
  ])('%s', async ([, claims, verified]) => {
    const { step } = await stated(claims)
    expect(step).toMatchObject({ kind: 'proven', identity: { email: { verified } } })
  })
})

test('one organisation is named to Google as well; what counts is the claim', async () => {
  const { to, step } = await stated({ email: 'alice@corp.example' }, ['corp.example'])
  expect(to.searchParams.get('hd')).toBe('corp.example')
  expect(step).toEqual({ kind: 'refused', reason: 'other-organisation' })
  expect((await stated({ hd: 'b.example' }, ['corp.example', 'b.example'])).step.kind).toBe('proven')
})

test('a person who is known by an address is named to Google, and nobody else is', async () => {
  const hinted = async (hint: string) => (await started([], hint)).to.searchParams.get('login_hint')
  expect(await hinted('Alice@gmail.com')).toBe('alice@gmail.com')
  for (const hint of ['alice.bsky.social', 'did:plc:abc', '', 'a@b c']) expect(await hinted(hint)).toBeNull()
})
