/**
 * The ways in which oktron asks for access: a code that the person enters (RFC 8628), a question that the server puts to
 * them in its own chat (OpenID CIBA, poll mode), or their browser (authorization code, PKCE).
 */
import * as client from 'openid-client'
import {
  type Access,
  type Allowed,
  accessOf,
  allowedBy,
  decision,
  type Outcome,
  type Registration,
  refresh,
  revoke,
} from './access.ts'
import type { Connection, Known, Tokens } from './vault.ts'

export interface AuthorizationOptions {
  issuer: string
  /** A client of the profile `device`. */
  device: Registration
  /** A client of the profile `web`, and where its pages are. */
  web?: (Registration & { redirectUri: string }) | undefined
  /** The API that the tokens are for (RFC 8707). */
  resource: string
}

export type Codes = client.DeviceAuthorizationResponse

/** A request that is under way; `outcome` throws the reason of the signal. */
export interface Asked {
  outcome(stopped: AbortSignal): Promise<Outcome>
}

/** What must be the same when a browser comes back (RFC 7636, RFC 9700 §4.7). */
export interface Trip {
  readonly verifier: string
  readonly state: string
}

export type Authorization = Awaited<ReturnType<typeof authorization>>

export type Web = NonNullable<Authorization['web']>

const scope = 'openid profile okto:read okto:write'

/** Asks the server for its endpoints. Throws when it does not answer. */
export async function authorization({ device: registered, web: pages, ...at }: AuthorizationOptions) {
  const device = await accessOf('device', at, registered)
  const web = pages === undefined ? undefined : await accessOf('web', at, pages)
  const { resource } = at

  function accessBy({ by }: Known): Access {
    const found = by === 'device' ? device : web
    if (found === undefined) throw new Error('this person connected by a client that is not set up any more')
    return found
  }

  return {
    /** Asks for a code to show. */
    async byCode(): Promise<Asked & { codes: Codes }> {
      const codes = await client.initiateDeviceAuthorization(device.server, { scope, resource })
      return {
        codes,
        outcome: (stopped) =>
          decision(device, codes.expires_in, stopped, (signal) =>
            client.pollDeviceAuthorizationGrant(device.server, codes, { resource }, { signal }),
          ),
      }
    },

    /**
     * Has the server ask somebody who was connected before; `words` stand in its question. Undefined: it will not, for
     * reasons that it keeps to itself, or this client may not ask.
     */
    async byApproval(known: Known, words: string): Promise<(Asked & { seconds: number }) | undefined> {
      if (known.by === 'web' && web === undefined) return undefined
      const access = accessBy(known)
      const { server } = access
      if (server.serverMetadata().backchannel_authentication_endpoint === undefined) return undefined
      const question = { scope, resource, login_hint: known.subject, binding_message: words }
      const asked = await client.initiateBackchannelAuthentication(server, question).catch(refused)
      if (asked === undefined) return undefined
      return {
        seconds: asked.expires_in,
        async outcome(stopped) {
          const outcome = await decision(access, asked.expires_in, stopped, (signal) =>
            client.pollBackchannelAuthenticationGrant(server, asked, { resource }, { signal }),
          )
          if (typeof outcome === 'object' && outcome.subject !== known.subject)
            throw new Error('the server answered for somebody else')
          return outcome
        },
      }
    },

    web: web === undefined || pages === undefined ? undefined : trips(web, pages.redirectUri),
    refresh: ({ tokens, ...known }: Connection): Promise<Tokens | 'ended'> => refresh(accessBy(known), tokens),
    async revoke({ tokens, ...known }: Connection): Promise<void> {
      await revoke(accessBy(known), tokens)
    },
  }
}

function trips(access: Access, redirectUri: string) {
  const { server, resource } = access
  return {
    /** The address that a browser is sent to. */
    async start(): Promise<{ trip: Trip; address: URL }> {
      const trip = { verifier: client.randomPKCECodeVerifier(), state: client.randomState() }
      const address = client.buildAuthorizationUrl(server, {
        redirect_uri: redirectUri,
        // The bot acts when no browser is signed in.
        scope: `${scope} offline_access`,
        resource,
        state: trip.state,
        code_challenge: await client.calculatePKCECodeChallenge(trip.verifier),
        code_challenge_method: 'S256',
      })
      return { trip, address }
    },

    /** Redeems what the browser brought back. Throws when it is not the answer to this trip. */
    async finish({ verifier, state }: Trip, query: string): Promise<Allowed | 'denied'> {
      const checks = { pkceCodeVerifier: verifier, expectedState: state, idTokenExpected: true }
      try {
        return allowedBy(
          access,
          await client.authorizationCodeGrant(server, new URL(`?${query}`, redirectUri), checks, { resource }),
        )
      } catch (error) {
        if (error instanceof client.AuthorizationResponseError && error.error === 'access_denied') return 'denied'
        throw error
      }
    },
  }
}

/** An answer of the server that is no, or not now (503), whatever its reason: there are other ways. */
function refused(error: unknown): undefined {
  if (!(error instanceof client.ResponseBodyError || error instanceof client.ClientError)) throw error
}
