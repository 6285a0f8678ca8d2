/** A service on IFTTT that is registered at a test server, as its owner would type it into IFTTT's settings. */
import { randomBytes } from 'node:crypto'
import type { ServiceSettings } from './fakes/ifttt.ts'
import { iftttClient } from './ifttt-client.ts'
import type { Person } from './people.ts'
import type { TestServer } from './server.ts'
import type { Visit, Visitor } from './visitor.ts'

const serviceKey = 'service-key-of-the-tests-0123456789'

/** Settings of a test server that IFTTT may speak to. */
export const iftttSettings = { IFTTT_SERVICE_KEYS: serviceKey } as const

/** The server's standard addresses, or those of its first draft, which stay. */
export const addresses = {
  standard: { authorize: '/authorize', token: '/token' },
  draft: { authorize: '/third-party/ifttt/authorize', token: '/third-party/ifttt/v1/tokens' },
} as const

/** Registers a client of the profile and answers what belongs into IFTTT's settings. */
export async function registerService(
  server: TestServer,
  at: keyof typeof addresses = 'standard',
): Promise<ServiceSettings> {
  const serviceId = `service_${randomBytes(4).toString('hex')}`
  const { id, secret } = await iftttClient(server, serviceId)
  return {
    serviceId,
    clientId: id,
    clientSecret: secret,
    authorizationUrl: server.origin + addresses[at].authorize,
    tokenUrl: server.origin + addresses[at].token,
    urlPrefix: server.origin,
    serviceKey,
  }
}

/** Says yes where asked; ends at IFTTT. */
export async function allow(visitor: Visitor, page: Visit): Promise<URL> {
  const end = page.left ? page : await visitor.submit(page, '/consent', { decision: 'allow' })
  if (!end.left) throw new Error(`the browser stays at ${end.url}: ${end.status}\n${end.text}`)
  return end.url
}

/** Opens an address, signs in with e-mail and password where asked, allows where asked. */
export async function signInAndAllow(visitor: Visitor, url: string, { email, password }: Person): Promise<URL> {
  const page = await visitor.get(url)
  const asked = page.text.includes('name="password"')
  return allow(visitor, asked ? await visitor.submit(page, '/answer', { email, password }) : page)
}
