/**
 * Reads every setting from the environment, once.
 *
 * Pure: the environment and what was found in the data directory are arguments. Every problem is collected, so that
 * one start shows all there is to mend. The only file that knows the names of the settings.
 */
import { join, resolve } from 'node:path'
import ipaddr from 'ipaddr.js'
import { pdsScope, pdsScopeProblem } from './atproto/scopes.ts'
import { type GoogleConfig, type OidcProviderConfig, readGoogle, readOidcProviders } from './oidc-providers-config.ts'
import type { CertificateHeaders } from './request-info.ts'
import { readTelegram, type TelegramConfig } from './telegram-config.ts'
import { readUnverifiedClients, type UnverifiedClientsConfig } from './unverified-clients-config.ts'

export interface Config {
  readonly production: boolean
  readonly host: string
  readonly port: number
  /** Origin of the issuer identifier, without a trailing slash. */
  readonly issuer: string
  readonly database: { readonly kind: 'postgres'; readonly url: string } | { readonly kind: 'embedded' }
  /** Absolute path; holds the embedded database, generated secrets and the admin socket. */
  readonly dataDir: string
  /** Key ring for sealing and cookies, newest first; empty means: generate in `dataDir`. */
  readonly secrets: readonly string[]
  /** Networks whose `X-Forwarded-*` headers are believed (CIDR notation). */
  readonly trustProxy: readonly string[]
  /** The header in which they name a request's country, in lower case. */
  readonly countryHeader: string | undefined
  /** Where they hand on certificates of clients (RFC 8705, RFC 9440); undefined: nowhere. */
  readonly clientCertificates: CertificateHeaders | undefined
  readonly registration: 'open' | 'closed'
  /** Name of the product on the pages. */
  readonly productName: string
  readonly atproto: AtprotoConfig
  /** Undefined: nobody signs in with Google. */
  readonly google: GoogleConfig | undefined
  /** Other issuers at which people sign in. */
  readonly oidcProviders: readonly OidcProviderConfig[]
  /** Undefined: there is no bot, and nobody signs in with Telegram. */
  readonly telegram: TelegramConfig | undefined
  readonly unverifiedClients: UnverifiedClientsConfig
  /** By which IFTTT authenticates to our Service API, newest first; empty: it cannot. */
  readonly iftttServiceKeys: readonly string[]
  readonly logLevel: LogLevel
}

export interface AtprotoConfig {
  /** Origin of the PLC directory; undefined: the public one. */
  readonly plcUrl: string | undefined
  /** Origin of a service that resolves handles (XRPC); undefined: by DNS and HTTPS, as the specification says. */
  readonly handleResolver: string | undefined
  /** The most that a PDS is ever asked for, each scope in its one form. */
  readonly scope: readonly string[]
  /** Whether signing out here ends the link to the PDS, too. It always ends with the last app that needs it. */
  readonly signOut: 'keep' | 'end'
}

export type LogLevel = (typeof logLevels)[number]
const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const

/** The settings are not usable; `problems` has one sentence for each. */
export class ConfigError extends Error {
  override name = 'ConfigError'
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(`The settings are not usable:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`)
    this.problems = problems
  }
}

