/**
 * An app that keeps people's notes where they belong: in their own PDS. Written as somebody else would write it, with
 * node:http and `openid-client`, nothing of the server's own code.
 *
 * It never sees a password nor a token of the PDS: the one access token it holds opens the PDS at the server's `/xrpc`.
 */
import { readFileSync } from 'node:fs'
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { join } from 'node:path'
import * as client from 'openid-client'
import { cookie, cookieOf, randomId, redirect } from '../web.ts'
import { type Note, notesPage, problemPage, signedOutPage } from './pages.ts'

export interface NotesOptions {
  issuer: string
  clientId: string
  clientSecret: string
  /** Where the app is reached. */
  origin: string
  /** Handle and password that the first page tells, because this is a demonstration. */
  credentials: { handle: string; password: string }
}

/** What a note is called in a PDS, and all that this app may do there. */
export const collection = 'com.example.note'
export const scope = `openid atproto repo:${collection}`

interface Pending {
  verifier: string
  state: string
}

interface Session {
  accessToken: string
  did: string
  handle: string
}

const sessionCookie = 'notes_app'
const pendingCookie = 'notes_app_sign_in'

/** Builds the app; asks the server for its endpoints. Throws when it does not answer. */
export async function notesApp(options: NotesOptions): Promise<RequestListener> {
  const { issuer, clientId, clientSecret, origin } = options
  const server = await client.discovery(
    new URL(issuer),
    clientId,
    clientSecret,
    client.ClientSecretBasic(clientSecret),
    issuer.startsWith('http:') ? { execute: [client.allowInsecureRequests] } : {},
  )
  const redirectUri = `${origin}/callback`
  const stylesheet = readFileSync(join(import.meta.dirname, '../demo/style.css'))
  const started = new Map<string, Pending>()
  const sessions = new Map<string, Session>()

  /** Calls the person's PDS with the token of this server. */
  async function xrpc<T>(session: Session, method: string, options: RequestInit = {}): Promise<T> {
    const headers = { authorization: `Bearer ${session.accessToken}`, 'content-type': 'application/json' }
    const answer = await fetch(`${issuer}/xrpc/${method}`, { ...options, headers })
    const body = (await answer.json()) as T & { error?: string; message?: string }
    if (!answer.ok) throw new Error(`${answer.status} ${body.error}: ${body.message}`)
    return body
  }

  async function home(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const session = sessions.get(cookieOf(request, sessionCookie))
    if (session === undefined) return page(response, 200, signedOutPage(issuer, options.credentials))
    const query = new URLSearchParams({ repo: session.did, collection })
    const { records } = await xrpc<{ records: { uri: string; value: { text: string; createdAt: string } }[] }>(
      session,
      `com.atproto.repo.listRecords?${query}`,
    )
    const notes: Note[] = records.map(({ uri, value }) => ({ uri, text: value.text, at: value.createdAt }))
    page(response, 200, notesPage(session, notes))
  }

  async function signIn(response: ServerResponse, handle: string): Promise<void> {
    const pending = { verifier: client.randomPKCECodeVerifier(), state: client.randomState() }
    const id = randomId()
    started.set(id, pending)
    const target = client.buildAuthorizationUrl(server, {
      redirect_uri: redirectUri,
      scope,
      state: pending.state,
      code_challenge: await client.calculatePKCECodeChallenge(pending.verifier),
      code_challenge_method: 'S256',
      ...(handle === '' ? {} : { handle }),
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
    })
    const person = await client.fetchUserInfo(
      server,
      tokens.access_token,
      tokens.claims()?.sub ?? client.skipSubjectCheck,
    )
    const did = String(person['did'])
    const session = randomId()
    sessions.set(session, { accessToken: tokens.access_token, did, handle: String(person['handle'] ?? did) })
    redirect(response, '/', cookie(sessionCookie, session))
  }

  async function add(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const session = sessions.get(cookieOf(request, sessionCookie))
    const text = (await formOf(request)).get('text')?.trim() ?? ''
    if (session !== undefined && text !== '') {
      const record = { $type: collection, text, createdAt: new Date().toISOString() }
      await xrpc(session, 'com.atproto.repo.createRecord', {
        method: 'POST',
        body: JSON.stringify({ repo: session.did, collection, record }),
      })
    }
    redirect(response, '/')
  }

  async function route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? '/', origin)
    const foreign = request.method === 'POST' && request.headers.origin !== origin
    switch (foreign ? undefined : `${request.method} ${pathname}`) {
      case 'GET /':
        return home(request, response)
      case 'POST /sign-in':
        return signIn(response, (await formOf(request)).get('handle')?.trim() ?? '')
      case 'GET /callback':
        return callback(request, response)
      case 'POST /notes':
        return add(request, response)
      case 'POST /sign-out':
        sessions.delete(cookieOf(request, sessionCookie))
        return redirect(response, '/')
      case 'GET /style.css':
        response.writeHead(200, { 'content-type': 'text/css; charset=utf-8' }).end(stylesheet)
        return
      default:
        page(response, 404, problemPage('Not found', 'There is nothing at this address.'))
    }
  }

  function page(response: ServerResponse, status: number, document: string): void {
    // A form of this page ends at the server and, from there, at the person's PDS, wherever that is.
    const policy =
      "default-src 'none'; style-src 'self'; form-action 'self' https: http:; frame-ancestors 'none'; base-uri 'none'"
    const headers = { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': policy }
    response.writeHead(status, { ...headers, 'cache-control': 'no-store' }).end(document)
  }

  return (request, response) => {
    route(request, response).catch((error: unknown) => page(response, 502, problemOf(error)))
  }
}

/** What went wrong, in the words of the server where it has said so. */
function problemOf(error: unknown): string {
  if (error instanceof client.AuthorizationResponseError || error instanceof client.ResponseBodyError) {
    return problemPage('The server refused', `${error.error}: ${error.error_description ?? 'no reason given'}`)
  }
  return problemPage('Something went wrong', error instanceof Error ? error.message : String(error))
}

/** Largest form, bytes. */
const largestForm = 20_000

async function formOf(request: IncomingMessage): Promise<URLSearchParams> {
  let text = ''
  for await (const chunk of request.setEncoding('utf8')) {
    text += chunk
    if (text.length > largestForm) throw new Error('the form is too large')
  }
  return new URLSearchParams(text)
}
