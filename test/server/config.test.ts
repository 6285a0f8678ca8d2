/** Settings: read once, every problem at once, and nothing unsafe in production. */
import { randomBytes, randomInt } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { ConfigError, readConfig, settings } from '../../server/config.ts'

const secret = 'a-secret-of-more-than-thirty-two-characters'
const serviceKey = 'a-service-key-of-ifttt'
const production = {
  NODE_ENV: 'production',
  ISSUER: 'https://auth.example.com',
  DATABASE_URL: 'postgres://habitat:secret@db.example.com:5432/habitat',
  SECRETS: secret,
}

describe('without any setting', () => {
  test('the server listens on loopback, with the embedded database and generated secrets', () => {
    expect(readConfig({})).toMatchObject({
      production: false,
      host: '127.0.0.1',
      port: 3000,
      issuer: 'http://localhost:3000',
      database: { kind: 'embedded' },
      secrets: [],
      trustProxy: [],
      registration: 'open',
    })
  })

  test('the issuer follows the port', () => {
    expect(readConfig({ PORT: '8080' }).issuer).toBe('http://localhost:8080')
  })

  test('an empty setting is an absent one', () => {
    const empty = Object.fromEntries(Object.keys(settings).map((name) => [name, ' ']))
    expect(readConfig(empty)).toEqual(readConfig({}))
  })

  test('nobody can change what was read', () => {
    expect(Object.isFrozen(readConfig({}))).toBe(true)
  })
})

describe('COUNTRY_HEADER', () => {
  test('is the name of a header, in whatever case', () => {
    const { countryHeader } = readConfig({ COUNTRY_HEADER: 'CF-IPCountry', TRUST_PROXY: '10.0.0.1' })
    expect(countryHeader).toBe('cf-ipcountry')
    expect(readConfig({}).countryHeader).toBeUndefined()
  })

  test('is believed of a proxy only, and is no text', () => {
    expect(problemsOf({ COUNTRY_HEADER: 'CF-IPCountry' })).toEqual([expect.stringContaining('TRUST_PROXY')])
    expect(problemsOf({ COUNTRY_HEADER: 'a country', TRUST_PROXY: '10.0.0.1' })).toEqual([
      expect.stringContaining('COUNTRY_HEADER'),
    ])
  })
})

describe('CLIENT_CERTIFICATE_HEADER', () => {
  const headers = { CLIENT_CERTIFICATE_HEADER: 'Client-Cert', CLIENT_CERTIFICATE_VERIFY_HEADER: 'X-Verify' }

  test('is the name of a header, with or without the one that says what a CA found', () => {
    expect(readConfig({ ...headers, TRUST_PROXY: '10.0.0.1' }).clientCertificates).toEqual({
      header: 'client-cert',
      verifyHeader: 'x-verify',
    })
    const one = { CLIENT_CERTIFICATE_HEADER: 'Client-Cert', TRUST_PROXY: '10.0.0.1' }
    expect(readConfig(one).clientCertificates).toEqual({ header: 'client-cert', verifyHeader: undefined })
    expect(readConfig({}).clientCertificates).toBeUndefined()
  })

  test('is believed of a proxy only, and the other says nothing without it', () => {
    expect(problemsOf({ CLIENT_CERTIFICATE_HEADER: 'Client-Cert' })).toEqual([expect.stringContaining('TRUST_PROXY')])
    expect(problemsOf({ CLIENT_CERTIFICATE_VERIFY_HEADER: 'X-Verify', TRUST_PROXY: '10.0.0.1' })).toEqual([
      expect.stringContaining('Set both'),
    ])
  })
})

