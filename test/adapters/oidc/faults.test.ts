/**
 * An issuer that does one thing wrong, whether by mistake or because somebody stands in its place, proves nobody; what
 * is said of it names the fault and holds no secret.
 */
import { generateKeyPair } from 'jose'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import type { IdentityProvider, Json, Step } from '../../../adapters/identity/contract.ts'
import { type OidcQuestions, oidc } from '../../../adapters/identity/oidc.ts'
import { oidcClient } from '../../../adapters/oidc/client.ts'
import type { OidcConnection, PublicInternet } from '../../../adapters/oidc/contract.ts'
import { reach } from '../../../adapters/oidc/reach.ts'
import { publicInternet } from '../../../server/composition/other-issuers.ts'
import {
  type Bend,
  type BentIssuer,
  bentIssuer,
  bentSubject,
  dawdles,
  hangsUp,
  says,
  signed,
} from '../../support/fakes/bent-issuer.ts'

let issuer: BentIssuer
beforeAll(async () => {
  issuer = await bentIssuer()
})
afterEach(() => {
  issuer.bend()
  vi.useRealTimers()
})
afterAll(() => issuer[Symbol.asyncDispose]())

const callback = new URL('https://auth.example/interaction/callback/bent')
const common = { purpose: 'sign-in', callback, address: '192.0.2.1' } as const
let reported: string[] = []

interface Changes {
  connection?: Partial<OidcConnection>
  questions?: Partial<OidcQuestions>
  trustEmail?: boolean
  outside?: PublicInternet
}

function bent({
  connection,
  questions,
  trustEmail = true,
  outside = publicInternet(),
}: Changes = {}): IdentityProvider {
  reported = []
  const now = () => new Date()
  const client = oidcClient({
    connection: {
      issuer: issuer.issuer,
      clientId: issuer.clientId,
      authentication: { method: 'client_secret_basic', secret: issuer.clientSecret },
      userinfo: false,
      clockTolerance: 5,
      timeout: 10,
      ...connection,
    },
    outside,
    now,
  })
  return oidc({
    client,
    questions: {
      id: 'bent',
      label: 'Bent',
      scopes: ['openid'],
      parameters: {},
      nonce: 'required',
      stateLength: 43,
      subjectClaim: 'sub',
      claims: { name: 'name', email: 'email', emailVerified: 'email_verified', label: 'email' },
      hostedDomains: [],
      ...questions,
    },
    vouches: () => trustEmail,
    now,
    report: (_provider, why) => void reported.push(why),
  })
}

/** One whole sign-in; an `UpstreamError` is an outcome, too. */
async function signIn(provider: IdentityProvider, between: () => void = () => undefined): Promise<Step | Error> {
  try {
    const step = await provider.start(common)
    if (step.kind !== 'redirect') return step
    const params = issuer.callback(step.to)
    between()
    return await provider.answer({ ...common, state: step.state, params })
  } catch (error) {
    expect(error).toMatchObject({ name: 'UpstreamError' })
    return error as Error
  }
}

async function identityOf(provider: IdentityProvider) {
  const step = await signIn(provider)
  if (step instanceof Error || step.kind !== 'proven') throw new Error(`not proven: ${String(step)} ${reported.join()}`)
  return step.identity
}

const secrets = () => [issuer.clientSecret, 'a-code', 'an-access-token', 'eyJ']

test('an issuer without a fault proves the pair of iss and sub', async () => {
  expect(await signIn(bent())).toEqual({
    kind: 'proven',
    identity: { provider: 'bent', subject: `${issuer.issuer} ${bentSubject}` },
    amr: ['fed'],
  })
})

