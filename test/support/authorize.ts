/** The authorization-code flow in single steps, for tests that are about one of them. */
import { createHash, randomBytes } from 'node:crypto'
import type { TestClient, TestServer } from './server.ts'
import type { Visit, Visitor } from './visitor.ts'

export interface Pkce {
  verifier: string
  challenge: string
}

export function pkce(): Pkce {
  const verifier = randomBytes(32).toString('base64url')
  return { verifier, challenge: createHash('sha256').update(verifier).digest('base64url') }
}

/** An authorization request; `extra` adds to it, undefined removes from it. */
export function authorizeUrl(client: TestClient, proof: Pkce, extra: Record<string, string | undefined> = {}): string {
  const params = {
    client_id: client.id,
    redirect_uri: client.redirectUri,
    response_type: 'code',
    scope: 'openid',
    state: 'state',
    code_challenge: proof.challenge,
    code_challenge_method: 'S256',
    ...extra,
  }
  const given = Object.entries(params).filter((entry): entry is [string, string] => entry[1] !== undefined)
  return `/authorize?${new URLSearchParams(given)}`
}

/** Signs in with the toy provider where asked, allows where asked; ends at the client's redirect URI. */
export async function authorize(
  person: Visitor,
  client: TestClient,
  proof: Pkce,
  options: { name?: string; extra?: Record<string, string | undefined> } = {},
): Promise<URL> {
  let visit: Visit = await person.get(authorizeUrl(client, proof, options.extra))
  if (visit.text.includes('/start/toy"')) {
    visit = await person.submit(visit, '/start/toy')
    visit = await person.submit(visit, '/answer', { email: options.name ?? 'alice' })
  }
  if (!visit.left && visit.text.includes('value="allow"'))
    visit = await person.submit(visit, '/consent', { decision: 'allow' })
  if (!visit.left) throw new Error(`the flow did not end at the client: ${visit.status} ${visit.url}\n${visit.text}`)
  return visit.url
}

export interface TokenAnswer {
  status: number
  body: Record<string, unknown> & { access_token?: string; refresh_token?: string; id_token?: string; error?: string }
}

/** Posts to the token endpoint as this client. */
export async function token(
  server: TestServer,
  client: TestClient,
  params: Record<string, string>,
): Promise<TokenAnswer> {
  return endpoint(server, client, '/token', params)
}

/** Posts a form to an endpoint, authenticated as this client. */
export async function endpoint(
  server: TestServer,
  client: TestClient,
  path: string,
  params: Record<string, string>,
): Promise<TokenAnswer> {
  const basic = Buffer.from(`${client.id}:${client.secret}`).toString('base64')
  const response = await fetch(`${server.origin}${path}`, {
    method: 'POST',
    headers: client.secret === '' ? {} : { authorization: `Basic ${basic}` },
    body: new URLSearchParams(client.secret === '' ? { ...params, client_id: client.id } : params),
  })
  const text = await response.text()
  return { status: response.status, body: text === '' ? {} : (JSON.parse(text) as TokenAnswer['body']) }
}

/** Redeems a code. */
export function redeem(server: TestServer, client: TestClient, code: string, proof: Pkce): Promise<TokenAnswer> {
  return token(server, client, {
    grant_type: 'authorization_code',
    code,
    redirect_uri: client.redirectUri,
    code_verifier: proof.verifier,
  })
}

/** What a client holds after a person signed in and the code was redeemed. */
export interface Tokens {
  access: string
  refresh: string
}

/** The whole code flow of a person who was never here; throws what the token endpoint refuses. */
export async function signedIn(
  server: TestServer,
  client: TestClient,
  options: { name?: string; scope?: string } = {},
): Promise<Tokens> {
  const proof = pkce()
  const scope = options.scope ?? 'openid offline_access'
  const name = options.name ?? randomBytes(6).toString('hex')
  const callback = await authorize(server.visitor(), client, proof, { name, extra: { scope } })
  return tokensOf(await redeem(server, client, callback.searchParams.get('code') ?? '', proof))
}

/** Tokens of an answer; throws when it is a refusal. */
export function tokensOf({ status, body }: TokenAnswer): Tokens {
  if (status !== 200) throw new Error(`no tokens: ${status} ${JSON.stringify(body)}`)
  return { access: String(body.access_token), refresh: String(body.refresh_token) }
}

/** Presents a refresh token. */
export function refresh(
  server: TestServer,
  client: TestClient,
  refreshToken: string,
  extra: Record<string, string> = {},
): Promise<TokenAnswer> {
  return token(server, client, { grant_type: 'refresh_token', refresh_token: refreshToken, ...extra })
}

/** Whether the server still says that a token of this client is valid. */
export async function isActive(server: TestServer, client: TestClient, value: string): Promise<boolean> {
  const { status, body } = await endpoint(server, client, '/introspect', { token: value })
  if (status !== 200) throw new Error(`no introspection: ${status} ${JSON.stringify(body)}`)
  return body['active'] === true
}
