/**
 * An app as somebody else would write it: node:http and `openid-client`, nothing of the server's own code.
 *
 * Signs people in by the authorization code flow with PKCE, shows what it was given, refreshes, signs out. Sessions live
 * in memory; a real app would keep them, and the refresh tokens, in a store of its own.
 */
import { readFileSync } from 'node:fs'
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { join } from 'node:path'
import * as client from 'openid-client'
import { cookie, cookieOf, randomId, redirect } from '../web.ts'
import { problemPage, type SignedIn, signedInPage, signedOutPage } from './pages.ts'

export interface AppOptions {
  issuer: string
  clientId: string
  clientSecret: string
  /** Where the app is reached, such as `http://localhost:4000`. */
  origin: string
  /** Shown on the first page, because this is a demonstration. */
  credentials: { email: string; password: string }
}

/** What must be the same when the browser comes back (RFC 7636, RFC 9700 §4.7). */
interface Pending {
  verifier: string
  state: string
  nonce: string
}

type Tokens = client.TokenEndpointResponse & client.TokenEndpointResponseHelpers

interface Session {
  tokens: Tokens
  /** The refresh may leave it out; the one of the sign-in then still counts. */
  idToken: string
  claims: client.IDToken
  refreshes: number
}

/** Not those of the server: cookies know no ports, and both run on localhost. */
const sessionCookie = 'example_app'
const pendingCookie = 'example_app_sign_in'

/** Builds the app; asks the server for its endpoints. Throws when it does not answer. */
export async function exampleApp(options: AppOptions): Promise<RequestListener> {
  const { issuer, clientId, clientSecret, origin } = options
  const server = await client.discovery(
    new URL(issuer),
    clientId,
    clientSecret,
    client.ClientSecretBasic(clientSecret),
    // Plain http, because this is one machine; in the world it is https.
    issuer.startsWith('http:') ? { execute: [client.allowInsecureRequests] } : {},
  )
  const redirectUri = `${origin}/callback`
  const stylesheet = readFileSync(join(import.meta.dirname, 'style.css'))
  const started = new Map<string, Pending>()
  const sessions = new Map<string, Session>()

  async function home(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const session = sessions.get(cookieOf(request, sessionCookie))
    if (session === undefined) return page(response, 200, signedOutPage(issuer, options.credentials))
    const { tokens, claims, idToken, refreshes } = session
    const userinfo = await client.fetchUserInfo(server, tokens.access_token, claims.sub)
    const person: SignedIn = {
      claims,
      userinfo,
      idToken,
      refreshes,
      accessToken: tokens.access_token,
      expiresIn: tokens.expiresIn(),
      refreshToken: tokens.refresh_token,
      scope: tokens.scope,
    }
    page(response, 200, signedInPage(person))
  }

  async function signIn(response: ServerResponse): Promise<void> {
    const pending = {
      verifier: client.randomPKCECodeVerifier(),
      state: client.randomState(),
      nonce: client.randomNonce(),
    }
    const id = randomId()
    started.set(id, pending)
    const target = client.buildAuthorizationUrl(server, {
      redirect_uri: redirectUri,
      scope: 'openid profile email offline_access',
      state: pending.state,
      nonce: pending.nonce,
      code_challenge: await client.calculatePKCECodeChallenge(pending.verifier),
      code_challenge_method: 'S256',
    })
    redirect(response, target.href, cookie(pendingCookie, id))
  }

  async function callback(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const id = cookieOf(request, pendingCookie)
    const pending = started.get(id)
    started.delete(id)
    if (pending === undefined) return page(response, 400, problemPage('Nothing to continue', 'Please sign in again.'))
    const tokens = await client.authorizationCodeGrant(server, new URL(request.url ?? '', origin), {
      pkceCodeVerifier: pending.verifier,
      expectedState: pending.state,
      expectedNonce: pending.nonce,
      idTokenExpected: true,
    })
    const claims = tokens.claims()
    if (claims === undefined || tokens.id_token === undefined) throw new Error('the answer has no ID token')
    const session = randomId()
    sessions.set(session, { tokens, claims, idToken: tokens.id_token, refreshes: 0 })
    redirect(response, '/', cookie(sessionCookie, session))
  }

  async function refresh(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const id = cookieOf(request, sessionCookie)
    const session = sessions.get(id)
    if (session?.tokens.refresh_token !== undefined) {
      const tokens = await client.refreshTokenGrant(server, session.tokens.refresh_token)
      sessions.set(id, {
        tokens,
        claims: tokens.claims() ?? session.claims,
        idToken: tokens.id_token ?? session.idToken,
        refreshes: session.refreshes + 1,
      })
    }
    redirect(response, '/')
  }

  /** Ends the session here, then asks the server to end its own (OpenID Connect RP-Initiated Logout). */
  function signOut(request: IncomingMessage, response: ServerResponse): void {
    const id = cookieOf(request, sessionCookie)
    const session = sessions.get(id)
    sessions.delete(id)
    const target =
      session === undefined
        ? '/'
        : client.buildEndSessionUrl(server, {
            post_logout_redirect_uri: `${origin}/`,
            id_token_hint: session.idToken,
          }).href
    redirect(response, target)
  }

  async function route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? '/', origin)
    // Forms of other sites have no business here (cookies are sent along from every port of this machine).
    const foreign = request.method === 'POST' && request.headers.origin !== origin
    switch (foreign ? undefined : `${request.method} ${pathname}`) {
      case 'GET /':
        return home(request, response)
      case 'GET /sign-in':
        return signIn(response)
      case 'GET /callback':
        return callback(request, response)
      case 'POST /refresh':
        return refresh(request, response)
      case 'POST /sign-out':
        return signOut(request, response)
      case 'GET /style.css':
        response.writeHead(200, { 'content-type': 'text/css; charset=utf-8' }).end(stylesheet)
        return
      default:
        page(response, 404, problemPage('Not found', 'There is nothing at this address.'))
    }
  }

  function page(response: ServerResponse, status: number, document: string): void {
    const policy = `default-src 'none'; style-src 'self'; form-action 'self' ${issuer}; frame-ancestors 'none'; base-uri 'none'`
    const headers = { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': policy }
    response.writeHead(status, { ...headers, 'cache-control': 'no-store' }).end(document)
  }

  return (request, response) => {
    route(request, response).catch((error: unknown) => page(response, 502, problemOf(error)))
  }
}

/** What went wrong, in the words of the server where it has said so. */
function problemOf(error: unknown): string {
  if (error instanceof client.AuthorizationResponseError && error.error === 'access_denied') {
    return problemPage('Access denied', 'You did not allow this app to know who you are, so it does not.')
  }
  if (error instanceof client.AuthorizationResponseError || error instanceof client.ResponseBodyError) {
    return problemPage('The server refused', `${error.error}: ${error.error_description ?? 'no reason given'}`)
  }
  return problemPage('Something went wrong', error instanceof Error ? error.message : String(error))
}
