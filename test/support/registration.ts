/** Requests to the endpoints by which apps register themselves, for tests that are about them. */
import type { TestServer } from './server.ts'

export interface RegistrationAnswer {
  readonly status: number
  readonly headers: Headers
  readonly body: Record<string, unknown>
}

/** Metadata of a good single-page app. */
export const goodMetadata = {
  client_name: 'Photos',
  redirect_uris: ['https://photos.example/cb'],
  token_endpoint_auth_method: 'none',
} as const

/** Registers with this metadata, and with the token if one is given. */
export function registerClient(server: TestServer, metadata: unknown, token?: string): Promise<RegistrationAnswer> {
  return registrationRequest(`${server.origin}/register`, 'POST', token, metadata)
}

export async function registrationRequest(
  address: string,
  method: string,
  token: string | undefined,
  body?: unknown,
): Promise<RegistrationAnswer> {
  const response = await fetch(address, {
    method,
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  const text = await response.text()
  return { status: response.status, headers: response.headers, body: text === '' ? {} : JSON.parse(text) }
}
