import { expect, test } from 'vitest'
import { dpopNonces } from '../../../server/oidc/dpop-nonce.ts'
import { dpopAlgorithms } from '../../../server/oidc/dpop-proof.ts'
import { clock } from '../../support/clock.ts'
import { dpopKey } from '../../support/dpop.ts'
import { startTestServer } from '../../support/server.ts'

test('a nonce is good for minutes, not for ever, and only for those who know the secret (RFC 9449 §8)', () => {
  const time = clock()
  const nonces = dpopNonces(Buffer.alloc(32, 1), time.now)
  const nonce = nonces.next()
  expect(dpopNonces(Buffer.alloc(32, 1), time.now).accepts(nonce)).toBe(true)
  expect(dpopNonces(Buffer.alloc(32, 2), time.now).accepts(nonce)).toBe(false)
  time.advance(120)
  expect([nonces.accepts(nonce), nonces.next() === nonce]).toEqual([true, false])
  time.advance(300)
  expect(nonces.accepts(nonce)).toBe(false)
})

test('an API of ours takes the nonces and algorithms of the other endpoints: an app keeps one for each origin', async () => {
  await using server = await startTestServer()
  const discovery = (await (await fetch(`${server.origin}/.well-known/openid-configuration`)).json()) as {
    dpop_signing_alg_values_supported: string[]
  }
  expect(discovery.dpop_signing_alg_values_supported).toEqual([...dpopAlgorithms])
  const key = await dpopKey()
  const client = await server.client('spa')
  const late = await key.proof('POST', `${server.origin}/token`, { claims: { iat: 1 } })
  const refusal = await fetch(`${server.origin}/token`, {
    method: 'POST',
    headers: { dpop: late },
    body: new URLSearchParams({
      client_id: client.id,
      grant_type: 'authorization_code',
      code: 'x',
      redirect_uri: client.redirectUri,
      code_verifier: 'x'.repeat(43),
    }),
  })
  const nonce = refusal.headers.get('dpop-nonce') ?? ''
  const proof = (url: string, extra: object) =>
    key.proof('GET', url, { access: 'unknown', claims: { iat: 1, ...extra } })
  const address = `${server.origin}/xrpc/com.atproto.server.getSession`
  const ask = async (extra: object) =>
    fetch(address, { headers: { authorization: 'DPoP unknown', dpop: await proof(address, extra) } })
  expect((await ask({})).headers.get('www-authenticate')).toContain('use_dpop_nonce')
  expect((await ask({ nonce })).headers.get('www-authenticate')).toContain('invalid_token')
})
