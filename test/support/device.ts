/** A device that asks for access (RFC 8628), in single steps, for tests that are about one of them. */
import { expect } from 'vitest'
import { endpoint, type TokenAnswer, token } from './authorize.ts'
import type { TestClient, TestServer } from './server.ts'
import type { Visit, Visitor } from './visitor.ts'

export interface DeviceAnswer {
  device_code: string
  user_code: string
  verification_uri: string
  verification_uri_complete: string
  expires_in: number
  interval: number
}

const grantType = 'urn:ietf:params:oauth:grant-type:device_code'

/** The device asks for its codes. */
export async function askForCodes(
  server: TestServer,
  client: TestClient,
  params: Record<string, string> = {},
): Promise<DeviceAnswer> {
  const { status, body } = await endpoint(server, client, '/device_authorization', { scope: 'openid', ...params })
  if (status !== 200) throw new Error(`no codes: ${status} ${JSON.stringify(body)}`)
  return body as unknown as DeviceAnswer
}

/** The device asks for its tokens. */
export function poll(server: TestServer, client: TestClient, { device_code }: DeviceAnswer): Promise<TokenAnswer> {
  return token(server, client, { grant_type: grantType, device_code })
}

/** The person enters the code; ends on the page that asks to confirm it. */
export async function enter(person: Visitor, { user_code }: Pick<DeviceAnswer, 'user_code'>): Promise<Visit> {
  return person.submit(await person.get('/device'), '/device', { user_code })
}

/** The person enters the code, confirms it, signs in with the toy provider and allows, each where asked. */
export async function approve(
  person: Visitor,
  codes: Pick<DeviceAnswer, 'user_code'>,
  { name = 'alice' }: { name?: string } = {},
): Promise<Visit> {
  const page = await enter(person, codes)
  expect(page.text).toContain('value="allow"')
  return finish(person, await person.submit(page, '/device', { decision: 'allow' }), { name })
}

/** What follows once the code is confirmed. */
export async function finish(person: Visitor, page: Visit, { name = 'alice' } = {}): Promise<Visit> {
  let visit = page
  for (let steps = 0; steps < 5; steps += 1) {
    if (visit.text.includes('/start/toy"')) visit = await person.submit(visit, '/start/toy')
    else if (visit.text.includes('name="email"')) visit = await person.submit(visit, '/answer', { email: name })
    else if (visit.text.includes('/consent"')) visit = await person.submit(visit, '/consent', { decision: 'allow' })
    else return visit
  }
  throw new Error(`the steps do not end: ${visit.url}\n${visit.text}`)
}
