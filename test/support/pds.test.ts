import { NodeOAuthClient } from '@atproto/oauth-client-node'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { newHandle, startPds, type TestPds } from './pds.ts'

let pds: TestPds

beforeAll(async () => {
  pds = await startPds()
})
afterAll(() => pds.close())

test('a person signs in at the PDS without a browser, allows or denies, and comes back with what that means', async () => {
  const alice = await pds.account()
  const client = loopbackClient()
  const allowed = await pds.login(await client.authorize(alice.handle, { scope: 'atproto' }), alice)
  const { session } = await client.callback(allowed.searchParams)
  expect(session.did).toBe(alice.did)
  expect(await pds.sessions(alice)).toBe(1)

  const denied = await pds.login(await client.authorize(alice.handle, { scope: 'atproto' }), alice, 'deny')
  expect(denied.searchParams.get('error')).toBe('access_denied')

  await pds.revokeSessions(alice)
  expect(await pds.sessions(alice)).toBe(0)
})

test('the PDS can be taken away and given back', async () => {
  const alice = await pds.account()
  const resolve = () =>
    fetch(`${pds.url}/xrpc/com.atproto.identity.resolveHandle?handle=${alice.handle}`, {
      signal: AbortSignal.timeout(500),
    })
  pds.setMood('refuse')
  await expect(resolve()).rejects.toThrow('fetch failed')
  pds.setMood('hang')
  await expect(resolve()).rejects.toThrow('timeout')
  pds.setMood('well')
  expect(await (await resolve()).json()).toEqual({ did: alice.did })
})

test('an account changes its handle, is deactivated and comes back', async () => {
  const alice = await pds.account()
  const renamed = newHandle()
  await pds.rename(alice, renamed)
  expect(alice.handle).toBe(renamed)
  const document = (await (await fetch(`${pds.plcUrl}/${alice.did}`)).json()) as { alsoKnownAs: string[] }
  expect(document.alsoKnownAs).toEqual([`at://${renamed}`])
  await pds.deactivate(alice)
  await pds.activate(alice)
})

function loopbackClient(): NodeOAuthClient {
  const memory = () => {
    const rows = new Map()
    return {
      get: async (key: string) => rows.get(key),
      set: async (key: string, value: unknown) => void rows.set(key, value),
      del: async (key: string) => void rows.delete(key),
    }
  }
  const redirectUri = 'http://127.0.0.1:5555/callback' as const
  return new NodeOAuthClient({
    clientMetadata: {
      client_id: `http://localhost?${new URLSearchParams({ redirect_uri: redirectUri, scope: 'atproto' })}`,
      redirect_uris: [redirectUri],
      scope: 'atproto',
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
      application_type: 'native',
      dpop_bound_access_tokens: true,
    },
    stateStore: memory(),
    sessionStore: memory(),
    requestLock: async (_name, work) => work(),
    plcDirectoryUrl: pds.plcUrl,
    handleResolver: pds.url,
    allowHttp: true,
  })
}
