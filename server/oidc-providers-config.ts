/**
 * Reads the descriptions of other OpenID Connect issuers at which people sign in: Google's, and a list in JSON.
 *
 * Pure, and as strict as it can be: a name that is not known is a mistake that somebody made, and each is told with its
 * place. What is told never holds a value that may be secret.
 */
import { fileURLToPath } from 'node:url'
import type { OidcQuestions } from '../adapters/identity/oidc.ts'
import type { ClientAuthentication, OidcConnection, OidcEndpoints } from '../adapters/oidc/contract.ts'
import { isObject, type JsonFields, jsonFields } from './json-fields.ts'
import { isLoopbackHost } from './oidc/redirect-uris.ts'

export interface OidcProviderConfig {
  readonly connection: OidcConnection
  readonly questions: OidcQuestions
  /** Whether an address that the issuer calls verified is believed to be the person's. */
  readonly trustEmail: boolean
}

export interface GoogleConfig {
  readonly connection: OidcConnection
  /** In lower case; empty: everybody with a Google account. */
  readonly hostedDomains: readonly string[]
}

/** What reading needs beside the value. */
export interface OidcSurroundings {
  /** Our own origin; it decides whether plain http is taken. */
  readonly issuer: string
  readonly readFile: (path: string) => string
}

/** Ids that are ours, or are kept for ours. */
const ownIds = /^(password|atproto|google|passkey|telegram.*)$/
/** Seconds. */
const usualTolerance = 5
const usualTimeout = 10
const usualScopes = ['openid', 'email', 'profile']

const known = [
  'id',
  'label',
  'issuer',
  'clientId',
  'clientSecret',
  'privateKey',
  'auth',
  'scopes',
  'parameters',
  'nonce',
  'stateLength',
  'idTokenAlgs',
  'subjectClaim',
  'claims',
  'hostedDomains',
  'trustEmail',
  'userinfo',
  'clockTolerance',
  'timeout',
  'endpoints',
  'externalBrowser',
] as const

/** Parameters of the request that are this server's alone. */
const ownParameters =
  /^(client_id|client_secret|response_type|response_mode|redirect_uri|scope|state|nonce|code_challenge(_method)?|request|request_uri)$/
const authMethods = ['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none'] as const
/** Signatures that an issuer alone can make; those with a shared secret say nothing about who made them. */
const signatures = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519']

interface GoogleSettings {
  readonly clientId: string | undefined
  readonly clientSecret: string | undefined
  readonly issuer: string | undefined
  readonly hostedDomain: string | undefined
}

/** Undefined where Google is not set up. */
export function readGoogle(
  { clientId, clientSecret, issuer, hostedDomain }: GoogleSettings,
  surroundings: Pick<OidcSurroundings, 'issuer'>,
  problems: string[],
): GoogleConfig | undefined {
  if (clientId === undefined && clientSecret === undefined) {
    if (issuer !== undefined || hostedDomain !== undefined) {
      problems.push(
        'GOOGLE_CLIENT_ID and GOOGLE_CLIENT_SECRET must be set for the other settings of Google to be of use.',
      )
    }
    return undefined
  }
  if (clientId === undefined || clientSecret === undefined) {
    problems.push('GOOGLE_CLIENT_ID and GOOGLE_CLIENT_SECRET must be set together.')
    return undefined
  }
  const at = issuer ?? 'https://accounts.google.com'
  const objection = addressProblem(at, surroundings.issuer)
  if (objection !== undefined) problems.push(`GOOGLE_ISSUER ${objection}`)
  const hostedDomains = domains((hostedDomain ?? '').split(/[\s,]+/).filter((domain) => domain !== ''))
  if (hostedDomains === undefined) problems.push('GOOGLE_HOSTED_DOMAIN must hold domains such as example.com.')
  return {
    connection: {
      issuer: at,
      clientId,
      authentication: { method: 'client_secret_post', secret: clientSecret },
      userinfo: false,
      clockTolerance: usualTolerance,
      timeout: usualTimeout,
    },
    hostedDomains: hostedDomains ?? [],
  }
}