/** Every setting: name, and what it is for in one line. `docs/settings.md` and the shipping test are held to this list. */
export const settings = {
  NODE_ENV: 'production demands an https ISSUER, DATABASE_URL and SECRETS',
  HOST: 'address to listen on (default 127.0.0.1; 0.0.0.0 in production)',
  PORT: 'port to listen on (default 3000)',
  ISSUER: 'public origin of this server (default http://localhost:PORT)',
  DATABASE_URL: 'Postgres 15 or later; unset: embedded database in DATA_DIR',
  DATA_DIR: 'folder of the embedded database and generated secrets (default .data)',
  SECRETS: 'key ring for sealing and cookies: secrets of 32 or more characters, newest first, separated by commas',
  TRUST_PROXY: 'networks of the TLS proxy whose X-Forwarded headers are believed, separated by commas',
  COUNTRY_HEADER: 'header in which that proxy names the country of a request (ISO 3166)',
  CLIENT_CERTIFICATE_HEADER: 'header in which that proxy hands on the certificate of a client (mutual TLS, RFC 8705)',
  CLIENT_CERTIFICATE_VERIFY_HEADER: 'header in which it says SUCCESS where a CA of yours vouches for that certificate',
  REGISTRATION: 'open (default) or closed: whether people may create accounts themselves',
  CLIENT_METADATA_DOCUMENTS:
    'no (default), yes, or hosts separated by commas: client ids may be addresses of documents',
  CLIENT_REGISTRATION: 'closed (default), token or open: whether apps may register themselves (RFC 7591)',
  UNVERIFIED_CLIENT_SCOPES: 'what such apps may ask for at most (default "openid profile email offline_access")',
  PRODUCT_NAME: 'name of the product on the pages (default Habitat)',
  ATPROTO_PLC_URL: 'directory of DIDs (default https://plc.directory)',
  ATPROTO_HANDLE_RESOLVER: 'service that resolves atproto handles (default: DNS and HTTPS)',
  ATPROTO_SCOPE: 'the most that a PDS is ever asked for (default "atproto transition:generic")',
  ATPROTO_SIGN_OUT: 'keep (default) or end: whether signing out here ends the link to the PDS',
  GOOGLE_CLIENT_ID: 'client id from the Google Cloud console: people may sign in with Google',
  GOOGLE_CLIENT_SECRET: 'the secret that belongs to GOOGLE_CLIENT_ID',
  GOOGLE_ISSUER: 'another issuer in the place of Google, for tests (default https://accounts.google.com)',
  GOOGLE_HOSTED_DOMAIN: 'organisations at Google whose people are let in, separated by commas (default: everybody)',
  OIDC_PROVIDERS: 'other OpenID Connect issuers at which people sign in: JSON, or a file that holds it',
  TELEGRAM_BOT_TOKEN: 'what BotFather gave you: people may sign in with Telegram, and approve requests there',
  TELEGRAM_BOT_USERNAME: 'name of that bot, without @ (default: what Telegram says it is)',
  TELEGRAM_WEBHOOK_SECRET: 'by which Telegram proves that an update is from it (default: made from SECRETS)',
  TELEGRAM_API_ROOT: 'another Bot API server than https://api.telegram.org',
  TELEGRAM_PHONE_COUNTRIES: 'countries whose phone numbers get codes, ISO 3166, the usual one first (default KZ)',
  TELEGRAM_GATEWAY_TOKEN: 'access token of the Telegram Gateway: codes also reach people who never wrote to the bot',
  TELEGRAM_GATEWAY_ROOT: 'another server than https://gatewayapi.telegram.org, for tests',
  TELEGRAM_OIDC_CLIENT_ID: 'client id of Log In with Telegram, from BotFather',
  TELEGRAM_OIDC_CLIENT_SECRET: 'the secret that belongs to TELEGRAM_OIDC_CLIENT_ID',
  TELEGRAM_OIDC_ISSUER: 'another issuer in its place, for tests (default https://oauth.telegram.org)',
  TELEGRAM_OIDC_PHONE: 'yes: people are asked for their phone number there, too, and get codes without sharing it',
  TELEGRAM_LOGIN_WIDGET: 'yes: people sign in by the old login of that bot, which has no client id',
  TELEGRAM_MINI_APP_KEY: 'key that signs for Mini Apps of other bots in the place of that of Telegram, for tests',
  IFTTT_SERVICE_KEYS: 'service keys of IFTTT, newest first, separated by commas',
  ALLOW_EMBEDDED_DATABASE: 'yes allows the embedded database in production',
  LOG_LEVEL: 'trace, debug, info (default), warn, error or silent',
} as const

type Environment = Readonly<Record<string, string | undefined>>

/** Shortest secret of the key ring, characters. */
const minimumSecretLength = 32
/** Shortest service key, characters; IFTTT makes them, much longer. */
const minimumServiceKeyLength = 16

