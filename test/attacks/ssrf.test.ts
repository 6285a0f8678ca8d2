/**
 * Server-side request forgery (OWASP A10): what strangers name must not lead our requests into a private network.
 *
 * A canary listens on this machine, at the usual port as far as our requests can tell. Every way in is shown to reach
 * it without the guard, so that a test that is green with the guard says something.
 */
import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, createServer, type Server } from 'node:net'
import tls from 'node:tls'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { atprotoClient } from '../../adapters/atproto/client.ts'
import { type Address, ForbiddenDestination, guardedFetch, Unreachable } from '../../adapters/atproto/guarded-fetch.ts'
import { isPublicAddress, objectionTo } from '../../adapters/atproto/public-address.ts'
import { localLock } from '../../adapters/postgres/advisory-lock.ts'

const did = 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa'
const loopback: readonly Address[] = [{ address: '127.0.0.1', family: 4 }]

let canary: Server
/** Connections that reached the canary. */
let reached = 0

beforeEach(async () => {
  reached = 0
  canary = createServer((socket) => {
    reached += 1
    socket.destroy()
  })
  await listening(canary)
  // What goes to port 443 of this machine goes to the canary.
  const connect = tls.connect.bind(tls) as (options: tls.ConnectionOptions) => tls.TLSSocket
  vi.spyOn(tls, 'connect').mockImplementation(((options: tls.ConnectionOptions) =>
    connect({ ...options, port: portOf(canary) })) as typeof tls.connect)
})

afterEach(() => {
  vi.restoreAllMocks()
  canary.close()
})

async function listening(server: Server): Promise<void> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port
}

/** The honest part of the internet, by URL: answered here. Everything else goes where it goes. */
function internet(answers: Readonly<Record<string, unknown>>): void {
  const real = globalThis.fetch
  vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
    const url = input instanceof Request ? input.url : String(input)
    const answer = answers[url]
    return answer === undefined ? real(input, init) : Response.json(answer)
  })
}

/** Begins a sign-in where every name but those of the honest internet leads to this machine. */
async function begin(identifier: string, open: boolean): Promise<unknown> {
  const nothing = async () => undefined
  const client = atprotoClient({
    issuer: 'http://localhost:4999',
    productName: 'Habitat',
    plcUrl: undefined,
    handleResolver: undefined,
    resolveTxt: async () => null,
    declaredScopes: async () => ['atproto'],
    states: { set: nothing, take: nothing },
    keepsakes: { hold: async () => '', take: nothing, takeExpired: nothing },
    sessions: { read: nothing, state: nothing, replace: nothing, refresh: nothing, end: nothing },
    keys: { loadOrCreate: async () => [] },
    lock: localLock(),
    fetch: guardedFetch({ open, resolve: async () => loopback }),
    allowHttp: false,
    now: () => new Date(),
    onEnded: () => undefined,
  })
  return client.begin({ identifier, scopes: [] })
}

const plc = (pds: string) => ({
  [`https://plc.directory/${encodeURIComponent(did)}`]: {
    '@context': ['https://www.w3.org/ns/did/v1'],
    id: did,
    alsoKnownAs: [],
    verificationMethod: [],
    service: [{ id: '#atproto_pds', type: 'AtprotoPersonalDataServer', serviceEndpoint: pds }],
  },
})
const resource = (server: string) => ({
  'https://pds.habitat-honest.dev/.well-known/oauth-protected-resource': {
    resource: 'https://pds.habitat-honest.dev',
    authorization_servers: [server],
  },
})
const server = (endpoints: object) => ({
  'https://pds.habitat-honest.dev/.well-known/oauth-authorization-server': {
    issuer: 'https://pds.habitat-honest.dev',
    authorization_endpoint: 'https://pds.habitat-honest.dev/oauth/authorize',
    token_endpoint: 'https://pds.habitat-honest.dev/oauth/token',
    pushed_authorization_request_endpoint: 'https://pds.habitat-honest.dev/oauth/par',
    require_pushed_authorization_requests: true,
    client_id_metadata_document_supported: true,
    response_types_supported: ['code'],
    token_endpoint_auth_methods_supported: ['none', 'private_key_jwt'],
    token_endpoint_auth_signing_alg_values_supported: ['ES256'],
    dpop_signing_alg_values_supported: ['ES256'],
    ...endpoints,
  },
})

describe.each<[string, string, Readonly<Record<string, unknown>>]>([
  ['a handle', 'inside.habitat-evil.dev', {}],
  ['a DID', 'did:web:inside.habitat-evil.dev', {}],
  ['the address of a PDS', 'https://inside.habitat-evil.dev', {}],
  ['a DID document', did, plc('https://inside.habitat-evil.dev')],
  [
    'the metadata of a PDS',
    did,
    { ...plc('https://pds.habitat-honest.dev'), ...resource('https://inside.habitat-evil.dev') },
  ],
  [
    'the metadata of an authorization server',
    did,
    {
      ...plc('https://pds.habitat-honest.dev'),
      ...resource('https://pds.habitat-honest.dev'),
      ...server({ pushed_authorization_request_endpoint: 'https://inside.habitat-evil.dev/par' }),
    },
  ],
])('%s', (_name, identifier, answers) => {
  test('reaches the canary without the guard', async () => {
    internet(answers)
    await begin(identifier, true)
    expect(reached).toBeGreaterThan(0)
  })

  test('reaches nothing with it', async () => {
    internet(answers)
    expect(await begin(identifier, false)).toMatchObject({ kind: 'problem' })
    expect(reached).toBe(0)
  })
})

