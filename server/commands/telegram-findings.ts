/** What is wrong with the bot at Telegram: its token, where its updates go, and what went wrong on their way. */
import type { BotState, WebhookState } from '../../adapters/telegram/contract.ts'
import type { Context } from './command.ts'
import type { Finding } from './finding.ts'
import { time } from './text.ts'

type Known = Extract<BotState, { kind: 'known' }>

/** The ports that Telegram brings updates to (Bot API, setWebhook). */
const ports = ['', '80', '88', '8443']
/** Milliseconds in which an error of a webhook is worth telling. */
const recent = 24 * 60 * 60 * 1000

/** Nothing where no bot is set up. */
export async function inspectTelegram(
  context: Pick<Context, 'telegram' | 'config' | 'now'>,
): Promise<readonly Finding[]> {
  const { telegram, config } = context
  if (telegram === undefined || config.telegram === undefined) return []
  const state = await telegram.examine()
  if (state.kind === 'refused') {
    return [
      finding(
        'problem',
        'bot',
        `Telegram refuses the token: ${state.why}.`,
        'Ask BotFather for it (/token) and put it into TELEGRAM_BOT_TOKEN.',
      ),
    ]
  }
  if (state.kind === 'unavailable') {
    const message = `${config.telegram.apiRoot} does not answer as Telegram does: ${state.why}.`
    return [finding('problem', 'bot', message, 'Check whether this machine reaches it, and TELEGRAM_API_ROOT.')]
  }
  const updates =
    config.telegram.updates === 'webhook' ? inspectWebhook(state.webhook, context) : inspectPolling(state.webhook)
  return [...inspectBot(state, config.telegram.botUsername), ...updates]
}

function inspectBot({ id, username, readsGroups }: Known, set: string | undefined): readonly Finding[] {
  const named: Finding =
    set === undefined || set.toLowerCase() === username.toLowerCase()
      ? finding('ok', 'bot', `The token is that of @${username} (${id}).`)
      : finding(
          'problem',
          'bot',
          `The token is that of @${username}, not of @${set}.`,
          'Correct TELEGRAM_BOT_USERNAME, or leave it out.',
        )
  if (!readsGroups) return [named]
  const message = `@${username} is shown everything that is written in the groups that it is in.`
  return [
    named,
    finding('warning', 'privacy', message, 'Tell BotFather: /setprivacy, Enable. The bot is for private chats.'),
  ]
}

function inspectPolling({ url, pending }: WebhookState): readonly Finding[] {
  if (url === undefined) return [finding('ok', 'updates', `This server fetches updates; ${waiting(pending)}.`)]
  const message = `Updates are brought to ${shown(url)}, and this server would fetch them.`
  return [
    finding(
      'problem',
      'updates',
      message,
      'Give this server a bot of its own: when it starts it ends what is set up there.',
    ),
  ]
}

function inspectWebhook(
  webhook: WebhookState,
  { telegram, config, now }: Pick<Context, 'telegram' | 'config' | 'now'>,
) {
  const { url, pending, lastError, allowedUpdates } = webhook
  const findings: Finding[] = []
  const add = (...given: Parameters<typeof finding>) => void findings.push(finding(...given))
  const restart = 'Restart the server: it registers itself.'
  if (!ports.includes(new URL(config.issuer).port)) {
    add('problem', 'updates', `Telegram brings no updates to the port of ${config.issuer}.`, 'Use 443, 80, 88 or 8443.')
  }
  if (url === undefined) add('problem', 'updates', `Updates are brought nowhere; ${waiting(pending)}.`, restart)
  else if (url !== telegram?.webhookAddress) {
    const ours = telegram !== undefined && shown(url) === shown(telegram.webhookAddress)
    if (ours) add('problem', 'updates', 'Updates are brought with another secret than this server expects.', restart)
    else
      add(
        'problem',
        'updates',
        `Updates are brought to ${shown(url)}, not here.`,
        `${restart} If another server uses this bot, give each its own.`,
      )
  } else {
    add('ok', 'updates', `Updates are brought to ${shown(url)}; ${waiting(pending)}.`)
    const missing = telegram.wantedUpdates.filter((kind) => allowedUpdates?.includes(kind) === false)
    if (missing.length > 0) add('problem', 'updates', `Not brought: ${missing.join(', ')}.`, restart)
  }
  if (lastError !== undefined && now().getTime() - lastError.at.getTime() < recent) {
    add(
      'warning',
      'updates',
      `The last one that could not be brought: ${time(lastError.at)}, “${lastError.message}”.`,
      mendingOf(lastError.message),
    )
  }
  return findings
}

function mendingOf(message: string): string {
  if (/401|unauthor/i.test(message)) return 'All nodes must have the same SECRETS and TELEGRAM_WEBHOOK_SECRET.'
  if (/404/.test(message)) return 'The TLS proxy must pass /telegram/webhook on to this server.'
  if (/ssl|certificate/i.test(message)) return 'Telegram must be able to verify the certificate of ISSUER.'
  return 'Check the log of the server at that time, and whether it can be reached from outside.'
}

function waiting(pending: number): string {
  return pending === 0 ? 'none waits' : `${pending} wait`
}

/** An address without its query, where others may keep a secret. */
function shown(address: string): string {
  const url = URL.parse(address)
  return url === null ? 'somewhere' : url.origin + url.pathname
}

function finding(level: Finding['level'], check: string, message: string, remedy?: string): Finding {
  return { check: `telegram ${check}`, level, message, ...(remedy === undefined ? {} : { remedy }) }
}