/**
 * Reads the settings. Throws `ConfigError` with every problem found. `readFile` reads a file that a setting names; it
 * throws what the file system throws.
 */
export function readConfig(env: Environment, readFile: (path: string) => string = noFiles): Config {
  const problems: string[] = []
  const production = env['NODE_ENV'] === 'production'
  const port = readPort(env['PORT'], problems)
  const host = text(env['HOST']) ?? (production ? '0.0.0.0' : '127.0.0.1')
  const issuer = readIssuer(text(env['ISSUER']), port, production, problems)
  const database = readDatabase(env, production, problems)
  const secrets = readSecrets(text(env['SECRETS']), production, problems)
  const trustProxy = readNetworks(text(env['TRUST_PROXY']), problems)
  const headerOf = (name: HeaderSetting) => readHeaderName(name, text(env[name]), trustProxy, problems)
  const countryHeader = headerOf('COUNTRY_HEADER')
  const clientCertificates = readCertificates(
    headerOf('CLIENT_CERTIFICATE_HEADER'),
    headerOf('CLIENT_CERTIFICATE_VERIFY_HEADER'),
    problems,
  )
  const registration = oneOf('REGISTRATION', text(env['REGISTRATION']) ?? 'open', ['open', 'closed'], problems)
  const unverifiedClients = readUnverifiedClients(
    {
      documents: text(env['CLIENT_METADATA_DOCUMENTS']),
      registration: text(env['CLIENT_REGISTRATION']),
      scopes: text(env['UNVERIFIED_CLIENT_SCOPES']),
    },
    problems,
  )
  const atproto = readAtproto(env, new URL(issuer).hostname, problems)
  const google = readGoogle(
    {
      clientId: text(env['GOOGLE_CLIENT_ID']),
      clientSecret: text(env['GOOGLE_CLIENT_SECRET']),
      issuer: text(env['GOOGLE_ISSUER']),
      hostedDomain: text(env['GOOGLE_HOSTED_DOMAIN']),
    },
    { issuer },
    problems,
  )
  const oidcProviders = readOidcProviders(text(env['OIDC_PROVIDERS']), { issuer, readFile }, problems)
  const telegram = readTelegram(
    {
      botToken: text(env['TELEGRAM_BOT_TOKEN']),
      botUsername: text(env['TELEGRAM_BOT_USERNAME']),
      webhookSecret: text(env['TELEGRAM_WEBHOOK_SECRET']),
      apiRoot: text(env['TELEGRAM_API_ROOT']),
      phoneCountries: text(env['TELEGRAM_PHONE_COUNTRIES']),
      gatewayToken: text(env['TELEGRAM_GATEWAY_TOKEN']),
      gatewayRoot: text(env['TELEGRAM_GATEWAY_ROOT']),
      oidcClientId: text(env['TELEGRAM_OIDC_CLIENT_ID']),
      oidcClientSecret: text(env['TELEGRAM_OIDC_CLIENT_SECRET']),
      oidcIssuer: text(env['TELEGRAM_OIDC_ISSUER']),
      loginWidget: text(env['TELEGRAM_LOGIN_WIDGET']),
      oidcPhone: text(env['TELEGRAM_OIDC_PHONE']),
      miniAppKey: text(env['TELEGRAM_MINI_APP_KEY']),
    },
    { issuer, production },
    problems,
  )
  const iftttServiceKeys = readServiceKeys(text(env['IFTTT_SERVICE_KEYS']), problems)
  const logLevel = oneOf('LOG_LEVEL', text(env['LOG_LEVEL']) ?? 'info', logLevels, problems)
  if (problems.length > 0) throw new ConfigError(problems)
  return Object.freeze({
    production,
    host,
    port,
    issuer,
    database,
    dataDir: resolve(text(env['DATA_DIR']) ?? '.data'),
    secrets,
    trustProxy,
    countryHeader,
    clientCertificates,
    registration,
    unverifiedClients,
    productName: text(env['PRODUCT_NAME']) ?? 'Habitat',
    atproto,
    google,
    oidcProviders,
    telegram,
    iftttServiceKeys,
    logLevel,
  })
}