describe('for people’s PDSs', () => {
  test('nothing is needed: the public directory, DNS, the wide scope, links that outlive a sign-out', () => {
    expect(readConfig({}).atproto).toEqual({
      plcUrl: undefined,
      handleResolver: undefined,
      scope: ['atproto', 'transition:generic'],
      signOut: 'keep',
    })
  })

  test.each(['ATPROTO_PLC_URL', 'ATPROTO_HANDLE_RESOLVER'])(
    'plain http in %s is taken only where the issuer is on this machine',
    (name) => {
      const own = { [name]: 'http://127.0.0.1:2582' }
      expect(Object.values(readConfig(own).atproto)).toContain('http://127.0.0.1:2582')
      expect(problemsOf({ ...production, ...own })).toEqual([expect.stringContaining(name)])
      const secure = readConfig({ ...production, [name]: 'https://plc.example.com/' })
      expect(Object.values(secure.atproto)).toContain('https://plc.example.com')
      for (const other of ['plc.example.com', 'ftp://plc.example.com']) {
        expect(problemsOf({ [name]: other })).toEqual([expect.stringContaining(name)])
      }
    },
  )

  test('the most that is asked of a PDS holds atproto and scopes of a PDS, each in its one form', () => {
    const asked = (ATPROTO_SCOPE: string) => readConfig({ ATPROTO_SCOPE }).atproto.scope
    expect(asked('atproto  repo?collection=app.bsky.feed.post repo:app.bsky.feed.post')).toEqual([
      'atproto',
      'repo:app.bsky.feed.post',
    ])
    expect(problemsOf({ ATPROTO_SCOPE: 'transition:generic' })).toEqual([
      expect.stringContaining('must hold "atproto"'),
    ])
    for (const scope of ['openid', 'include:app.bsky.authFullApp', 'transition:everything']) {
      expect(problemsOf({ ATPROTO_SCOPE: `atproto ${scope}` })).toEqual([expect.stringContaining(`"${scope}"`)])
    }
  })

  test('signing out keeps or ends the link, and nothing else', () => {
    expect(readConfig({ ATPROTO_SIGN_OUT: 'end' }).atproto.signOut).toBe('end')
    expect(problemsOf({ ATPROTO_SIGN_OUT: 'yes' })).toEqual([expect.stringContaining('ATPROTO_SIGN_OUT')])
  })
})

describe('in production', () => {
  test('a complete set of settings is taken, and the server listens on every address', () => {
    expect(readConfig(production)).toMatchObject({
      production: true,
      host: '0.0.0.0',
      issuer: 'https://auth.example.com',
      database: { kind: 'postgres', url: production.DATABASE_URL },
      secrets: [secret],
    })
  })

  test('an https issuer, a database and secrets are demanded, all in one message', () => {
    const problems = problemsOf({ NODE_ENV: 'production' })
    expect(problems).toHaveLength(3)
    for (const name of ['ISSUER', 'DATABASE_URL', 'SECRETS']) expect(problems.join('\n')).toContain(name)
  })

  test('an http issuer is refused, even on loopback', () => {
    expect(problemsOf({ ...production, ISSUER: 'http://localhost:3000' })).toEqual([
      'ISSUER must be https in production.',
    ])
  })

  test('the embedded database needs to be allowed in so many words', () => {
    const { DATABASE_URL: _, ...embedded } = production
    expect(problemsOf(embedded)).toHaveLength(1)
    expect(problemsOf({ ...embedded, ALLOW_EMBEDDED_DATABASE: 'true' })).toHaveLength(1)
    expect(readConfig({ ...embedded, ALLOW_EMBEDDED_DATABASE: 'yes' }).database).toEqual({ kind: 'embedded' })
  })
})

