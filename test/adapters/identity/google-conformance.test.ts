/** Google's provider keeps every promise of the identity contract, with our real client and a whole issuer in Google's place. */
import { google } from '../../../adapters/identity/google.ts'
import { describeIdentityProvider } from '../../support/identity-suite.ts'
import { atIssuer } from '../../support/issuer-fixture.ts'

describeIdentityProvider({
  name: 'google',
  open: () => atIssuer({}, (needs) => google({ ...needs, hostedDomains: [] })),
})
