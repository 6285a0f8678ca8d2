/** The password provider keeps every promise of the identity contract, with and without a second factor. */
import '../../../adapters/identity/password.ts'
import { openTestDatabase } from '../../support/database.ts'
import { describeIdentityProvider, type IdentityFixture, type OpenStep } from '../../support/identity-suite.ts'
import { type Person, passwordFixture } from '../../support/password-fixture.ts'

async function open(secondFactor: boolean): Promise<IdentityFixture<Person>> {
  const database = await openTestDatabase()
  const { provider, person, time, codeOf } = passwordFixture(database)
  const respond = (step: OpenStep, { email, password, totpSecret = '' }: Person): URLSearchParams => {
    if (step.kind === 'show' && step.page.name === 'password-sign-in') return new URLSearchParams({ email, password })
    if (step.kind === 'show' && step.page.name === 'second-factor') {
      return new URLSearchParams({ code: codeOf(totpSecret) })
    }
    throw new Error(`an unexpected step: ${JSON.stringify(step)}`)
  }
  const people = [
    await person('alice@example.com', 'correct horse battery', secondFactor),
    await person('bob@example.com', 'staple of another kind', secondFactor),
  ] as const
  return { provider, respond, people, later: time.advance, close: database.close }
}

const noCancel = 'its pages have no way to turn back: the interaction around them has it'
const noUpstream = 'it asks nobody outside: there is no party that could fail'

describeIdentityProvider({
  name: 'password',
  open: () => open(false),
  optOut: {
    cancel: noCancel,
    upstream: noUpstream,
    binding: 'a password is typed by whoever holds it: it proves the same person in any attempt',
    replay: 'a password may be used again by its nature: the second factor is what is accepted once',
  },
})

describeIdentityProvider({
  name: 'password with a second factor',
  open: () => open(true),
  optOut: { cancel: noCancel, upstream: noUpstream },
})
