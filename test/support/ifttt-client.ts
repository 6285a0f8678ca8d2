/** A service on IFTTT as a client of a test server, in single steps, for tests that are about one of them. */
import { randomBytes } from 'node:crypto'
import { profiles } from '../../server/oidc/profiles.ts'
import type { TestClient, TestServer } from './server.ts'
import type { Visit } from './visitor.ts'

/** Registers a service. */
export function iftttClient(server: TestServer, serviceId = 'example'): Promise<TestClient> {
  const { clientName, redirectUriOf } = profiles.ifttt
  return server.client('ifttt', { client_name: clientName, redirect_uris: [redirectUriOf?.(serviceId)] })
}

export interface IftttRequest {
  /** The standard address when left out. */
  path?: string
  /** Added to the request; undefined takes away. */
  extra?: Record<string, string | undefined>
  decision?: 'allow' | 'deny'
}

/** An authorization request of IFTTT: the type and the scope are left out where they may be. */
export function iftttRequestUrl(
  client: TestClient,
  { path = '/authorize', extra = {} }: Omit<IftttRequest, 'decision'> = {},
): string {
  const params = {
    client_id: client.id,
    redirect_uri: client.redirectUri,
    state: 'a state & its = signs',
    ...(path === '/authorize' ? { response_type: 'code', scope: 'ifttt' } : {}),
    ...extra,
  }
  const given = Object.entries(params).filter((entry): entry is [string, string] => entry[1] !== undefined)
  return `${path}?${new URLSearchParams(given)}`
}

/** Signs a person in who was never here, and ends where IFTTT waits. */
export async function authorizeAtIfttt(
  server: TestServer,
  client: TestClient,
  { decision = 'allow', ...request }: IftttRequest = {},
): Promise<URL> {
  const person = server.visitor()
  let visit: Visit = await person.get(iftttRequestUrl(client, request))
  if (visit.left) return visit.url
  visit = await person.submit(visit, '/start/toy')
  visit = await person.submit(visit, '/answer', { email: randomBytes(6).toString('hex') })
  if (!visit.left) visit = await person.submit(visit, '/consent', { decision })
  if (!visit.left) throw new Error(`the flow did not end at IFTTT: ${visit.status} ${visit.url}\n${visit.text}`)
  return visit.url
}
