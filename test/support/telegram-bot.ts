/** Settings of a server whose bot is at the fake Telegram, in either of the two ways in which updates come. */
import type { Telegram } from './fakes/telegram.ts'

/** Updates are fetched, as on a developer's machine. */
export function pollingAt({ token, apiRoot }: Telegram): Record<string, string> {
  return { TELEGRAM_BOT_TOKEN: token, TELEGRAM_API_ROOT: apiRoot }
}

/** The public origin of a server to which Telegram brings updates; `telegram.route` leads from it to the server. */
export const publicOrigin = 'https://auth.example'

/** Updates are brought, as in production. */
export function webhookAt(telegram: Telegram): Record<string, string> {
  return {
    ...pollingAt(telegram),
    NODE_ENV: 'production',
    HOST: '127.0.0.1',
    ISSUER: publicOrigin,
    TRUST_PROXY: '127.0.0.1',
    ALLOW_EMBEDDED_DATABASE: 'yes',
  }
}