describe('proves nobody (OpenID Connect Core §3.1.3.7)', () => {
  const another = generateKeyPair('ES256')
  const seconds = () => Math.floor(Date.now() / 1000)
  const claims = (change: Record<string, unknown>): Bend => ({ claims: (it) => ({ ...it, ...change }) })

  test.for<[string, Bend, RegExp]>([
    ['iss of another issuer', claims({ iss: 'https://other.example' }), /"iss"/],
    ['no iss', claims({ iss: undefined }), /"iss"/],
    ['aud of another client', claims({ aud: 'other' }), /"aud"/],
    ['aud of several without azp', claims({ aud: ['habitat', 'other'] }), /"aud"/],
    ['azp of another client', claims({ azp: 'other' }), /"azp"/],
    ['another nonce', claims({ nonce: 'other' }), /"nonce"/],
    ['no nonce', claims({ nonce: undefined }), /"nonce"/],
    ['expired', { claims: (it) => ({ ...it, exp: seconds() - 10 }) }, /"exp"/],
    ['no expiry', claims({ exp: undefined }), /"exp"/],
    ['not yet valid', { claims: (it) => ({ ...it, nbf: seconds() + 60 }) }, /"nbf"/],
    ['no sub', claims({ sub: undefined }), /"sub"/],
    ['an empty sub', claims({ sub: '' }), /sub/],
    ['a sub with a line break', claims({ sub: 'a\nb' }), /sub/],
    ['a sub that is too long', claims({ sub: 'x'.repeat(256) }), /sub/],
    ['unsigned', { idToken: (it) => `${base64({ alg: 'none' })}.${base64(it)}.` }, /alg|algorithm|Invalid JWT/],
    [
      'signed with our client secret',
      { idToken: (it) => signed(it, new TextEncoder().encode(issuer.clientSecret), undefined, 'HS256') },
      /algorithm/,
    ],
    [
      'signed with the public key as a secret',
      { idToken: async (it) => signed(it, new TextEncoder().encode(await issuer.publicKeyText()), undefined, 'HS256') },
      /algorithm/,
    ],
    ['signed with another key', { idToken: async (it) => signed(it, (await another).privateKey) }, /signature/],
    [
      'signed with a key that is unknown',
      { idToken: async (it) => signed(it, (await another).privateKey, 'k') },
      /key/,
    ],
    [
      'no id token',
      { answer: { token: says(200, '{"access_token":"an-access-token","token_type":"bearer"}') } },
      /id_token/,
    ],
    ['no JWT', { idToken: () => 'a.b' }, /JWT/],
    ['iss of another issuer in the callback', { callback: (it) => it.set('iss', 'https://other.example') }, /"iss"/],
    ['no iss in the callback, where it was promised (RFC 9207 §2.4)', { callback: (it) => it.delete('iss') }, /"iss"/],
    ['no code', { callback: (it) => it.delete('code') }, /code/],
    ['tokens in the callback', { callback: (it) => it.set('id_token', 'x') }, /implicit/],
    [
      'a code that counts no more',
      { answer: { token: says(400, '{"error":"invalid_grant"}') } },
      /does not take the code/,
    ],
    ['an unknown error', { callback: (it) => it.set('error', 'odd <b>') }, /an unknown error/],
  ])('%s', async ([, bend, why]) => {
    issuer.bend(bend)
    expect(await signIn(bent())).toEqual({ kind: 'refused', reason: 'invalid' })
    expect(reported).toEqual([expect.stringMatching(why)])
    for (const secret of secrets()) expect(reported.join()).not.toContain(secret)
  })

  test('an algorithm that is announced, and not among those of the settings', async () => {
    expect(await signIn(bent({ connection: { idTokenAlgs: ['PS256'] } }))).toEqual({
      kind: 'refused',
      reason: 'invalid',
    })
    expect(reported).toEqual(['the id token is signed with ES256'])
    await identityOf(bent({ connection: { idTokenAlgs: ['ES256'] } }))
  })

  test('a nonce that nobody sent', async () => {
    issuer.bend(claims({ nonce: 'x' }))
    expect(await signIn(bent({ questions: { nonce: 'off' } }))).toEqual({ kind: 'refused', reason: 'invalid' })
  })

  test('state that is not this attempt’s, without a word to the issuer', async () => {
    const provider = bent()
    const step = (await provider.start(common)) as Extract<Step, { kind: 'redirect' }>
    const before = issuer.asked.token
    const params = issuer.callback(step.to)
    for (const state of [undefined, '', 'other', `${params.get('state')}x`]) {
      if (state === undefined) params.delete('state')
      else params.set('state', state)
      const input = { ...common, state: step.state as Json, params }
      expect(await provider.answer(input)).toEqual({ kind: 'refused', reason: 'invalid' })
    }
    expect(issuer.asked.token).toBe(before)
  })

  test('who turns back at the issuer', async () => {
    issuer.bend({ callback: (it) => it.set('error', 'access_denied') })
    expect(await signIn(bent())).toEqual({ kind: 'refused', reason: 'cancelled' })
    expect(reported).toEqual([])
  })
})

