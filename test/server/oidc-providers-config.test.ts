/** The descriptions of other issuers: read whole, every mistake told with its place, never a secret. */
import { describe, expect, test } from 'vitest'
import { ConfigError, readConfig } from '../../server/config.ts'

const acme = { id: 'acme', label: 'Acme', issuer: 'https://id.acme.example', clientId: 'habitat', clientSecret: 'hush' }
const read = (providers: unknown, more: Record<string, string> = {}) =>
  readConfig({ OIDC_PROVIDERS: typeof providers === 'string' ? providers : JSON.stringify(providers), ...more })
const secure = {
  NODE_ENV: 'production',
  ISSUER: 'https://auth.example.com',
  DATABASE_URL: 'postgres://habitat@db/habitat',
  SECRETS: 'a-secret-of-more-than-thirty-two-characters',
}

describe('an issuer', () => {
  test('needs id, label, address, client id and a secret; the rest is what is safe', () => {
    expect(read([acme]).oidcProviders).toEqual([
      {
        connection: {
          issuer: 'https://id.acme.example',
          clientId: 'habitat',
          authentication: { method: 'client_secret_basic', secret: 'hush' },
          userinfo: true,
          clockTolerance: 5,
          timeout: 10,
        },
        questions: {
          id: 'acme',
          label: 'Acme',
          scopes: ['openid', 'email', 'profile'],
          parameters: {},
          nonce: 'required',
          stateLength: 43,
          subjectClaim: 'sub',
          claims: { name: 'name', email: 'email', emailVerified: 'email_verified', label: 'email' },
          hostedDomains: [],
          secondFactor: true,
        },
        trustEmail: true,
      },
    ])
  })

  test('may be otherwise in everything', () => {
    const { clientSecret: _, ...without } = acme
    const key = { kty: 'EC', crv: 'P-256', d: 'x', alg: 'ES256' }
    const further = {
      privateKey: key,
      scopes: 'openid groups',
      parameters: { prompt: 'login' },
      nonce: 'off',
      stateLength: 22,
      idTokenAlgs: ['ES256'],
      subjectClaim: 'id',
      claims: { label: 'upn' },
      hostedDomains: ['Acme.example'],
      trustEmail: false,
      userinfo: false,
      clockTolerance: 0,
      timeout: 60,
      endpoints: { authorization: 'https://a.example/', token: 'https://t.example/', jwks: 'https://k.example/' },
      externalBrowser: true,
    }
    const [provider] = read([{ ...without, ...further }]).oidcProviders
    expect(provider).toMatchObject({
      connection: { authentication: { method: 'private_key_jwt', key }, endpoints: further.endpoints, timeout: 60 },
      questions: {
        scopes: ['openid', 'groups'],
        stateLength: 22,
        hostedDomains: ['acme.example'],
        externalBrowser: true,
      },
      trustEmail: false,
    })
  })

  test('comes from a file as well', () => {
    const files: Record<string, string> = { '/etc/issuers.json': JSON.stringify([acme]), 'a.json': '[]' }
    const readFile = (path: string) => {
      if (files[path] === undefined) throw Object.assign(new Error(), { code: 'ENOENT' })
      return files[path]
    }
    for (const OIDC_PROVIDERS of ['/etc/issuers.json', 'file:/etc/issuers.json', 'file:///etc/issuers.json']) {
      expect(readConfig({ OIDC_PROVIDERS }, readFile).oidcProviders).toHaveLength(1)
    }
    expect(readConfig({ OIDC_PROVIDERS: 'a.json' }, readFile).oidcProviders).toEqual([])
    expect(() => readConfig({ OIDC_PROVIDERS: 'b.json' }, readFile)).toThrow('"b.json" cannot be read (ENOENT)')
  })
})