/** Where the server that owns `dataDir` listens for the CLI. */
export function adminSocketPath(dataDir: string): string {
  return join(dataDir, 'admin.sock')
}

function noFiles(): never {
  throw new Error('files are not read here')
}

function text(value: string | undefined): string | undefined {
  const trimmed = value?.trim()
  return trimmed === '' ? undefined : trimmed
}

function readPort(value: string | undefined, problems: string[]): number {
  const port = Number(text(value) ?? '3000')
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port
  problems.push(`PORT must be a number from 0 to 65535, not "${value}".`)
  return 3000
}

function readIssuer(value: string | undefined, port: number, production: boolean, problems: string[]): string {
  const fallback = `http://localhost:${port}`
  if (value === undefined) {
    if (production) problems.push('ISSUER must be set in production: the public https origin of this server.')
    return fallback
  }
  const url = URL.canParse(value) ? new URL(value) : undefined
  if (url === undefined || !['http:', 'https:'].includes(url.protocol)) {
    problems.push(`ISSUER must be an http(s) URL such as https://auth.example.com, not "${value}".`)
    return fallback
  }
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '' || url.username !== '') {
    problems.push('ISSUER must be an origin only: no path, query, fragment or user name.')
  }
  if (production && url.protocol !== 'https:') problems.push('ISSUER must be https in production.')
  if (url.protocol === 'http:' && !production && !isLoopback(url.hostname)) {
    problems.push('ISSUER may be http only on localhost, 127.0.0.1 or [::1]; use https elsewhere.')
  }
  return url.origin
}

/** Whether a host name means this machine. */
function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '127.0.0.1' || hostname === '[::1]'
}

function readDatabase(env: Environment, production: boolean, problems: string[]): Config['database'] {
  const url = text(env['DATABASE_URL'])
  if (url !== undefined) {
    if (!/^postgres(ql)?:\/\//.test(url) || !URL.canParse(url)) {
      problems.push('DATABASE_URL must look like postgres://user:password@host:5432/name.')
    }
    return { kind: 'postgres', url }
  }
  if (production && text(env['ALLOW_EMBEDDED_DATABASE']) !== 'yes') {
    problems.push(
      'DATABASE_URL must be set in production. The embedded database does not survive a power loss; set ALLOW_EMBEDDED_DATABASE=yes if that is acceptable.',
    )
  }
  return { kind: 'embedded' }
}

function readSecrets(value: string | undefined, production: boolean, problems: string[]): readonly string[] {
  const secrets = (value ?? '').split(',').map((secret) => secret.trim())
  const given = secrets.filter((secret) => secret !== '')
  if (given.length === 0 && production) {
    problems.push('SECRETS must be set in production, for example to the output of: openssl rand -base64 48')
  }
  if (given.some((secret) => secret.length < minimumSecretLength)) {
    problems.push(`SECRETS: every secret must have at least ${minimumSecretLength} characters.`)
  }
  return given
}

