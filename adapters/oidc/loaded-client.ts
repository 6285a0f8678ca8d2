/**
 * The authorization code flow at one issuer, by `openid-client`: PKCE, state and nonce (RFC 9700 §2.1), `iss` of the
 * response (RFC 9207), the id token with its signature (OpenID Connect Core §3.1.3.7).
 *
 * The signature is checked though the token comes over TLS: a proxy in between that reads TLS cannot then say who somebody is.
 */
import { createHash } from 'node:crypto'
import { authorizationCodeGrant, buildAuthorizationUrl, type Configuration, fetchUserInfo } from 'openid-client'
import { configuration } from './configuration.ts'
import type { Finished, OidcClient, OidcClientOptions, OidcConnection, Trip, Unavailable } from './contract.ts'
import { isKeyUnknown, problemOf } from './problems.ts'
import { remembered } from './remembered.ts'

/** Seconds after which the issuer's discovery document is read again. */
const discoveryLifetime = 6 * 3600

export function loadedClient({ connection, outside, now }: OidcClientOptions): OidcClient {
  const discover = () => configuration(connection, outside)
  const configured = remembered(discover, { lifetime: discoveryLifetime, now })

  return {
    async begin({ callback, parameters, trip }) {
      try {
        return { kind: 'redirect', to: buildAuthorizationUrl(await configured(), request(callback, parameters, trip)) }
      } catch (error) {
        return unavailable(error)
      }
    },
    async finish({ callback, params, trip }) {
      const answered = new URL(callback)
      answered.search = params.toString()
      let config: Configuration
      try {
        config = await configured()
      } catch (error) {
        return unavailable(error)
      }
      try {
        return await redeem(config, connection, answered, trip)
      } catch (error) {
        // The library fetches keys anew after a minute; with what was discovered its keys are forgotten, so that after a
        // rotation the next try succeeds. The code of this one is spent.
        if (isKeyUnknown(error)) configured.forget()
        return problemOf(error)
      }
    },
    async examine() {
      try {
        await discover()
        return { kind: 'ready' }
      } catch (error) {
        return unavailable(error)
      }
    },
  }
}

/** Whatever is wrong before anybody was sent there is no person's fault. */
function unavailable(error: unknown): Unavailable {
  return { kind: 'unavailable', why: problemOf(error).why }
}

function request(callback: URL, parameters: Readonly<Record<string, string>>, trip: Trip): Record<string, string> {
  return {
    ...parameters,
    redirect_uri: callback.href,
    state: trip.state,
    code_challenge: createHash('sha256').update(trip.verifier).digest('base64url'),
    code_challenge_method: 'S256',
    ...(trip.nonce === undefined ? {} : { nonce: trip.nonce }),
  }
}

async function redeem(
  config: Configuration,
  connection: OidcConnection,
  answered: URL,
  { state, verifier, nonce }: Trip,
): Promise<Finished> {
  const checks = {
    expectedState: state,
    pkceCodeVerifier: verifier,
    idTokenExpected: true,
    ...(nonce === undefined ? {} : { expectedNonce: nonce }),
  }
  const repeated = connection.repeatsClientId === true ? { client_id: connection.clientId } : {}
  const tokens = await authorizationCodeGrant(config, answered, checks, repeated)
  const claims = tokens.claims()
  if (claims === undefined) return unproven('no id token came')
  const objection = objectionTo(claims, tokens.id_token ?? '', connection)
  if (objection !== undefined) return unproven(objection)
  if (!connection.userinfo || config.serverMetadata().userinfo_endpoint === undefined) {
    return { kind: 'proven', claims, further: {} }
  }
  return { kind: 'proven', claims, further: await fetchUserInfo(config, tokens.access_token, claims.sub) }
}

function unproven(why: string): Finished {
  return { kind: 'refused', reason: 'invalid', why }
}

/** What the library leaves to its caller. */
function objectionTo(
  { azp }: { readonly azp?: unknown },
  token: string,
  { clientId, idTokenAlgs }: OidcConnection,
): string | undefined {
  // Also where there is one audience: the token was made for somebody else to hand on (OpenID Connect Core §3.1.3.7, 5).
  if (azp !== undefined && azp !== clientId) return 'the claim "azp" of the id token names another client'
  const alg = algOf(token)
  if (idTokenAlgs === undefined || idTokenAlgs.includes(alg)) return undefined
  return `the id token is signed with ${alg.slice(0, 20)}`
}

/** The algorithm in the header of a token whose signature was checked. */
function algOf(token: string): string {
  return String(JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()).alg)
}
