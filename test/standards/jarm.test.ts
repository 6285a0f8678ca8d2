/** Answers of authorization requests that are signed. */
import * as oauth from 'oauth4webapi'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  agreeable,
  errorIn,
  insecure,
  metadataOf,
  type OutsideClient,
  outsideClient,
} from '../support/outside-client.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { formsOf, type Visit } from '../support/visitor.ts'

let server: TestServer
let metadata: oauth.AuthorizationServer
let visit: (address: string) => Promise<Visit>
let app: OutsideClient
beforeAll(async () => {
  server = await startTestServer()
  metadata = await metadataOf(server)
  visit = await agreeable(server)
  app = outsideClient(metadata, await server.client('web'))
})
afterAll(() => server.stop())

/** What the app finds in an answer, once the client library has held it against the server's keys. */
function validated(of: OutsideClient, parameters: URLSearchParams): Promise<URLSearchParams> {
  return oauth.validateJwtAuthResponse(metadata, of.own, parameters, 'state', insecure)
}

const places: Record<string, (visit: Visit) => URLSearchParams> = {
  jwt: ({ url }) => url.searchParams,
  'query.jwt': ({ url }) => url.searchParams,
  'fragment.jwt': ({ url }) => new URLSearchParams(url.hash.slice(1)),
  'form_post.jwt': ({ text }) => new URLSearchParams(formsOf(text)[0]?.hidden),
}

describe.each(Object.keys(places))('with response_mode %s', (response_mode) => {
  const place = places[response_mode] as (visit: Visit) => URLSearchParams

  test('the code comes in a JWT and nowhere else, for this app and a short time (§2.1, §2.3)', async () => {
    const back = await visit(`/authorize?${await app.request({ response_mode })}`)
    const parameters = place(back)
    expect([...parameters.keys()]).toEqual(['response'])
    const answer = await validated(app, parameters)
    expect(answer.get('iss')).toBe(metadata.issuer)
    const [, payload = ''] = (parameters.get('response') ?? '').split('.')
    const { aud, exp } = JSON.parse(Buffer.from(payload, 'base64url').toString()) as { aud: string; exp: number }
    expect(aud).toBe(app.client.id)
    expect(exp - Date.now() / 1000).toBeLessThanOrEqual(600)
    expect((await app.redeem(answer)).access_token).toBeTruthy()
  })

  test('errors are signed, too', async () => {
    const back = await visit(
      `/authorize?${await app.request({ response_mode, scope: 'openid', prompt: 'none consent' })}`,
    )
    await expect(validated(app, place(back))).rejects.toMatchObject({ error: 'invalid_request' })
  })
})

test.each(['RS256', 'ES256', 'EdDSA'])(
  'an app may have answers signed by %s, and no others at all (§3)',
  async (alg) => {
    const registered = {
      authorization_signed_response_alg: alg,
      response_modes: ['jwt', 'query.jwt', 'fragment.jwt', 'form_post.jwt'],
    }
    const strict = outsideClient(metadata, await server.client('web', registered))
    expect(metadata.authorization_signing_alg_values_supported).toContain(alg)
    const back = await visit(`/authorize?${await strict.request({ response_mode: 'jwt' })}`)
    const [header = ''] = (back.url.searchParams.get('response') ?? '').split('.')
    expect(JSON.parse(Buffer.from(header, 'base64url').toString())).toMatchObject({ alg })
    const own = { ...strict.own, authorization_signed_response_alg: alg === 'EdDSA' ? 'Ed25519' : alg }
    if (alg !== 'EdDSA') {
      const answer = await oauth.validateJwtAuthResponse(metadata, own, back.url, 'state', insecure)
      expect((await strict.redeem(answer)).access_token).toBeTruthy()
    }
    for (const response_mode of [undefined, 'query', 'fragment', 'form_post'])
      expect(errorIn(await visit(`/authorize?${await strict.request({ response_mode })}`))).not.toBe('no error')
  },
)

test('an answer that was changed, or that is for another app, is noticed (§2.4)', async () => {
  const { url } = await visit(`/authorize?${await app.request({ response_mode: 'jwt' })}`)
  const other = outsideClient(metadata, await server.client('web'))
  await expect(validated(other, url.searchParams)).rejects.toThrow()
  const changed = new URLSearchParams({ response: `${url.searchParams.get('response')?.slice(0, -4)}AAAA` })
  await expect(validated(app, changed)).rejects.toThrow()
})
