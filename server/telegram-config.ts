/**
 * Reads what is set about Telegram: the bot, the countries whose phones get codes, the Gateway, and Log In with Telegram.
 *
 * Pure. Without a bot token nothing of Telegram is offered, so everything else that is set needs one.
 */
import type { OidcConnection } from '../adapters/oidc/contract.ts'
import { isLoopbackHost } from './oidc/redirect-uris.ts'

export interface TelegramConfig {
  readonly botToken: string
  /** Without `@`; undefined: Telegram says it. */
  readonly botUsername: string | undefined
  /** Undefined: made from the key ring. */
  readonly webhookSecret: string | undefined
  /** Origin of the Bot API server. */
  readonly apiRoot: string
  /** How updates come: Telegram brings them, or they are fetched where it cannot reach us. */
  readonly updates: 'webhook' | 'polling'
  /** ISO 3166 codes; the first is that of a number without a country code. */
  readonly phoneCountries: readonly [string, ...string[]]
  readonly gateway: { readonly token: string; readonly root: string } | undefined
  /** Log In with Telegram. */
  readonly oidc: OidcConnection | undefined
  /** The login of old bots; `at`: the origin where Telegram has it. */
  readonly loginWidget: { readonly at: string } | undefined
  /** Whether people are asked for their phone number there, too. */
  readonly oidcPhone: boolean
  /** Ed25519, in hexadecimal, in the place of the key by which Telegram signs for other people's bots. */
  readonly miniAppKey: string | undefined
}

export interface TelegramSettings {
  readonly botToken: string | undefined
  readonly botUsername: string | undefined
  readonly webhookSecret: string | undefined
  readonly apiRoot: string | undefined
  readonly phoneCountries: string | undefined
  readonly gatewayToken: string | undefined
  readonly gatewayRoot: string | undefined
  readonly oidcClientId: string | undefined
  readonly oidcClientSecret: string | undefined
  readonly oidcIssuer: string | undefined
  readonly loginWidget: string | undefined
  readonly oidcPhone: string | undefined
  readonly miniAppKey: string | undefined
}

interface Surroundings {
  readonly issuer: string
  readonly production: boolean
}

/** Undefined where there is no bot. */
export function readTelegram(
  settings: TelegramSettings,
  { issuer, production }: Surroundings,
  problems: string[],
): TelegramConfig | undefined {
  const { botToken, botUsername, webhookSecret } = settings
  if (botToken === undefined) {
    if (Object.values(settings).some((value) => value !== undefined)) {
      problems.push('TELEGRAM_BOT_TOKEN must be set for the other settings of Telegram to be of use.')
    }
    return undefined
  }
  if (!/^\d{1,20}:[\w-]{10,100}$/.test(botToken)) {
    problems.push('TELEGRAM_BOT_TOKEN must be what BotFather gave you: digits, a colon, and letters.')
  }
  if (botUsername !== undefined && !/^\w{5,32}$/.test(botUsername)) {
    problems.push('TELEGRAM_BOT_USERNAME must be 5 to 32 letters, digits or _, without the @.')
  }
  if (webhookSecret !== undefined && !/^[\w-]{32,256}$/.test(webhookSecret)) {
    problems.push('TELEGRAM_WEBHOOK_SECRET must have 32 to 256 characters of A-Z, a-z, 0-9, _ and -.')
  }
  if (settings.oidcPhone !== undefined && (settings.oidcPhone !== 'yes' || settings.oidcClientId === undefined)) {
    problems.push('TELEGRAM_OIDC_PHONE may only be "yes", and needs TELEGRAM_OIDC_CLIENT_ID.')
  }
  if (settings.loginWidget !== undefined && settings.loginWidget !== 'yes') {
    problems.push('TELEGRAM_LOGIN_WIDGET may only be "yes".')
  }
  const { miniAppKey } = settings
  // Whoever has the other half signs for every Telegram user.
  if (miniAppKey !== undefined && production) problems.push('TELEGRAM_MINI_APP_KEY is for tests, not for production.')
  if (miniAppKey !== undefined && !/^[0-9a-f]{64}$/.test(miniAppKey)) {
    problems.push('TELEGRAM_MINI_APP_KEY must be an Ed25519 public key: 64 of 0-9 a-f.')
  }
  const origin = (name: string, value: string | undefined, usual: string): string =>
    originOf(name, value ?? usual, issuer, problems)
  const issuerAt = origin('TELEGRAM_OIDC_ISSUER', settings.oidcIssuer, 'https://oauth.telegram.org')
  return {
    botToken,
    botUsername,
    webhookSecret,
    apiRoot: origin('TELEGRAM_API_ROOT', settings.apiRoot, 'https://api.telegram.org'),
    updates: production ? 'webhook' : 'polling',
    phoneCountries: readCountries(settings.phoneCountries ?? 'KZ', problems),
    gateway:
      settings.gatewayToken === undefined
        ? undefined
        : {
            token: settings.gatewayToken,
            root: origin('TELEGRAM_GATEWAY_ROOT', settings.gatewayRoot, 'https://gatewayapi.telegram.org'),
          },
    oidc: readOidc(settings, issuerAt, problems),
    // It lives where the issuer does.
    loginWidget: settings.loginWidget === 'yes' ? { at: issuerAt } : undefined,
    oidcPhone: settings.oidcPhone === 'yes',
    miniAppKey: miniAppKey !== undefined && /^[0-9a-f]{64}$/.test(miniAppKey) ? miniAppKey : undefined,
  }
}

function originOf(name: string, value: string, issuer: string, problems: string[]): string {
  const url = URL.parse(value)
  const own = isLoopbackHost(new URL(issuer).hostname)
  // A Bot API server of one's own usually stands beside this one.
  const secure = url?.protocol === 'https:' || (url?.protocol === 'http:' && (own || isLoopbackHost(url.hostname)))
  if (url === null || !secure || url.pathname !== '/' || url.search !== '' || url.hash !== '' || url.username !== '') {
    problems.push(
      `${name} must be an https origin such as https://api.example.com. Plain http is taken on this machine alone, or where ISSUER is.`,
    )
  }
  return url?.origin ?? value
}

function readCountries(value: string, problems: string[]): readonly [string, ...string[]] {
  const [first, ...others] = value
    .split(/[\s,]+/)
    .filter((country) => country !== '')
    .map((country) => country.toUpperCase())
  if (first === undefined || [first, ...others].some((country) => !/^[A-Z]{2}$/.test(country))) {
    problems.push('TELEGRAM_PHONE_COUNTRIES must hold ISO 3166 codes such as KZ,KG,UZ.')
  }
  return [first ?? 'KZ', ...others]
}

function readOidc(
  { oidcClientId: clientId, oidcClientSecret: secret }: TelegramSettings,
  issuer: string,
  problems: string[],
): OidcConnection | undefined {
  if (clientId === undefined && secret === undefined) return undefined
  if (clientId === undefined || secret === undefined) {
    problems.push('TELEGRAM_OIDC_CLIENT_ID and TELEGRAM_OIDC_CLIENT_SECRET must be set together.')
    return undefined
  }
  return {
    issuer,
    clientId,
    authentication: { method: 'client_secret_basic', secret },
    repeatsClientId: true,
    // There is no such endpoint.
    userinfo: false,
    clockTolerance: 5,
    timeout: 10,
  }
}
