/** What the library has to know of an issuer: its endpoints, found or given by hand, and how we authenticate there. */
import {
  allowInsecureRequests,
  type ClientMetadata,
  Configuration,
  clockTolerance,
  customFetch,
  discovery,
  enableNonRepudiationChecks,
} from 'openid-client'
import { boundedFetch } from './bounded-fetch.ts'
import { clientAuthentication } from './client-authentication.ts'
import type { OidcConnection, OidcEndpoints } from './contract.ts'
import { Unusable } from './problems.ts'

/** Throws `Unusable`, and what the library throws. */
export async function configuration(connection: OidcConnection): Promise<Configuration> {
  const { issuer, clientId, timeout, endpoints } = connection
  const metadata = { [clockTolerance]: connection.clockTolerance }
  const authentication = await clientAuthentication(connection.authentication)
  const open = new URL(issuer).protocol === 'http:'
  const execute = [enableNonRepudiationChecks, ...(open ? [allowInsecureRequests] : [])]
  const config =
    endpoints === undefined
      ? await discovery(new URL(issuer), clientId, metadata, authentication, {
          [customFetch]: boundedFetch,
          timeout,
          execute,
        })
      : byHand(connection, endpoints, metadata, authentication)
  if (endpoints !== undefined) {
    config[customFetch] = boundedFetch
    config.timeout = timeout
    for (const extension of execute) extension(config)
  }
  checkEndpoints(config)
  return config
}

function byHand(
  { issuer, clientId, idTokenAlgs }: OidcConnection,
  { authorization, token, jwks, userinfo }: OidcEndpoints,
  metadata: Partial<ClientMetadata>,
  authentication: Awaited<ReturnType<typeof clientAuthentication>>,
): Configuration {
  const server = {
    issuer,
    authorization_endpoint: authorization,
    token_endpoint: token,
    jwks_uri: jwks,
    ...(userinfo === undefined ? {} : { userinfo_endpoint: userinfo }),
    ...(idTokenAlgs === undefined ? {} : { id_token_signing_alg_values_supported: [...idTokenAlgs] }),
  }
  return new Configuration(server, clientId, metadata, authentication)
}

/** Before anybody is sent there: all that a sign-in needs is announced, and the browser does not go there without TLS. */
function checkEndpoints(config: Configuration): void {
  const found = config.serverMetadata()
  for (const name of ['authorization_endpoint', 'token_endpoint', 'jwks_uri'] as const) {
    if (URL.parse(found[name] ?? '') === null) throw new Unusable(`its discovery document names no ${name}`)
  }
  const { protocol, hostname } = new URL(found.authorization_endpoint ?? '')
  const near = protocol === 'http:' && ['localhost', '127.0.0.1', '[::1]'].includes(hostname)
  if (protocol !== 'https:' && !near) throw new Unusable('its authorization_endpoint is not https')
}
