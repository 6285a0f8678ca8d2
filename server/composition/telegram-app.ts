/** The Mini App of our own bot; nothing where there is no bot. */
import type { Middleware } from 'koa'
import { webappProvider } from '../../adapters/identity/telegram-webapp.ts'
import { signInUrl } from '../account/visit.ts'
import { telegramAppRoutes } from '../routes/telegram-app.ts'
import type { Parts } from './parts.ts'

export function telegramApp({ foundation: { config }, telegram }: Parts): readonly Middleware[] {
  if (telegram === undefined) return []
  // Several people may share the browser inside Telegram: whoever was here before says nothing about who opens it.
  const anew = new URLSearchParams({ login_hint: webappProvider, prompt: 'login' })
  return [telegramAppRoutes(() => `${signInUrl(config.issuer, '/account')}&${anew}`)]
}
