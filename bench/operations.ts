/**
 * What is measured: five requests as clients send them, by name, and what each of them uses up.
 *
 * Inputs are made before the clock starts (`stock.ts`): a code is good for one request, a refresh token gives the next
 * one, an access token may be shown again and again.
 */

export const operations = ['code exchange', 'refresh', 'introspection', 'userinfo', 'client credentials'] as const
export type Operation = (typeof operations)[number]

export type Artifact = 'code' | 'refresh token' | 'access token'

/** The client, the service and the proof of every request. */
export interface Parties {
  readonly clientId: string
  readonly clientSecret: string
  readonly serviceId: string
  readonly serviceSecret: string
  readonly redirectUri: string
  readonly codeVerifier: string
}

export interface Request {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly headers: Record<string, string>
  readonly body?: string
}

/** What an operation needs beforehand: of which kind, and how many for so many requests. */
export function needs(operation: Operation, requests: number): { artifact: Artifact; count: number } | undefined {
  switch (operation) {
    case 'code exchange':
      return { artifact: 'code', count: requests }
    case 'refresh':
      return { artifact: 'refresh token', count: 64 }
    case 'introspection':
    case 'userinfo':
      return { artifact: 'access token', count: 200 }
    case 'client credentials':
      return undefined
  }
}

/** One request. It takes its input out of `inputs`; `settle` gives back what can be used again, by the answer's body. */
export function request(operation: Operation, parties: Parties, inputs: string[]): Request {
  const { clientId, clientSecret, serviceId, serviceSecret, redirectUri, codeVerifier } = parties
  const client = basic(clientId, clientSecret)
  switch (operation) {
    case 'code exchange': {
      const code = taken(inputs)
      const parameters = { grant_type: 'authorization_code', code, redirect_uri: redirectUri }
      return post('/token', client, { ...parameters, code_verifier: codeVerifier })
    }
    case 'refresh':
      return post('/token', client, { grant_type: 'refresh_token', refresh_token: taken(inputs) })
    case 'introspection':
      return post('/introspect', client, { token: turned(inputs) })
    case 'userinfo':
      return { method: 'GET', path: '/userinfo', headers: { authorization: `Bearer ${turned(inputs)}` } }
    case 'client credentials':
      return post('/token', basic(serviceId, serviceSecret), { grant_type: 'client_credentials' })
  }
}

/** Keeps what an answer gives for later requests; throws when it is not the answer that was asked for. */
export function settle(operation: Operation, body: string, inputs: string[]): void {
  const answer = JSON.parse(body) as Record<string, unknown>
  const expected = { introspection: 'client_id', userinfo: 'sub' }[operation as string] ?? 'access_token'
  if (answer[expected] === undefined) throw new Error(`${operation} was answered with ${body}`)
  if (operation === 'refresh') inputs.push(String(answer['refresh_token']))
}

function post(path: string, authorization: string, parameters: Record<string, string>): Request {
  return {
    method: 'POST',
    path,
    headers: { authorization, 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams(parameters).toString(),
  }
}

function basic(id: string, secret: string): string {
  return `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`
}

function taken(inputs: string[]): string {
  const input = inputs.shift()
  if (input === undefined) throw new Error('the inputs that were made beforehand are used up')
  return input
}

function turned(inputs: string[]): string {
  const input = taken(inputs)
  inputs.push(input)
  return input
}