describe('refused, with its place and what to do', () => {
  test.for<[Record<string, unknown>, string]>([
    [{ id: 'Acme' }, 'lower-case'],
    [{ id: 'password' }, 'a way to sign in of this server'],
    [{ id: 'telegram-oidc' }, 'a way to sign in of this server'],
    [{ id: 7 }, '"id" must be a text'],
    [{ label: '' }, '"label" must be a text'],
    [{ issuer: 'id.acme.example' }, '"issuer" must be an https address'],
    [{ issuer: 'http://id.acme.example' }, '"issuer" must be https'],
    [{ issuer: 'https://user@id.acme.example' }, 'no user name'],
    [{ clientSecret: undefined }, '"clientSecret" or "privateKey" is missing'],
    [{ auth: 'private_key_jwt', clientSecret: undefined }, '"privateKey" is missing'],
    [{ auth: 'none' }, '"clientSecret" is of no use'],
    [{ auth: 'client_secret_jwt' }, '"auth" must be one of'],
    [{ clientSecret: undefined, privateKey: { kty: 'EC', alg: 'ES256' } }, '"privateKey" must be a private key'],
    [{ scopes: ['email'] }, '"scopes" must hold "openid"'],
    [{ parameters: { state: 'x' } }, '"parameters" may not hold state'],
    [{ parameters: { max_age: 1 } }, '"parameters" must be an object'],
    [{ nonce: 'on' }, '"nonce" must be one of'],
    [{ stateLength: 21 }, '"stateLength" must be a whole number from 22 to 43'],
    [{ idTokenAlgs: ['HS256'] }, '"idTokenAlgs" may hold'],
    [{ idTokenAlgs: ['none'] }, '"idTokenAlgs" may hold'],
    [{ claims: { sub: 'id' } }, '"claims": "sub" is not known'],
    [{ hostedDomains: ['acme'] }, '"hostedDomains" must hold domains'],
    [{ hostedDomains: [] }, '"hostedDomains" must be a list'],
    [{ trustEmail: 'no' }, '"trustEmail" must be true or false'],
    [{ endpoints: { authorization: 'https://a.example', token: 'https://t.example' } }, '"jwks" is missing'],
    [{ client_id: 'x' }, '"client_id" is not known'],
  ])('%j', ([change, problem]) => {
    const problems = problemsOf([acme, { ...acme, id: 'other', ...change }])
    expect(problems).toEqual([expect.stringContaining(problem)])
    expect(problems[0]).toContain('OIDC_PROVIDERS, issuer 2')
    expect(problems[0]).not.toContain('hush')
  })

  test('an id that is there twice, what is no list, what is no JSON; nothing of it is quoted', () => {
    expect(problemsOf([acme, acme])).toEqual(['OIDC_PROVIDERS: the id "acme" is there twice.'])
    expect(problemsOf('[{"clientSecret": hush}]')).toEqual([expect.stringMatching(/^OIDC_PROVIDERS is not JSON/)])
    expect(problemsOf('[{"clientSecret": hush}]').join()).not.toContain('hush')
    expect(problemsOf(['hush'])[0]).toContain('must be an object')
  })

  test('plain http is taken only on this machine, where ISSUER is on it, too', () => {
    const near = [{ ...acme, issuer: 'http://localhost:4000' }]
    expect(read(near).oidcProviders).toHaveLength(1)
    expect(problemsOf(near, secure)).toEqual([expect.stringContaining('"issuer" must be https')])
  })
})

describe('Google', () => {
  const google = { GOOGLE_CLIENT_ID: 'id', GOOGLE_CLIENT_SECRET: 'hush' }

  test('is there with an id and a secret, and by itself not', () => {
    expect(readConfig({}).google).toBeUndefined()
    expect(readConfig(google).google).toMatchObject({
      connection: { issuer: 'https://accounts.google.com', clientId: 'id', userinfo: false },
      hostedDomains: [],
    })
    expect(readConfig({ ...google, GOOGLE_HOSTED_DOMAIN: 'A.example, b.example' }).google?.hostedDomains).toEqual([
      'a.example',
      'b.example',
    ])
  })

  test.for([
    [{ GOOGLE_CLIENT_ID: 'id' }, 'must be set together'],
    [{ GOOGLE_CLIENT_SECRET: 'hush' }, 'must be set together'],
    [{ GOOGLE_HOSTED_DOMAIN: 'a.example' }, 'GOOGLE_CLIENT_ID and GOOGLE_CLIENT_SECRET must be set'],
    [{ ...google, GOOGLE_HOSTED_DOMAIN: 'example' }, 'GOOGLE_HOSTED_DOMAIN must hold domains'],
    [{ ...google, GOOGLE_ISSUER: 'http://accounts.example' }, 'GOOGLE_ISSUER must be https'],
  ] as const)('%j is refused', ([env, problem]) => {
    const problems = problemsOf('[]', env)
    expect(problems).toEqual([expect.stringContaining(problem)])
    expect(problems.join()).not.toContain('hush')
  })
})

function problemsOf(providers: unknown, more: Record<string, string> = {}): readonly string[] {
  try {
    read(providers, more)
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
  return []
}
