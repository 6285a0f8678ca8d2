/** A provider of identities at a whole issuer, for the conformance suite: with our real client. */
import type { IdentityProvider } from '../../adapters/identity/contract.ts'
import { oidcClient } from '../../adapters/oidc/client.ts'
import type { OidcClient, OidcConnection } from '../../adapters/oidc/contract.ts'
import { publicInternet } from '../../server/composition/other-issuers.ts'
import { type FakeIssuerOptions, fakeGoogle, type IssuerPerson } from './fakes/google.ts'
import type { IdentityFixture } from './identity-suite.ts'

/** `providerOf` is given our client there and the clock. */
export async function atIssuer(
  options: FakeIssuerOptions & { connection?: Partial<OidcConnection> },
  providerOf: (needs: { client: OidcClient; now: () => Date }) => IdentityProvider,
): Promise<IdentityFixture<IssuerPerson>> {
  const issuer = await fakeGoogle(options)
  issuer.allow('https://auth.example/interaction/callback/test')
  let ahead = 0
  const now = () => new Date(Date.now() + ahead * 1000)
  const connection: OidcConnection = {
    issuer: issuer.issuer,
    clientId: issuer.clientId,
    authentication: { method: 'client_secret_post', secret: issuer.clientSecret },
    userinfo: false,
    clockTolerance: 5,
    timeout: 10,
    ...options.connection,
  }
  const [first, second] = issuer.people
  // The answer to a step is the same each time it is asked for, as a browser that goes back shows it.
  const answers = new Map<string, Promise<URL>>()
  const answered = (to: URL, person: IssuerPerson) => {
    const key = `${person.sub} ${to.href}`
    const answer = answers.get(key) ?? issuer.choose(to, person)
    answers.set(key, answer)
    return answer
  }
  return {
    provider: providerOf({ client: oidcClient({ connection, outside: publicInternet(), now }), now }),
    people: [first, second],
    async respond(step, person) {
      if (step.kind !== 'redirect') throw new Error('an issuer is asked, not the person')
      return (await answered(step.to, person)).searchParams
    },
    async cancel(step) {
      return step.kind === 'redirect' ? (await issuer.choose(step.to, 'cancel')).searchParams : undefined
    },
    later: (seconds) => {
      ahead += seconds
    },
    breakUpstream() {
      issuer.setMood('refuse')
      return { secret: issuer.clientSecret }
    },
    async close() {
      await issuer[Symbol.asyncDispose]()
    },
  }
}