test.each([
  'https://127.0.0.1',
  'https://[::1]',
  'https://localhost',
  'https://10.0.0.1:8443',
  'http://inside.habitat-evil.dev',
])('a DID document that names %s reaches nothing', async (pds) => {
  internet(plc(pds))
  expect(await begin(did, false)).toEqual({ kind: 'problem', problem: 'unsuitable-host' })
  expect(reached).toBe(0)
})

test('a redirect is not followed, not even on a developer’s machine', async () => {
  const redirector = createHttpServer((_request, response) => {
    response.writeHead(302, { location: `http://127.0.0.1:${portOf(canary)}/` }).end()
  })
  await listening(redirector)
  try {
    const url = `http://127.0.0.1:${portOf(redirector)}/`
    await expect(fetch(url)).rejects.toThrow('fetch failed')
    expect(reached).toBeGreaterThan(0)
    reached = 0
    const { document, traffic } = guardedFetch({ open: true })
    for (const ask of [document, traffic]) {
      await expect(ask(url)).rejects.toThrow(Unreachable)
      await expect(ask(new Request(url))).rejects.toThrow(Unreachable)
      await expect(ask(url, { redirect: 'follow' })).rejects.toThrow(Unreachable)
    }
    expect((await document(new Request(url, { redirect: 'manual' }))).status).toBe(302)
    expect(reached).toBe(0)
  } finally {
    redirector.close()
  }
})

describe('a name that resolves differently the second time (rebinding)', () => {
  function rebinding() {
    const answers = [[{ address: '93.184.216.34', family: 4 }], loopback]
    let asked = 0
    return {
      resolve: async () => answers[Math.min(asked++, 1)] ?? loopback,
      get asked() {
        return asked
      },
    }
  }

  test('reaches the canary when the check is made before connecting', async () => {
    const { resolve } = rebinding()
    expect((await resolve()).every(({ address }) => isPublicAddress(address))).toBe(true)
    await expect(guardedFetch({ open: true, resolve }).document('https://rebind.habitat-evil.dev')).rejects.toThrow()
    expect(reached).toBeGreaterThan(0)
  })

  test('reaches nothing, because the address that is checked is the one that is connected to', async () => {
    const it = rebinding()
    await it.resolve()
    const { document, traffic } = guardedFetch({ resolve: it.resolve })
    await expect(document('https://rebind.habitat-evil.dev')).rejects.toThrow(ForbiddenDestination)
    expect(it.asked).toBe(2)
    await expect(traffic('https://rebind.habitat-evil.dev', { method: 'POST', body: 'x' })).rejects.toThrow(
      ForbiddenDestination,
    )
    expect(it.asked).toBe(3)
    expect(reached).toBe(0)
  })

  test('reaches nothing with one private address among public ones', async () => {
    const resolve = async () => [{ address: '93.184.216.34', family: 4 }, ...loopback]
    await expect(guardedFetch({ resolve }).document('https://mixed.habitat-evil.dev')).rejects.toThrow(
      ForbiddenDestination,
    )
    expect(reached).toBe(0)
  })
})

test.each([
  'http://pds.dev',
  'ftp://pds.dev',
  'file:///etc/passwd',
  'data:application/json,{}',
  'https://pds.dev:8443',
  'https://user@pds.dev',
  'https://user:password@pds.dev',
  'https://127.0.0.1',
  'https://127.1',
  'https://0x7f.1',
  'https://2130706433',
  'https://017700000001',
  'https://①②⑦.0.0.1',
  'https://1.1.1.1',
  'https://[::1]',
  'https://[::ffff:127.0.0.1]',
  'https://[fd00::1]',
  'https://localhost',
  'https://localhost.',
  'https://a.localhost',
  'https://a.localhost.',
  'https://LOCALHOST',
  'https://router',
  'https://printer.local',
  'https://db.internal',
  'https://metadata.google.internal',
  'https://a.test',
  'https://a.onion',
  'https://box.home.arpa',
])('%s is not asked', async (url) => {
  expect(objectionTo(new URL(url))).toBeDefined()
  const asked = vi.fn(async () => loopback)
  const { document, traffic } = guardedFetch({ resolve: asked })
  await expect(document(url)).rejects.toThrow()
  await expect(traffic(url)).rejects.toThrow()
  expect(asked).not.toHaveBeenCalled()
  expect(reached).toBe(0)
})

test.each([
  'https://pds.dev',
  'https://pds.dev:443',
  'https://bsky.social/xrpc/a.b',
  'https://xn--bcher-kva.example.dev',
])('%s is asked', (url) => {
  expect(objectionTo(new URL(url))).toBeUndefined()
})

test.each([
  '0.0.0.0',
  '10.1.2.3',
  '100.64.0.1',
  '127.0.0.1',
  '127.255.255.254',
  '169.254.169.254',
  '172.16.0.1',
  '192.0.0.1',
  '192.0.2.1',
  '192.168.1.1',
  '198.18.0.1',
  '203.0.113.1',
  '224.0.0.1',
  '240.0.0.1',
  '255.255.255.255',
  '::',
  '::1',
  '::7f00:1',
  '::ffff:127.0.0.1',
  '::ffff:10.0.0.1',
  '64:ff9b::7f00:1',
  '64:ff9b:1::7f00:1',
  '100::1',
  '2001::1',
  '2001:db8::1',
  '2002:7f00:1::1',
  '3fff::1',
  'fc00::1',
  'fd12:3456::1',
  'fe80::1',
  'fec0::1',
  'ff02::1',
  'not an address',
])('%s is not a public address', (address) => {
  expect(isPublicAddress(address)).toBe(false)
})

test.each(['1.1.1.1', '93.184.216.34', '::ffff:1.1.1.1', '2606:4700:4700::1111'])(
  '%s is a public address',
  (address) => {
    expect(isPublicAddress(address)).toBe(true)
  },
)