/** `value` is the JSON, or names a file that holds it. */
export function readOidcProviders(
  value: string | undefined,
  surroundings: OidcSurroundings,
  problems: string[],
): readonly OidcProviderConfig[] {
  if (value === undefined) return []
  const text = value.startsWith('[') ? value : contents(value, surroundings, problems)
  const list = text === undefined ? [] : parsed(text, problems)
  const providers = list.map((entry, index) => readProvider(entry, placeOf(entry, index), surroundings, problems))
  const ids = providers.map(({ questions }) => questions.id)
  for (const id of new Set(ids.filter((one, index) => one !== '' && ids.indexOf(one) !== index))) {
    problems.push(`OIDC_PROVIDERS: the id "${id}" is there twice.`)
  }
  return providers
}

function contents(value: string, { readFile }: OidcSurroundings, problems: string[]): string | undefined {
  const path = value.replace(/^file:(?!\/\/)/, '')
  try {
    return readFile(path.startsWith('file://') ? fileURLToPath(path) : path)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : ''
    problems.push(`OIDC_PROVIDERS must be JSON in brackets or name a file with it; "${path}" cannot be read${code}.`)
    return undefined
  }
}

function parsed(text: string, problems: string[]): readonly unknown[] {
  try {
    const value: unknown = JSON.parse(text)
    if (Array.isArray(value)) return value
    problems.push('OIDC_PROVIDERS must be a list of issuers in brackets.')
  } catch (error) {
    // The engine's message quotes what stands there, which may be a secret.
    const where = /\(line \d+ column \d+\)|at position \d+/.exec(error instanceof Error ? error.message : '')?.[0]
    problems.push(`OIDC_PROVIDERS is not JSON${where === undefined ? '' : ` ${where}`}.`)
  }
  return []
}

function placeOf(entry: unknown, index: number): string {
  const id = isObject(entry) && typeof entry['id'] === 'string' ? ` ("${entry['id'].slice(0, 40)}")` : ''
  return `OIDC_PROVIDERS, issuer ${index + 1}${id}`
}

function readProvider(
  entry: unknown,
  place: string,
  { issuer: own }: OidcSurroundings,
  problems: string[],
): OidcProviderConfig {
  const fields = jsonFields(entry, place, known, problems)
  for (const name of ['id', 'label', 'issuer', 'clientId']) {
    if (!fields.has(name)) fields.wrong(`"${name}" is missing.`)
  }
  const issuer = fields.text('issuer') ?? ''
  const objection = issuer === '' ? undefined : addressProblem(issuer, own)
  if (objection !== undefined) fields.wrong(`"issuer" ${objection}`)
  const endpoints = readEndpoints(fields, own)
  const idTokenAlgs = fields.words('idTokenAlgs')
  if (idTokenAlgs?.some((alg) => !signatures.includes(alg))) {
    fields.wrong(`"idTokenAlgs" may hold ${signatures.join(', ')}.`)
  }
  return {
    connection: {
      issuer,
      clientId: fields.text('clientId') ?? '',
      authentication: readAuthentication(fields),
      ...(endpoints === undefined ? {} : { endpoints }),
      ...(idTokenAlgs === undefined ? {} : { idTokenAlgs }),
      userinfo: fields.flag('userinfo') ?? true,
      clockTolerance: fields.count('clockTolerance', 0, 300) ?? usualTolerance,
      timeout: fields.count('timeout', 1, 60) ?? usualTimeout,
    },
    questions: readQuestions(fields),
    trustEmail: fields.flag('trustEmail') ?? true,
  }
}

