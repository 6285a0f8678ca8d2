/**
 * The provider of any OpenID Connect issuer keeps every promise of the identity contract, where everything that can be
 * otherwise than at Google is: a key instead of a secret, claims at the userinfo endpoint, another subject, no nonce.
 */
import { generateKeyPairSync } from 'node:crypto'
import { oidc } from '../../../adapters/identity/oidc.ts'
import { describeIdentityProvider } from '../../support/identity-suite.ts'
import { atIssuer } from '../../support/issuer-fixture.ts'

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const named = { alg: 'ES256', kid: 'ours' }
const options = {
  client: {
    token_endpoint_auth_method: 'private_key_jwt' as const,
    jwks: { keys: [{ ...publicKey.export({ format: 'jwk' }), ...named }] },
  },
  claimsAtUserinfo: true,
  people: [
    { sub: 'a', employee: 7, preferred_username: 'alice' },
    { sub: 'b', employee: 8, preferred_username: 'bob' },
  ] as const,
}
const connection = {
  authentication: { method: 'private_key_jwt', key: { ...privateKey.export({ format: 'jwk' }), ...named } },
  userinfo: true,
} as const

describeIdentityProvider({
  name: 'oidc',
  open: () =>
    atIssuer({ ...options, connection }, (needs) =>
      oidc({
        ...needs,
        questions: {
          id: 'acme',
          label: 'Acme',
          scopes: ['openid', 'profile'],
          parameters: {},
          nonce: 'off',
          stateLength: 22,
          subjectClaim: 'employee',
          claims: { name: 'name', email: 'email', emailVerified: 'email_verified', label: 'preferred_username' },
          hostedDomains: [],
        },
        vouches: () => true,
      }),
    ),
})
