/** The settings of Telegram: read whole, every mistake told, the token and secrets never shown. */
import { describe, expect, test } from 'vitest'
import { type ConfigError, readConfig } from '../../server/config.ts'

const token = '1234567890:token-that-botfather-gave-you'
const read = (settings: Record<string, string>) => readConfig({ TELEGRAM_BOT_TOKEN: token, ...settings }).telegram
const secure = {
  NODE_ENV: 'production',
  ISSUER: 'https://auth.example.com',
  DATABASE_URL: 'postgres://habitat@db/habitat',
  SECRETS: 'a-secret-of-more-than-thirty-two-characters',
}

function problemsOf(settings: Record<string, string>): readonly string[] {
  try {
    readConfig({ TELEGRAM_BOT_TOKEN: token, ...settings })
    return []
  } catch (error) {
    return (error as ConfigError).problems
  }
}

test('the token is enough; the rest is what is usual', () => {
  expect(read({})).toEqual({
    botToken: token,
    botUsername: undefined,
    webhookSecret: undefined,
    apiRoot: 'https://api.telegram.org',
    updates: 'polling',
    phoneCountries: ['KZ'],
    gateway: undefined,
    oidc: undefined,
    oidcPhone: false,
  })
})

test('without a token there is nothing of Telegram, and other settings of it are of no use', () => {
  expect(readConfig({}).telegram).toBeUndefined()
  expect(readConfig({ TELEGRAM_BOT_TOKEN: ' ' }).telegram).toBeUndefined()
  expect(() => readConfig({ TELEGRAM_GATEWAY_TOKEN: 'x' })).toThrow('TELEGRAM_BOT_TOKEN must be set')
})

test('updates are brought in production and fetched elsewhere', () => {
  expect(read(secure)?.updates).toBe('webhook')
  expect(read({ ISSUER: 'https://auth.example.com' })?.updates).toBe('polling')
})

test('countries are taken in any case, the first is the usual one', () => {
  expect(read({ TELEGRAM_PHONE_COUNTRIES: 'kg, KZ uz' })?.phoneCountries).toEqual(['KG', 'KZ', 'UZ'])
})

test('the Gateway and Log In with Telegram have addresses that tests replace', () => {
  const telegram = read({
    TELEGRAM_GATEWAY_TOKEN: 'hush',
    TELEGRAM_GATEWAY_ROOT: 'http://127.0.0.1:1',
    TELEGRAM_OIDC_CLIENT_ID: '77',
    TELEGRAM_OIDC_CLIENT_SECRET: 'secret',
  })
  expect(telegram?.gateway).toEqual({ token: 'hush', root: 'http://127.0.0.1:1' })
  expect(telegram?.oidc).toMatchObject({ issuer: 'https://oauth.telegram.org', clientId: '77', userinfo: false })
})

describe('a mistake is named, and no secret with it', () => {
  const mistakes: [string, Record<string, string>, string][] = [
    ['a token that is none', { TELEGRAM_BOT_TOKEN: 'hush-hush' }, 'TELEGRAM_BOT_TOKEN'],
    ['a name with @', { TELEGRAM_BOT_USERNAME: '@habitat_bot' }, 'TELEGRAM_BOT_USERNAME'],
    ['a secret that can be guessed', { TELEGRAM_WEBHOOK_SECRET: 'hush-hush' }, 'TELEGRAM_WEBHOOK_SECRET'],
    [
      'a secret that Telegram refuses',
      { TELEGRAM_WEBHOOK_SECRET: `hush-hush ${'x'.repeat(32)}` },
      'TELEGRAM_WEBHOOK_SECRET',
    ],
    ['an address with a path', { TELEGRAM_API_ROOT: 'https://api.example/bot' }, 'TELEGRAM_API_ROOT'],
    ['an address with a password', { TELEGRAM_API_ROOT: 'https://u:hush-hush@api.example' }, 'TELEGRAM_API_ROOT'],
    ['plain http to another machine', { ...secure, TELEGRAM_API_ROOT: 'http://api.example' }, 'TELEGRAM_API_ROOT'],
    ['a country that is none', { TELEGRAM_PHONE_COUNTRIES: 'KZ,Kazakhstan' }, 'TELEGRAM_PHONE_COUNTRIES'],
    ['no country', { TELEGRAM_PHONE_COUNTRIES: ',' }, 'TELEGRAM_PHONE_COUNTRIES'],
    ['half a client', { TELEGRAM_OIDC_CLIENT_SECRET: 'hush-hush' }, 'TELEGRAM_OIDC_CLIENT_ID'],
  ]
  test.each(mistakes)('%s', (_what, settings, name) => {
    const problems = problemsOf(settings)
    expect(problems).toHaveLength(1)
    expect(problems[0]).toContain(name)
    expect(problems[0]).not.toContain('hush-hush')
  })
})

test('a Bot API server of one’s own may be reached by plain http on this machine', () => {
  expect(read({ ...secure, TELEGRAM_API_ROOT: 'http://127.0.0.1:8081' })?.apiRoot).toBe('http://127.0.0.1:8081')
})

test('the phone number is asked for only where people log in at Telegram', () => {
  const login = { TELEGRAM_OIDC_CLIENT_ID: '1', TELEGRAM_OIDC_CLIENT_SECRET: 'x' }
  expect(read({ ...login, TELEGRAM_OIDC_PHONE: 'yes' })?.oidcPhone).toBe(true)
  expect(problemsOf({ ...login, TELEGRAM_OIDC_PHONE: 'no' })).toEqual([expect.stringContaining('TELEGRAM_OIDC_PHONE')])
  expect(problemsOf({ TELEGRAM_OIDC_PHONE: 'yes' })).toEqual([expect.stringContaining('TELEGRAM_OIDC_CLIENT_ID')])
})
