/**
 * An app built on `oauth4webapi`, and one person who signs in to it again and again: for tests of how requests, answers and
 * tokens are bound and signed. What is done differently is an argument; what is not said is done right.
 */
import * as oauth from 'oauth4webapi'
import { register, somebody } from './people.ts'
import type { TestClient, TestServer } from './server.ts'
import type { Visit } from './visitor.ts'

export const insecure = { [oauth.allowInsecureRequests]: true } as const

/** What the server says of itself, as the client library has checked it. */
export async function metadataOf(server: TestServer): Promise<oauth.AuthorizationServer> {
  const issuer = new URL(server.origin)
  return oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, insecure))
}

/** Somebody who has just signed in for the first time, and allows whatever is asked; ends where that leads. */
export async function agreeable(server: TestServer): Promise<(address: string) => Promise<Visit>> {
  const person = server.visitor()
  await register(person, '/account', somebody())
  return async (address) => {
    const visit = await person.get(address)
    return !visit.left && visit.text.includes('value="allow"')
      ? person.submit(visit, '/consent', { decision: 'allow' })
      : visit
  }
}

export interface OutsideClient {
  readonly metadata: oauth.AuthorizationServer
  readonly client: TestClient
  readonly own: oauth.Client
  readonly authentication: oauth.ClientAuth
  /** Of the request that was made last. */
  readonly verifier: string
  /** The parameters of a new authorization request. */
  request(extra?: Record<string, string | undefined>): Promise<URLSearchParams>
  /** Pushes them; answers the address to send the browser to. */
  push(params: URLSearchParams, options?: object): Promise<string>
  /** Redeems the code in checked parameters of a callback. */
  redeem(callback: URLSearchParams, options?: object): Promise<oauth.TokenEndpointResponse>
  refresh(refreshToken: string, options?: object): Promise<oauth.TokenEndpointResponse>
}

export function outsideClient(
  metadata: oauth.AuthorizationServer,
  client: TestClient,
  authentication: oauth.ClientAuth = client.secret === '' ? oauth.None() : oauth.ClientSecretBasic(client.secret),
): OutsideClient {
  const own = { client_id: client.id }
  let verifier = ''

  /** RFC 9449 §8: what only lacked a nonce is sent again. */
  async function withNonce<T>(attempt: () => Promise<T>): Promise<T> {
    try {
      return await attempt()
    } catch (error) {
      if (!oauth.isDPoPNonceError(error)) throw error
      return attempt()
    }
  }

  return {
    metadata,
    client,
    own,
    authentication,
    get verifier() {
      return verifier
    },
    async request(extra = {}) {
      verifier = oauth.generateRandomCodeVerifier()
      const params = {
        client_id: client.id,
        redirect_uri: client.redirectUri,
        response_type: 'code',
        scope: 'openid',
        state: 'state',
        code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
        ...extra,
      }
      return new URLSearchParams(
        Object.entries(params).filter((entry): entry is [string, string] => entry[1] !== undefined),
      )
    },
    push: (params, options = {}) =>
      withNonce(async () => {
        const all = { ...insecure, ...options }
        const response = await oauth.pushedAuthorizationRequest(metadata, own, authentication, params, all)
        const { request_uri } = await oauth.processPushedAuthorizationResponse(metadata, own, response)
        return `/authorize?${new URLSearchParams({ client_id: client.id, request_uri })}`
      }),
    redeem: (callback, options = {}) =>
      withNonce(async () => {
        const response = await oauth.authorizationCodeGrantRequest(
          metadata,
          own,
          authentication,
          callback,
          client.redirectUri,
          verifier,
          { ...insecure, ...options },
        )
        return oauth.processAuthorizationCodeResponse(metadata, own, response)
      }),
    refresh: (refreshToken, options = {}) =>
      withNonce(async () => {
        const response = await oauth.refreshTokenGrantRequest(metadata, own, authentication, refreshToken, {
          ...insecure,
          ...options,
        })
        return oauth.processRefreshTokenResponse(metadata, own, response)
      }),
  }
}

/** The error in the answer that came to the app, or what the page says. */
export function errorIn({ url, left, status }: Visit): string {
  const params = new URLSearchParams(url.search || url.hash.slice(1))
  return left ? (params.get('error') ?? 'no error') : `page ${status}`
}