describe('is not there, which is nobody’s fault who signs in', () => {
  const none = says(503, '')
  const junk = says(200, '<html>not here</html>')
  const moved = says(302, '', { location: 'https://elsewhere.example/' })
  const endless = says(200, `{"x":"${'x'.repeat(600_000)}"}`)
  const kinds = {
    'hanging up': hangsUp,
    'a status of 503': none,
    'no JSON': junk,
    'a redirect': moved,
    'too much': endless,
  }

  test.for(
    (['discovery', 'token', 'jwks'] as const).flatMap((endpoint) =>
      Object.entries(kinds).map(([kind, answer]) => [endpoint, kind, answer] as const),
    ),
  )('%s: %s', async ([endpoint, , answer]) => {
    const provider = bent()
    issuer.bend({ answer: { [endpoint]: answer } })
    const outcome = await signIn(provider)
    expect(outcome).toMatchObject({ name: 'UpstreamError' })
    for (const secret of secrets())
      expect(`${(outcome as Error).message} ${(outcome as Error).stack}`).not.toContain(secret)
    issuer.bend()
    await identityOf(provider)
  })

  test.for<[string, Bend]>([
    ['discovery of another issuer', { discovery: (it) => ({ ...it, issuer: 'https://other.example' }) }],
    ['discovery without a token endpoint', { discovery: (it) => ({ ...it, token_endpoint: undefined }) }],
    [
      'an authorization endpoint without TLS',
      { discovery: (it) => ({ ...it, authorization_endpoint: 'http://x.example' }) },
    ],
    ['our secret is wrong there', { answer: { token: says(401, '{"error":"invalid_client"}') } }],
    [
      'our secret is wrong there, with a challenge',
      { answer: { token: says(401, '', { 'www-authenticate': 'Basic realm="x"' }) } },
    ],
    ['an outage that it announces', { callback: (it) => it.set('error', 'temporarily_unavailable') }],
  ])('%s', async ([, bend]) => {
    issuer.bend(bend)
    expect(await signIn(bent())).toMatchObject({ name: 'UpstreamError' })
  })

  test('slower than the timeout of the settings', async () => {
    issuer.bend({ answer: { token: dawdles(60_000) } })
    const outcome = await signIn(bent({ connection: { timeout: 1 } }))
    expect(outcome).toMatchObject({ message: 'it does not answer in time' })
  })
})

describe('an issuer on the public internet sends us nowhere else', () => {
  /** As if the issuer, which is on this machine, were public; every other name leads to this machine, too. */
  const asPublic = (): PublicInternet => {
    const internet = publicInternet(async () => [{ address: '127.0.0.1', family: 4 }])
    const isIssuer = (url: URL) => url.origin === issuer.issuer
    return {
      hasHost: (hostname) => hostname === '127.0.0.1' || internet.hasHost(hostname),
      objectionTo: (url) => (isIssuer(url) ? undefined : internet.objectionTo(url)),
      fetch: (url, init) => (isIssuer(new URL(url)) ? fetch(url, init) : internet.fetch(url, init)),
    }
  }
  const names = ['authorization_endpoint', 'token_endpoint', 'jwks_uri', 'userinfo_endpoint'] as const
  const places = [
    'http://keys.habitat-evil.dev/',
    'https://10.0.0.1/',
    'https://[::1]/',
    'https://localhost/',
    'https://db.internal/',
    'https://keys.habitat-evil.dev:8443/',
  ]
  const elsewhere = { connection: { userinfo: true } }

  test('by no endpoint of its discovery document', async () => {
    const before = { ...issuer.asked }
    for (const name of names) {
      for (const place of places) {
        issuer.bend({ discovery: (it) => ({ ...it, [name]: place }) })
        const outcome = await signIn(bent({ ...elsewhere, outside: asPublic() }))
        expect([place, String(outcome)]).toEqual([place, expect.stringContaining(`its ${name} is not asked`)])
      }
    }
    expect(issuer.asked).toMatchObject({ token: before.token, jwks: before.jwks, userinfo: before.userinfo })
  })

  test.for(['token_endpoint', 'jwks_uri', 'userinfo_endpoint'])(
    'by %s, whose public name leads to a private address',
    async (name) => {
      issuer.bend({ discovery: (it) => ({ ...it, [name]: 'https://keys.habitat-evil.dev/' }) })
      const outcome = await signIn(bent({ ...elsewhere, outside: asPublic() }))
      expect(String(outcome)).toContain('it names a place that is not on the public internet')
    },
  )

  test('an issuer that is private itself may name its neighbours, and the settings may name any', async () => {
    const { port } = new URL(issuer.issuer)
    issuer.bend({ discovery: (it) => ({ ...it, token_endpoint: `http://localhost:${port}/token` }) })
    await identityOf(bent())
    const place = reach(
      {
        issuer: 'https://id.habitat-evil.dev',
        endpoints: {
          authorization: 'https://id.habitat-evil.dev/a',
          token: 'https://10.0.0.1/t',
          jwks: 'https://keys.internal/k',
        },
      },
      publicInternet(),
    )
    const objections = ['https://10.0.0.1/x', 'https://keys.internal:8443/', 'https://id.habitat-evil.dev:8443/'].map(
      (url) => place.objectionTo(new URL(url)),
    )
    expect(objections).toEqual([undefined, undefined, undefined])
    expect(place.objectionTo(new URL('https://10.0.0.2/'))).toBeDefined()
    // Without TLS nobody proves that the name is theirs.
    expect(place.objectionTo(new URL('http://id.habitat-evil.dev/'))).toBeDefined()
  })
})

