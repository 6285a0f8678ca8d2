/**
 * Tells Telegram, when the server starts, where updates go and what the bot can do; and learns the name of the bot.
 *
 * Telegram may be down: it is tried again until it worked. What is right already is left as it is, because every node does
 * this.
 */
import { hash } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import type { BotCommand, BotState, TelegramBot, WantedUpdates } from '../../adapters/telegram/contract.ts'

export const webhookPath = '/telegram/webhook'

export interface RegistrationOptions {
  bot: TelegramBot
  issuer: string
  updates: 'webhook' | 'polling'
  wantedUpdates: WantedUpdates
  webhookSecret: string
  commands: readonly BotCommand[]
  /** Told what Telegram says of the bot. */
  onKnown: (state: Extract<BotState, { kind: 'known' }>) => void
  /** Told of what went wrong, once for as long as it stays the same. */
  onError: (why: string) => void
  /** Milliseconds between two tries. */
  pause?: number
}

const usualPause = 15_000

/**
 * Where Telegram is to bring updates. It does not tell by which secret it does, so a part of the address changes with it:
 * 48 bits of its hash, of no use to whoever reads them.
 */
export function webhookAddress(issuer: string, secret: string): string {
  return `${issuer}${webhookPath}?secret=${hash('sha256', secret, 'base64url').slice(0, 8)}`
}

/** Answers once Telegram knows everything, or when `stopping` is aborted. */
export async function register(options: RegistrationOptions, stopping: AbortSignal): Promise<void> {
  const { pause = usualPause, onError } = options
  let told: string | undefined
  while (!stopping.aborted) {
    const problem = await tried(options).catch((error: unknown) => (error instanceof Error ? error.message : 'unknown'))
    if (problem === undefined) return
    if (problem !== told) onError(problem)
    told = problem
    await setTimeout(pause, undefined, { signal: stopping }).catch(() => undefined)
  }
}

/** What went wrong. */
async function tried({ bot, commands, onKnown, ...wanted }: RegistrationOptions): Promise<string | undefined> {
  const state = await bot.examine()
  if (state.kind !== 'known') return state.why
  onKnown(state)
  await bot.showCommands(commands)
  const { url, allowedUpdates = [] } = state.webhook
  if (wanted.updates === 'polling') {
    if (url !== undefined) await bot.keepUpdates()
    return undefined
  }
  const address = webhookAddress(wanted.issuer, wanted.webhookSecret)
  const same = [...allowedUpdates].sort().join() === [...wanted.wantedUpdates].sort().join()
  if (url !== address || !same) await bot.bringUpdates(address, wanted.webhookSecret)
  return undefined
}
