/**
 * An issuer made by hand, right in everything until a test bends one thing: a claim, a signature, an answer.
 *
 * Asks nobody: the callback of a sign-in is made here, with a code that is worth one id token.
 */
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { type CryptoKey, exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose'

export interface Bend {
  /** Changes the claims of the id token; those that are undefined are left out. */
  claims?: (claims: JWTPayload) => JWTPayload
  /** In place of the id token; given its claims. */
  idToken?: (claims: JWTPayload) => string | Promise<string>
  /** Changes the discovery document. */
  discovery?: (document: Record<string, unknown>) => Record<string, unknown>
  /** In place of the answer of an endpoint. */
  answer?: Partial<Record<Endpoint, (response: ServerResponse) => unknown>>
  /** Changes the callback. */
  callback?: (params: URLSearchParams) => void
}

export type Endpoint = 'discovery' | 'token' | 'jwks' | 'userinfo'

export interface BentIssuer extends AsyncDisposable {
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret: string
  /** What is wrong from now on; nothing when absent. */
  bend(bend?: Bend): void
  /** The callback of whoever was sent to `to`. */
  callback(to: URL): URLSearchParams
  /** Signs with another key from now on, and publishes it alone. */
  rotate(): Promise<void>
  /** The public key that is published, as PEM or the like: a text. */
  publicKeyText(): Promise<string>
  /** How often an endpoint was asked. */
  readonly asked: Record<Endpoint, number>
}

export const bentSubject = 'person-1'
const paths: Record<string, Endpoint> = {
  '/.well-known/openid-configuration': 'discovery',
  '/token': 'token',
  '/jwks': 'jwks',
  '/userinfo': 'userinfo',
}

export async function bentIssuer(): Promise<BentIssuer> {
  const clientId = 'habitat'
  const clientSecret = 'a-secret-that-must-not-be-seen-anywhere'
  const asked: Record<Endpoint, number> = { discovery: 0, token: 0, jwks: 0, userinfo: 0 }
  let bend: Bend = {}
  let keys = await newKeys()
  let nonce: string | undefined
  const listener = createServer((request, response) => {
    const endpoint = paths[new URL(request.url ?? '/', 'http://issuer').pathname]
    request.resume()
    if (endpoint === undefined) return void response.writeHead(404).end()
    asked[endpoint] += 1
    const bent = bend.answer?.[endpoint]
    if (bent !== undefined) return void bent(response)
    answers[endpoint]().then(
      (body) => response.setHeader('content-type', 'application/json').end(JSON.stringify(body)),
      () => response.writeHead(500).end(),
    )
  })
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
  const issuer = `http://127.0.0.1:${(listener.address() as AddressInfo).port}`

  const answers: Record<Endpoint, () => Promise<unknown>> = {
    async discovery() {
      const document = {
        issuer,
        authorization_endpoint: `${issuer}/authorize`,
        token_endpoint: `${issuer}/token`,
        jwks_uri: `${issuer}/jwks`,
        userinfo_endpoint: `${issuer}/userinfo`,
        id_token_signing_alg_values_supported: ['ES256', 'HS256', 'none'],
        authorization_response_iss_parameter_supported: true,
      }
      return bend.discovery?.(document) ?? document
    },
    async token() {
      const seconds = Math.floor(Date.now() / 1000)
      const right: JWTPayload = {
        iss: issuer,
        aud: clientId,
        sub: bentSubject,
        iat: seconds,
        exp: seconds + 60,
        ...(nonce === undefined ? {} : { nonce }),
      }
      const claims = bend.claims?.(right) ?? right
      const id_token = await (bend.idToken ?? ((it) => signed(it, keys.privateKey, keys.kid)))(claims)
      return { access_token: 'an-access-token', token_type: 'Bearer', expires_in: 60, id_token }
    },
    jwks: async () => ({ keys: [{ ...(await exportJWK(keys.publicKey)), alg: 'ES256', use: 'sig', kid: keys.kid }] }),
    userinfo: async () => ({ sub: bentSubject, email: 'person@bent.example', email_verified: true }),
  }

  return {
    issuer,
    clientId,
    clientSecret,
    asked,
    bend: (wanted = {}) => {
      bend = wanted
    },
    callback(to) {
      nonce = to.searchParams.get('nonce') ?? undefined
      const params = new URLSearchParams({ code: 'a-code', state: to.searchParams.get('state') ?? '', iss: issuer })
      bend.callback?.(params)
      return params
    },
    async rotate() {
      keys = await newKeys()
    },
    publicKeyText: async () => JSON.stringify(await exportJWK(keys.publicKey)),
    async [Symbol.asyncDispose]() {
      listener.closeAllConnections()
      await new Promise((resolve) => listener.close(resolve))
    },
  }
}

let made = 0

async function newKeys() {
  made += 1
  return { ...(await generateKeyPair('ES256', { extractable: true })), kid: `key-${made}` }
}

/** An id token with a right signature by this key. */
export function signed(claims: JWTPayload, key: CryptoKey | Uint8Array, kid?: string, alg = 'ES256'): Promise<string> {
  return new SignJWT(claims).setProtectedHeader({ alg, ...(kid === undefined ? {} : { kid }) }).sign(key)
}

/** What an endpoint answers, in a table of faults. */
export function says(status: number, body: string, headers: Record<string, string> = {}) {
  return (response: ServerResponse) =>
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body)
}

/** Closes the connection without an answer. */
export function hangsUp(response: ServerResponse): void {
  response.destroy()
}

/** Answers later than anybody waits, milliseconds. */
export function dawdles(milliseconds: number) {
  return async (response: ServerResponse): Promise<void> => {
    await sleep(milliseconds, undefined, { ref: false })
    response.end('{}')
  }
}
