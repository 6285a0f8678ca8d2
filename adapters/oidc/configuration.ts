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
import { clientAuthentication } from './client-authentication.ts'
import type { OidcConnection, OidcEndpoints, PublicInternet } from './contract.ts'
import { Unusable } from './problems.ts'
import { type Reach, reach } from './reach.ts'

/** Throws `Unusable`, and what the library throws. */
export async function configuration(connection: OidcConnection, outside: PublicInternet): Promise<Configuration> {
  const { issuer, clientId, timeout, endpoints } = connection
  const metadata = { [clockTolerance]: connection.clockTolerance }
  const authentication = await clientAuthentication(connection.authentication)
  const reached = reach(connection, outside)
  const open = new URL(issuer).protocol === 'http:'
  const execute = [enableNonRepudiationChecks, ...(open ? [allowInsecureRequests] : [])]
  const config =
    endpoints === undefined
      ? await discovery(new URL(issuer), clientId, metadata, authentication, {
          [customFetch]: reached.fetch,
          timeout,
          execute,
        })
      : byHand(connection, endpoints, metadata, authentication)
  if (endpoints !== undefined) {
    config[customFetch] = reached.fetch
    config.timeout = timeout
    for (const extension of execute) extension(config)
  }
  checkEndpoints(config, reached)
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

/**
 * Before anybody is sent there: all that a sign-in needs is announced, none of it leads where the issuer may not send us,
 * and the browser does not go there without TLS.
 */
function checkEndpoints(config: Configuration, { objectionTo }: Reach): void {
  const found = config.serverMetadata()
  for (const name of ['authorization_endpoint', 'token_endpoint', 'jwks_uri', 'userinfo_endpoint'] as const) {
    if (name === 'userinfo_endpoint' && found[name] === undefined) continue
    const url = URL.parse(found[name] ?? '')
    if (url === null) throw new Unusable(`its discovery document names no ${name}`)
    const objection = objectionTo(url)
    if (objection !== undefined) throw new Unusable(`its ${name} is not asked (${objection})`)
  }
  const { protocol, hostname } = new URL(found.authorization_endpoint ?? '')
  const near = protocol === 'http:' && ['localhost', '127.0.0.1', '[::1]'].includes(hostname)
  if (protocol !== 'https:' && !near) throw new Unusable('its authorization_endpoint is not https')
}
