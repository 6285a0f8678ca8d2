/**
 * The library's own rules for client metadata, without a running server.
 *
 * A provider that is never mounted, with the same configuration of clients as the one that serves; its key signs
 * nothing and it stores nothing. For the commands that register clients.
 */
import { generateKeyPairSync } from 'node:crypto'
import { type Adapter, Provider } from 'oidc-provider'
import { clientConfiguration, clientFeatures } from './client-configuration.ts'
import { tokenExchangeGrant } from './token-exchange.ts'

/** The check that the library makes when a client is used. Throws its `invalid_client_metadata`. */
export function clientRules(): (metadata: Record<string, unknown>) => Promise<void> {
  const provider = new Provider('https://rules.invalid', {
    ...clientConfiguration(),
    features: clientFeatures(),
    cookies: { keys: ['never used to sign a cookie'] },
    // The library warns of its own key and store where none are given. ES256, because making an RSA key takes long.
    jwks: { keys: [generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' }) as never] },
    clientDefaults: { id_token_signed_response_alg: 'ES256' },
    adapter: () => ({}) as Adapter,
  })
  // Known to the library only where it is served.
  provider.registerGrantType(tokenExchangeGrant, () => undefined)
  // The types know the model as a class of clients, not its static check.
  const { Client } = provider as unknown as { Client: { validate(metadata: object): Promise<void> } }
  return (metadata) => Client.validate(metadata)
}