function readQuestions(fields: JsonFields): OidcQuestions {
  const id = fields.text('id') ?? ''
  if (id !== '' && !/^[a-z0-9-]{1,40}$/.test(id)) {
    fields.wrong('"id" must be 1 to 40 lower-case letters, digits and hyphens.')
  }
  if (ownIds.test(id)) fields.wrong(`"id" may not be "${id}": that is a way to sign in of this server.`)
  const scopes = fields.words('scopes') ?? usualScopes
  if (!scopes.includes('openid'))
    fields.wrong('"scopes" must hold "openid": otherwise the issuer does not say who somebody is.')
  const parameters = fields.texts('parameters') ?? {}
  const own = Object.keys(parameters).filter((name) => ownParameters.test(name))
  if (own.length > 0) fields.wrong(`"parameters" may not hold ${own.join(', ')}: this server sets them.`)
  const hostedDomains = fields.has('hostedDomains') ? domains(fields.words('hostedDomains') ?? []) : []
  if (hostedDomains === undefined) fields.wrong('"hostedDomains" must hold domains such as example.com.')
  const claims = fields.inner('claims', ['name', 'email', 'emailVerified', 'label'])
  const email = claims?.text('email') ?? 'email'
  return {
    id,
    label: (fields.text('label') ?? '').slice(0, 60),
    scopes,
    parameters,
    nonce: fields.oneOf('nonce', ['required', 'off']) ?? 'required',
    stateLength: fields.count('stateLength', 22, 43) ?? 43,
    subjectClaim: fields.text('subjectClaim') ?? 'sub',
    claims: {
      name: claims?.text('name') ?? 'name',
      email,
      emailVerified: claims?.text('emailVerified') ?? 'email_verified',
      label: claims?.text('label') ?? email,
    },
    hostedDomains: hostedDomains ?? [],
    ...(fields.flag('externalBrowser') === true ? { externalBrowser: true } : {}),
    secondFactor: true,
  }
}

function readAuthentication(fields: JsonFields): ClientAuthentication {
  const secret = fields.text('clientSecret')
  const usual = fields.has('clientSecret')
    ? 'client_secret_basic'
    : fields.has('privateKey')
      ? 'private_key_jwt'
      : 'none'
  if (!fields.has('auth') && usual === 'none') {
    fields.wrong('"clientSecret" or "privateKey" is missing; where the issuer gave neither, set "auth" to "none".')
  }
  const method = fields.oneOf('auth', authMethods) ?? usual
  const needed = method === 'private_key_jwt' ? 'privateKey' : method === 'none' ? undefined : 'clientSecret'
  if (needed !== undefined && !fields.has(needed)) fields.wrong(`"${needed}" is missing: "auth" is "${method}".`)
  for (const name of ['clientSecret', 'privateKey']) {
    if (name !== needed && fields.has(name)) fields.wrong(`"${name}" is of no use with "auth" as "${method}".`)
  }
  if (method === 'none') return { method }
  if (method === 'private_key_jwt') return { method, key: readKey(fields) }
  return { method, secret: secret ?? '' }
}

function readKey(fields: JsonFields): Readonly<Record<string, unknown>> {
  const key = fields.raw('privateKey')
  const usable = isObject(key) && typeof key['d'] === 'string' && signatures.includes(String(key['alg']))
  if (key !== undefined && !usable) {
    fields.wrong(`"privateKey" must be a private key as JWK, with "alg" as one of ${signatures.join(', ')}.`)
  }
  return isObject(key) ? key : {}
}

function readEndpoints(fields: JsonFields, own: string): OidcEndpoints | undefined {
  const names = ['authorization', 'token', 'jwks', 'userinfo'] as const
  const given = fields.inner('endpoints', names)
  if (given === undefined) return undefined
  for (const name of names) {
    const address = given.text(name)
    if (!given.has(name) && name !== 'userinfo') given.wrong(`"${name}" is missing.`)
    const objection = address === undefined ? undefined : addressProblem(address, own)
    if (objection !== undefined) given.wrong(`"${name}" ${objection}`)
  }
  const userinfo = given.text('userinfo')
  return {
    authorization: given.text('authorization') ?? '',
    token: given.text('token') ?? '',
    jwks: given.text('jwks') ?? '',
    ...(userinfo === undefined ? {} : { userinfo }),
  }
}

/** The end of a sentence about an address; undefined for one that may be used. */
function addressProblem(address: string, own: string): string | undefined {
  const url = URL.parse(address)
  if (url === null || !['https:', 'http:'].includes(url.protocol)) return 'must be an https address.'
  if (url.username !== '' || url.password !== '' || url.hash !== '')
    return 'may hold no user name, password or fragment.'
  if (url.protocol === 'https:') return undefined
  if (isLoopbackHost(url.hostname) && isLoopbackHost(new URL(own).hostname)) return undefined
  return 'must be https; plain http is taken only on this machine, where ISSUER is on it, too.'
}

/** In lower case; undefined when one is no domain. */
function domains(given: readonly string[]): readonly string[] | undefined {
  const lower = given.map((domain) => domain.toLowerCase())
  return lower.every((domain) => /^[a-z0-9-]+(\.[a-z0-9-]+)+$/.test(domain)) ? lower : undefined
}
