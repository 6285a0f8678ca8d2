/** An app built on `openid-client`: begins sign-ins, and takes the answers apart as that library does. */
import * as oauth from 'openid-client'
import type { TestClient, TestServer } from './server.ts'
import type { Visit, Visitor } from './visitor.ts'

export type Tokens = Awaited<ReturnType<typeof oauth.authorizationCodeGrant>>

export interface RelyingParty {
  readonly client: TestClient
  readonly config: oauth.Configuration
  /** Makes a request; `params` add to it, undefined takes away. */
  begin(params?: Record<string, string | undefined>): Promise<Attempt>
}

export interface Attempt {
  /** Where the browser is sent, on this server. */
  readonly path: string
  readonly nonce: string
  /** Redeems the answer, with every check of the library. Throws what it throws. */
  finish(back: Visit, checks?: oauth.AuthorizationCodeGrantChecks): Promise<Tokens>
}

/** The app of this client; `metadata` is what it knows of its own registration. */
export async function relyingParty(
  server: TestServer,
  client: TestClient,
  metadata: Partial<oauth.ClientMetadata> = {},
): Promise<RelyingParty> {
  const method = client.secret === '' ? oauth.None() : oauth.ClientSecretBasic(client.secret)
  const config = await oauth.discovery(new URL(server.origin), client.id, metadata, method, {
    execute: [oauth.allowInsecureRequests],
  })
  return {
    client,
    config,
    async begin(params = {}) {
      const verifier = oauth.randomPKCECodeVerifier()
      const [state, nonce] = [oauth.randomState(), oauth.randomNonce()]
      const request = {
        redirect_uri: client.redirectUri,
        scope: 'openid',
        code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
        state,
        nonce,
        ...params,
      }
      const given = Object.entries(request).filter((entry): entry is [string, string] => entry[1] !== undefined)
      const address = oauth.buildAuthorizationUrl(config, new URLSearchParams(given))
      return {
        path: address.pathname + address.search,
        nonce,
        finish(back, checks = {}) {
          if (!back.left) throw new Error(`the browser did not come back: ${back.status} ${back.url}\n${back.text}`)
          const expected = { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce }
          return oauth.authorizationCodeGrant(config, back.url, { ...expected, idTokenExpected: true, ...checks })
        },
      }
    },
  }
}

/** Allows what a page asks for, where it asks. */
export async function allowing(visitor: Visitor, page: Visit): Promise<Visit> {
  return !page.left && page.text.includes('value="allow"')
    ? visitor.submit(page, '/consent', { decision: 'allow' })
    : page
}