function readServiceKeys(value: string | undefined, problems: string[]): readonly string[] {
  if (value === undefined) return []
  const given = value
    .split(',')
    .map((key) => key.trim())
    .filter((key) => key !== '')
  // They come in a header (RFC 9110 §5.5). Quotation marks are those of whoever wrote the setting, and would never match.
  const usable = given.every((key) => key.length >= minimumServiceKeyLength && /^[\x21-\x7e]+$/.test(key))
  if (given.length === 0 || !usable || given.some((key) => /["']/.test(key))) {
    problems.push(
      `IFTTT_SERVICE_KEYS: a key has at least ${minimumServiceKeyLength} letters, digits or signs, no space and no quotation marks. Copy it from the API settings of your service on IFTTT; several are separated by commas.`,
    )
  }
  return given
}

function readNetworks(value: string | undefined, problems: string[]): readonly string[] {
  const networks = (value ?? '').split(',').map((network) => network.trim())
  return networks
    .filter((network) => network !== '')
    .map((network) => {
      const bits = ipaddr.IPv4.isValid(network) ? '/32' : ipaddr.IPv6.isValid(network) ? '/128' : ''
      const cidr = `${network}${bits}`
      if (!ipaddr.isValidCIDR(cidr)) {
        problems.push(`TRUST_PROXY must list addresses or networks such as 10.0.0.0/8, not "${network}".`)
      }
      return cidr
    })
}

type HeaderSetting = 'COUNTRY_HEADER' | 'CLIENT_CERTIFICATE_HEADER' | 'CLIENT_CERTIFICATE_VERIFY_HEADER'
const exampleHeaders: Readonly<Record<HeaderSetting, string>> = {
  COUNTRY_HEADER: 'CF-IPCountry',
  CLIENT_CERTIFICATE_HEADER: 'Client-Cert',
  CLIENT_CERTIFICATE_VERIFY_HEADER: 'X-Client-Cert-Verify',
}

function readHeaderName(
  name: HeaderSetting,
  value: string | undefined,
  trustProxy: readonly string[],
  problems: string[],
): string | undefined {
  if (value === undefined) return undefined
  if (!/^[A-Za-z0-9-]+$/.test(value)) {
    problems.push(`${name} must be the name of a header such as ${exampleHeaders[name]}, not "${value}".`)
  }
  if (trustProxy.length === 0) problems.push(`${name} is believed of a proxy in TRUST_PROXY only. Set both.`)
  return value.toLowerCase()
}

function readCertificates(
  header: string | undefined,
  verifyHeader: string | undefined,
  problems: string[],
): CertificateHeaders | undefined {
  if (header !== undefined) return { header, verifyHeader }
  if (verifyHeader !== undefined) {
    problems.push('CLIENT_CERTIFICATE_VERIFY_HEADER says something of the one in CLIENT_CERTIFICATE_HEADER. Set both.')
  }
  return undefined
}

function readAtproto(env: Environment, issuerHost: string, problems: string[]): AtprotoConfig {
  const origin = (name: 'ATPROTO_PLC_URL' | 'ATPROTO_HANDLE_RESOLVER'): string | undefined => {
    const value = text(env[name])
    if (value === undefined) return undefined
    const url = URL.parse(value)
    if (url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback(issuerHost))) return url.origin
    problems.push(
      `${name} must be an https address, not "${value}". Plain http is taken where ISSUER is on this machine.`,
    )
    return undefined
  }
  const scope = readScopes(text(env['ATPROTO_SCOPE']) ?? 'atproto transition:generic', problems)
  return {
    plcUrl: origin('ATPROTO_PLC_URL'),
    handleResolver: origin('ATPROTO_HANDLE_RESOLVER'),
    scope,
    signOut: oneOf('ATPROTO_SIGN_OUT', text(env['ATPROTO_SIGN_OUT']) ?? 'keep', ['keep', 'end'], problems),
  }
}

function readScopes(value: string, problems: string[]): readonly string[] {
  const scopes = [...new Set(value.split(/\s+/))]
  if (!scopes.includes('atproto')) problems.push('ATPROTO_SCOPE must hold "atproto": nobody can sign in without it.')
  for (const scope of scopes) {
    if (scope === 'atproto' || pdsScope(scope) !== undefined) continue
    problems.push(
      `ATPROTO_SCOPE: "${scope.slice(0, 100)}" is no scope of a PDS. ${pdsScopeProblem(scope) ?? 'They begin with transition:, repo:, rpc:, blob:, account: or identity:.'}`,
    )
  }
  return [...new Set(scopes.map((scope) => pdsScope(scope) ?? scope))]
}

function oneOf<T extends string>(name: string, value: string, allowed: readonly T[], problems: string[]): T {
  const found = allowed.find((candidate) => candidate === value)
  if (found === undefined) problems.push(`${name} must be one of ${allowed.join(', ')}, not "${value}".`)
  return found ?? (allowed[0] as T)
}
