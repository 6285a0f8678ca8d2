/**
 * Plays the issuer of Log In with Telegram, with what is documented and seen of it: `sub` is not the user id, which is
 * the claim `id` and comes with `profile`; no nonce comes back, no userinfo endpoint is there; a long `state` and a
 * request with `origin` are refused; the client authenticates by Basic and names itself in the body as well.
 */
import { createHash, randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose'
import { asResult, widgetFieldsOf } from './mini-app.ts'

export interface TelegramIssuerPerson {
  /** The Telegram user id. */
  readonly id: number
  readonly name: string
  readonly preferred_username?: string
  /** Digits, without `+`. */
  readonly phone_number?: string
}

export interface TelegramIssuer extends AsyncDisposable {
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret: string
  readonly people: readonly [TelegramIssuerPerson, TelegramIssuerPerson]
  /** Why requests were refused. */
  readonly refusals: string[]
  /** Takes this redirect URI from now on. */
  allow(redirectUri: string): void
  /** What the browser of this person does, from where it is sent to the callback. Throws where Telegram shows an error. */
  choose(to: URL, person: TelegramIssuerPerson | 'cancel'): URL
  /** Changes the claims of the id tokens; those that are undefined are left out. */
  bend(change?: (claims: JWTPayload) => JWTPayload): void
  /** `refuse`: connections are closed without an answer. */
  setMood(mood: 'well' | 'refuse'): void
}

interface Code {
  readonly person: TelegramIssuerPerson
  readonly challenge: string
  readonly redirectUri: string
  readonly scopes: readonly string[]
}

const people: TelegramIssuer['people'] = [
  { id: 700000001, name: 'Aigerim Bekova', preferred_username: 'aigerim' },
  { id: 700000002, name: 'Bolat' },
]
const longestState = 128
const clientSecret = 'telegram-secret-that-must-not-be-seen'

/** What a server has to be told to take this issuer for Telegram's. */
export function asTelegramIssuer({ issuer, clientId, clientSecret: secret }: TelegramIssuer) {
  return { TELEGRAM_OIDC_CLIENT_ID: clientId, TELEGRAM_OIDC_CLIENT_SECRET: secret, TELEGRAM_OIDC_ISSUER: issuer }
}

export async function telegramIssuer(clientId = '1234567890'): Promise<TelegramIssuer> {
  const { privateKey, publicKey } = await generateKeyPair('RS256')
  const redirectUris = new Set<string>()
  const refusals: string[] = []
  const codes = new Map<string, Code>()
  let mood: 'well' | 'refuse' = 'well'
  let change = (claims: JWTPayload) => claims
  const listener = createServer((request, response) => {
    if (mood === 'refuse') return void request.socket.destroy()
    const { pathname, searchParams } = new URL(request.url ?? '/', issuer)
    if (pathname === '/auth') return void response.writeHead(302, { location: oldLogin(searchParams) }).end()
    answer(request).then(
      ([status, body]) => send(response, status, body),
      () => send(response, 500, {}),
    )
  })
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
  const issuer = `http://localhost:${(listener.address() as AddressInfo).port}`

  /** The login of old bots, at which the first person agrees. */
  function oldLogin(asked: URLSearchParams): string {
    const [{ id, name, preferred_username: username = '' }] = people
    const [first_name = '', last_name = ''] = name.split(' ')
    const fields = widgetFieldsOf({ user: { id, first_name, last_name, username } })
    const back = new URL(asked.get('return_to') ?? '')
    const known = asked.get('bot_id') === clientId && asked.get('origin') === back.origin
    return known ? `${back.href}#tgAuthResult=${asResult(fields)}` : 'about:blank'
  }

  async function answer(request: IncomingMessage): Promise<[number, object]> {
    const { pathname } = new URL(request.url ?? '/', issuer)
    if (pathname === '/.well-known/openid-configuration') return [200, discovery(issuer)]
    if (pathname === '/.well-known/jwks.json') {
      return [200, { keys: [{ ...(await exportJWK(publicKey)), alg: 'RS256', use: 'sig', kid: 'telegram' }] }]
    }
    if (pathname !== '/token' || request.method !== 'POST') return [404, {}]
    let form = ''
    for await (const chunk of request) form += chunk
    return redeem(new URLSearchParams(form), request.headers.authorization ?? '')
  }

  async function redeem(form: URLSearchParams, authorization: string): Promise<[number, object]> {
    const refuse = (status: number, error: string, why: string): [number, object] => {
      refusals.push(why)
      return [status, { error }]
    }
    const basic = `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`
    if (authorization !== basic) return refuse(401, 'invalid_client', 'not authenticated by Basic')
    if (form.get('client_id') !== clientId) return refuse(400, 'invalid_request', 'client_id is missing in the body')
    const code = codes.get(form.get('code') ?? '')
    codes.delete(form.get('code') ?? '')
    const challenge = createHash('sha256')
      .update(form.get('code_verifier') ?? '')
      .digest('base64url')
    const fits = code?.challenge === challenge && code.redirectUri === form.get('redirect_uri')
    if (code === undefined || !fits) return refuse(400, 'invalid_grant', 'the code does not fit')
    return [200, { access_token: 'opaque', token_type: 'Bearer', expires_in: 3600, id_token: await idToken(code) }]
  }

  function idToken({ person, scopes }: Code): Promise<string> {
    const seconds = Math.floor(Date.now() / 1000)
    const { id, phone_number, ...shown } = person
    const claims: JWTPayload = {
      iss: issuer,
      aud: clientId,
      // An opaque number that is not the user id.
      sub: String(9_000_000_000 - id),
      iat: seconds,
      exp: seconds + 3600,
      ...(scopes.includes('profile') ? { id, ...shown, picture: 'https://t.me/i/userpic/320/x.jpg' } : {}),
      ...(scopes.includes('phone') && phone_number !== undefined ? { phone_number } : {}),
    }
    return new SignJWT(change(claims)).setProtectedHeader({ alg: 'RS256', kid: 'telegram' }).sign(privateKey)
  }

  return {
    issuer,
    clientId,
    clientSecret,
    refusals,
    people,
    allow: (redirectUri) => void redirectUris.add(redirectUri),
    choose(to, person) {
      const asked = to.searchParams
      const refuse = (why: string): never => {
        refusals.push(why)
        throw new Error(`Telegram shows an error: ${why}`)
      }
      if (to.origin !== issuer || to.pathname !== '/auth') refuse('no such page')
      if (asked.get('client_id') !== clientId || asked.get('response_type') !== 'code') refuse('unknown client')
      if (!redirectUris.has(asked.get('redirect_uri') ?? '')) refuse('redirect_uri is not among the allowed URLs')
      if ((asked.get('state') ?? '').length > longestState) refuse('state too long')
      if (asked.has('origin')) refuse('origin: the answer would be a fragment')
      if (asked.has('nonce')) refuse('nonce: it would not come back')
      if (asked.get('code_challenge_method') !== 'S256') refuse('no PKCE')
      const scopes = (asked.get('scope') ?? '').split(' ')
      if (!scopes.includes('openid')) refuse('scope openid is missing')
      const redirectUri = asked.get('redirect_uri') ?? ''
      const back = new URL(redirectUri)
      back.searchParams.set('state', asked.get('state') ?? '')
      if (person === 'cancel') {
        back.searchParams.set('error', 'access_denied')
        return back
      }
      const code = randomBytes(24).toString('base64url')
      codes.set(code, { person, challenge: asked.get('code_challenge') ?? '', redirectUri, scopes })
      back.searchParams.set('code', code)
      return back
    },
    bend(wanted = (claims) => claims) {
      change = wanted
    },
    setMood: (wanted) => {
      mood = wanted
    },
    async [Symbol.asyncDispose]() {
      listener.closeAllConnections()
      await new Promise((resolve) => listener.close(resolve))
    },
  }
}

function discovery(issuer: string): object {
  return {
    issuer,
    authorization_endpoint: `${issuer}/auth`,
    token_endpoint: `${issuer}/token`,
    jwks_uri: `${issuer}/.well-known/jwks.json`,
    response_types_supported: ['code'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256', 'ES256', 'EdDSA', 'ES256K'],
    scopes_supported: ['openid', 'profile', 'phone', 'telegram:bot_access'],
    token_endpoint_auth_methods_supported: ['client_secret_basic'],
    code_challenge_methods_supported: ['S256'],
    claims_supported: [
      'sub',
      'iss',
      'aud',
      'iat',
      'exp',
      'id',
      'name',
      'preferred_username',
      'picture',
      'phone_number',
    ],
  }
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}
