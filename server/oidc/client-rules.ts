/**
 * The library's own rules for client metadata, without a running server.
 *
 * A provider that is never mounted, with the same configuration of clients as the one that serves; its keys are none and
 * it stores nothing. For the commands that register clients.
 */
import { type Adapter, Provider } from 'oidc-provider'
import type { Fetch } from '../../adapters/atproto/guarded-fetch.ts'
import { additionalGrants } from './additional-grants.ts'
import { clientConfiguration, clientFeatures } from './client-configuration.ts'
import type { MutualTls } from './mutual-tls.ts'
import { outboundFetch } from './outbound.ts'

const none = 'AA'
const keysInForm = [
  { kid: '1', alg: 'RS256', kty: 'RSA', e: none, n: none, d: none, p: none, q: none, dp: none, dq: none, qi: none },
  { kid: '2', alg: 'ES256', kty: 'EC', crv: 'P-256', x: none, y: none, d: none },
  { kid: '3', alg: 'EdDSA', kty: 'OKP', crv: 'Ed25519', x: none, d: none },
]

/**
 * The check that the library makes when a client is used. Throws its `invalid_client_metadata`. `fetchDocument` gets what
 * the metadata names elsewhere (`sector_identifier_uri`); `certificates` says what those of clients are good for.
 */
export function clientRules(
  fetchDocument: Fetch,
  certificates: MutualTls = 'none',
): (metadata: Record<string, unknown>) => Promise<void> {
  const provider = new Provider('https://rules.invalid', {
    ...clientConfiguration(certificates),
    features: clientFeatures(certificates),
    fetch: outboundFetch(fetchDocument, () => new Date()),
    cookies: { keys: ['never used to sign a cookie'] },
    // The library takes the algorithms that clients may name from the keys, looks at their form alone until it signs, and
    // warns where it is given none, as it does of its own store.
    jwks: { keys: keysInForm.map((key) => ({ ...key, use: 'sig' })) as never },
    adapter: () => ({}) as Adapter,
  })
  // Known to the library only where it is served.
  for (const grant of Object.values(additionalGrants)) provider.registerGrantType(grant, () => undefined)
  // The types know the model as a class of clients, not its static check.
  const { Client } = provider as unknown as { Client: { validate(metadata: object): Promise<void> } }
  return (metadata) => Client.validate(metadata)
}