describe('keys and discovery', () => {
  test('a key that replaces another one is fetched as soon as a token is signed with it', async () => {
    const provider = bent()
    const { subject } = await identityOf(provider)
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 61_000 })
    await issuer.rotate()
    expect((await identityOf(provider)).subject).toBe(subject)
  })

  test('a key that replaces another one within a minute costs one sign-in; the next one succeeds', async () => {
    const provider = bent()
    const { subject } = await identityOf(provider)
    await issuer.rotate()
    expect(await signIn(provider)).toMatchObject({ kind: 'refused' })
    expect((await identityOf(provider)).subject).toBe(subject)
  })

  test('discovery is asked once for many sign-ins at the same time, and again after six hours', async () => {
    const provider = bent()
    const before = issuer.asked.discovery
    await Promise.all([signIn(provider), signIn(provider), signIn(provider)])
    expect(issuer.asked.discovery).toBe(before + 1)
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 6 * 3600 * 1000 + 1000 })
    await identityOf(provider)
    expect(issuer.asked.discovery).toBe(before + 2)
  })

  test('endpoints that the settings give are used without discovery', async () => {
    const before = issuer.asked.discovery
    const at = (path: string) => `${issuer.issuer}/${path}`
    const endpoints = { authorization: at('authorize'), token: at('token'), jwks: at('jwks') }
    await identityOf(bent({ connection: { endpoints, idTokenAlgs: ['ES256'] } }))
    expect(issuer.asked.discovery).toBe(before)
  })
})

describe('what is believed of a person', () => {
  const says = (further: Record<string, unknown>): void => issuer.bend({ claims: (it) => ({ ...it, ...further }) })

  test('an address is verified only where the issuer says so and is believed', async () => {
    const email = 'alice@example.com'
    says({ email, email_verified: true })
    expect((await identityOf(bent())).email).toEqual({ address: email, verified: true })
    expect((await identityOf(bent({ trustEmail: false }))).email).toEqual({ address: email, verified: false })
    for (const email_verified of [false, undefined, 'yes', 1, 'false']) {
      says({ email, email_verified })
      expect((await identityOf(bent())).email).toEqual({ address: email, verified: false })
    }
  })

  test('an address that becomes another one when it is normalised is not verified', async () => {
    says({ email: 'ａlice@example.com', email_verified: true })
    expect((await identityOf(bent())).email).toEqual({ address: 'alice@example.com', verified: false })
    says({ email: 'Alice@Example.com', email_verified: true })
    expect((await identityOf(bent())).email).toEqual({ address: 'alice@example.com', verified: true })
  })

  test.for([['no address'], [7], [['a@b.example']], ['a@b.example\0'], [`${'x'.repeat(300)}@b.example`]])(
    '%j is no address',
    async ([email]) => {
      says({ email, email_verified: true })
      expect(await identityOf(bent())).not.toHaveProperty('email')
    },
  )

  test('a name holds no control characters and is not endless', async () => {
    says({ name: `Al\0ice\u0007 ${'x'.repeat(5000)}` })
    const { name = '' } = await identityOf(bent())
    expect(name.startsWith('Alice x')).toBe(true)
    expect(name.length).toBeLessThanOrEqual(200)
  })

  test('only people of the organisations that are let in, by the claim hd', async () => {
    const provider = bent({ questions: { hostedDomains: ['corp.example'] } })
    for (const hd of [undefined, '', 'other.example', 'corp.example.evil.example', ['corp.example']]) {
      says({ hd, email: 'alice@corp.example', email_verified: true })
      expect(await signIn(provider)).toEqual({ kind: 'refused', reason: 'other-organisation' })
    }
    says({ hd: 'Corp.example' })
    await identityOf(provider)
  })

  test('the userinfo endpoint adds what the id token leaves out, and contradicts nothing', async () => {
    const provider = bent({ connection: { userinfo: true } })
    expect((await identityOf(provider)).email).toEqual({ address: 'person@bent.example', verified: true })
    for (const email_verified of [false, undefined]) {
      says({ email: 'own@bent.example', email_verified })
      expect((await identityOf(provider)).email).toEqual({ address: 'own@bent.example', verified: false })
    }
  })

  test('userinfo of somebody else proves nobody', async () => {
    issuer.bend({ claims: (it) => ({ ...it, sub: 'person-2' }) })
    expect(await signIn(bent({ connection: { userinfo: true } }))).toEqual({ kind: 'refused', reason: 'invalid' })
  })

  test('another claim than sub names the person, together with the issuer', async () => {
    const provider = bent({ questions: { subjectClaim: 'number' } })
    says({ number: 42 })
    expect((await identityOf(provider)).subject).toBe(`${issuer.issuer} 42`)
    for (const number of [undefined, 4.2, null, {}, ' 42', '']) {
      says({ number })
      expect(await signIn(provider)).toEqual({ kind: 'refused', reason: 'invalid' })
    }
  })
})

function base64(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}