describe('refused, with a sentence that names the setting', () => {
  test.for([
    ['PORT', 'http'],
    ['PORT', '65536'],
    ['PORT', '-1'],
    ['PORT', '80.5'],
    ['ISSUER', 'auth.example.com'],
    ['ISSUER', 'ftp://auth.example.com'],
    ['ISSUER', 'https://auth.example.com/path'],
    ['ISSUER', 'https://auth.example.com/?query'],
    ['ISSUER', 'https://auth.example.com/#fragment'],
    ['ISSUER', 'https://user@auth.example.com'],
    ['ISSUER', 'http://auth.example.com'],
    ['DATABASE_URL', 'mysql://localhost/habitat'],
    ['DATABASE_URL', 'postgres://db.example.com:port/habitat'],
    ['SECRETS', 'short'],
    ['SECRETS', `${secret},short`],
    ['TRUST_PROXY', 'yes'],
    ['TRUST_PROXY', '10.0.0.0/33'],
    ['REGISTRATION', 'maybe'],
    ['IFTTT_SERVICE_KEYS', 'short'],
    ['IFTTT_SERVICE_KEYS', ' , '],
    ['IFTTT_SERVICE_KEYS', `${serviceKey},short`],
    ['IFTTT_SERVICE_KEYS', `${serviceKey} ${serviceKey}`],
    ['IFTTT_SERVICE_KEYS', `"${serviceKey}"`],
    ['LOG_LEVEL', 'loud'],
  ] as const)('%s=%s', ([name, value]) => {
    const problems = problemsOf({ [name]: value })
    expect(problems).toHaveLength(1)
    expect(problems[0]).toContain(name)
  })

  test('all of them at once', () => {
    const wrong = {
      PORT: 'x',
      ISSUER: 'x',
      DATABASE_URL: 'x',
      SECRETS: 'x',
      TRUST_PROXY: 'x',
      REGISTRATION: 'x',
      LOG_LEVEL: 'x',
    }
    const problems = problemsOf(wrong)
    for (const name of Object.keys(wrong)) expect(problems.filter((it) => it.startsWith(name))).toHaveLength(1)
  })

  test('and no sentence repeats a secret or a password', () => {
    const problems = problemsOf({
      SECRETS: 'hush',
      DATABASE_URL: 'mysql://user:hush@db/habitat',
      IFTTT_SERVICE_KEYS: 'hush',
    })
    expect(problems).toHaveLength(3)
    expect(problems.join('\n')).not.toContain('hush')
  })
})

test('the key ring keeps its order, newest first', () => {
  expect(readConfig({ SECRETS: `${secret}-new, ${secret}-old,` }).secrets).toEqual([`${secret}-new`, `${secret}-old`])
})

test('service keys of IFTTT keep their order, newest first, and none is needed', () => {
  expect(readConfig({ IFTTT_SERVICE_KEYS: `${serviceKey}, ${serviceKey}-old,` }).iftttServiceKeys).toEqual([
    serviceKey,
    `${serviceKey}-old`,
  ])
  expect(readConfig({}).iftttServiceKeys).toEqual([])
})

test('a single address of a trusted proxy is a network of one', () => {
  expect(readConfig({ TRUST_PROXY: '10.0.0.0/8, 192.0.2.1 ,2001:db8::1' }).trustProxy).toEqual([
    '10.0.0.0/8',
    '192.0.2.1/32',
    '2001:db8::1/128',
  ])
})

test('whatever the environment holds, the answer is settings or ConfigError', () => {
  const pieces = [
    '',
    ' ',
    ',',
    '/',
    '://',
    'https',
    'http://[',
    'postgres://',
    '\u0000',
    '%',
    '@',
    ':',
    '99999',
    'é',
    'production',
    'yes',
  ]
  for (let round = 0; round < 2_000; round += 1) {
    const env = Object.fromEntries(Object.keys(settings).map((name) => [name, nonsense(pieces)]))
    try {
      expect(readConfig(env).issuer).toMatch(/^https?:\/\//)
    } catch (error) {
      expect(error, JSON.stringify(env)).toBeInstanceOf(ConfigError)
      expect((error as ConfigError).problems.length, JSON.stringify(env)).toBeGreaterThan(0)
    }
  }
})

function nonsense(pieces: readonly string[]): string | undefined {
  const length = randomInt(5)
  if (length === 4) return randomBytes(8).toString('latin1')
  const picked = Array.from({ length }, () => pieces[randomInt(pieces.length)])
  return length === 0 ? undefined : picked.join('')
}

function problemsOf(env: Record<string, string>): readonly string[] {
  try {
    readConfig(env)
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
  return []
}
