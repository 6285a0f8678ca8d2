import { expect, test } from 'vitest'
import { type Claims, type OidcQuestions, oidc } from '../../../adapters/identity/oidc.ts'

const callback = new URL('https://auth.example/interaction/callback/acme')
const questions: OidcQuestions = {
  id: 'acme',
  label: 'Acme',
  scopes: ['openid'],
  parameters: {},
  nonce: 'required',
  stateLength: 43,
  subjectClaim: 'sub',
  claims: { name: 'name', email: 'email', emailVerified: 'email_verified', label: 'email' },
  hostedDomains: [],
  secondFactor: true,
}

/** The methods of a sign-in of which the issuer says this: signed, and beside it. */
async function methods(asked: OidcQuestions, signed: Claims, further: Claims = {}): Promise<unknown> {
  const claims = { iss: 'https://acme.example', sub: 'a', ...signed }
  const provider = oidc({
    questions: asked,
    client: {
      begin: async () => ({ kind: 'redirect', to: new URL('https://acme.example/authorize') }),
      finish: async () => ({ kind: 'proven', claims, further }),
    },
    vouches: () => false,
    now: () => new Date(0),
  })
  const away = await provider.start({ purpose: 'sign-in', callback, address: '192.0.2.1' })
  if (away.kind !== 'redirect') throw new Error(away.kind)
  const { state } = away.state as { state: string }
  const params = new URLSearchParams({ state, code: 'c' })
  const step = await provider.answer({ purpose: 'sign-in', callback, address: '192.0.2.1', state: away.state, params })
  return step.kind === 'proven' ? step.amr : step
}

test('a second factor counts where the signed ID token says mfa, and what is not said did not happen (ASVS 5 §6.8.4)', async () => {
  expect(await methods(questions, { amr: ['pwd', 'otp', 'mfa'] })).toEqual(['fed', 'mfa'])
  for (const signed of [{}, { amr: ['pwd', 'otp'] }, { amr: 'mfa' }, { amr: { mfa: true } }, { acr: 'mfa' }]) {
    expect(await methods(questions, signed)).toEqual(['fed'])
  }
  expect(await methods(questions, {}, { amr: ['mfa'] })).toEqual(['fed'])
})

test('an issuer that is not expected to say so is not listened to', async () => {
  const { secondFactor: _, ...others } = questions
  expect(await methods(others, { amr: ['mfa'] })).toEqual(['fed'])
})
