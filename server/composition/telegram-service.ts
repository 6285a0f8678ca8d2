/**
 * What our bot does: what it can do in its chats, and how updates come to it.
 */
import type { Middleware } from 'koa'
import { lease } from '../../adapters/postgres/leases.ts'
import { numberChoice } from '../../adapters/postgres/number-choice.ts'
import { connectionTimes } from '../../adapters/postgres/telegram-connections.ts'
import { telegramUpdates } from '../../adapters/postgres/telegram-updates.ts'
import { wantedUpdates } from '../../adapters/telegram/updates.ts'
import { visitOf } from '../account/visit.ts'
import { describe } from '../describe-error.ts'
import { adding } from '../interactions/adding.ts'
import { telegramConnectRoutes } from '../routes/telegram-connect.ts'
import { telegramWebhook } from '../routes/telegram-webhook.ts'
import { type TelegramConnect, telegramConnect } from '../telegram/connect.ts'
import { commandsOf, conversation } from '../telegram/conversation.ts'
import type { TelegramFeature } from '../telegram/features.ts'
import { phoneFeature } from '../telegram/phone-feature.ts'
import { poll } from '../telegram/polling.ts'
import { register } from '../telegram/registration.ts'
import { type TakeUpdate, takingUpdates } from '../telegram/updates.ts'
import { approvals } from './approvals.ts'
import type { Parts } from './parts.ts'
import { type Telegram, webhookSecrets } from './telegram.ts'
import { signInFeature } from './telegram-sign-in.ts'

type WithTelegram = Parts & { readonly telegram: Telegram }

/** What the bot can do: whoever adds something adds it here. */
function telegramFeatures(parts: WithTelegram): readonly TelegramFeature[] {
  const { phoneSignIn, stores, telegram } = parts
  const { messenger } = telegram
  const { audit, identities, telegramPhones: phones } = stores
  return [
    connecting(parts).feature,
    approvals(parts, telegram).feature,
    signInFeature(parts, telegram),
    ...(phoneSignIn === undefined
      ? []
      : [
          phoneFeature({
            messenger,
            codes: phoneSignIn.codes,
            phones,
            ownerOf: identities.ownerOf,
            audit: audit.record,
          }),
        ]),
  ]
}

/** The pages behind links of the bot, and where Telegram brings updates; nothing where there is no bot. */
export function telegramRoutes(parts: Parts): readonly Middleware[] {
  const { config, sealer, now, log } = parts.foundation
  if (!hasTelegram(parts) || config.telegram === undefined) return []
  const { accounts, telegramConnections: connections } = parts.stores
  const pages = telegramConnectRoutes({
    issuer: config.issuer,
    pages: parts.pages,
    connections,
    connect: connecting(parts),
    visit: (ctx) => visitOf(ctx, parts.oauth.provider(), accounts.find, now),
  })
  if (config.telegram.updates !== 'webhook') return [pages]
  return [pages, telegramWebhook({ secrets: webhookSecrets(config.telegram, sealer), take: taking(parts), log })]
}

function connecting({ foundation, stores, telegram: { messenger, questions } }: WithTelegram): TelegramConnect {
  const { issuer, productName } = foundation.config
  const { accounts, identities, limits, sessions, telegramConnections: connections } = stores
  const audit = stores.audit.record
  return telegramConnect({
    issuer,
    productName,
    times: connectionTimes,
    connections,
    newChoice: numberChoice,
    questions,
    messenger,
    accounts,
    sessions,
    ownerOf: identities.ownerOf,
    adding: adding({ accounts, audit }),
    limits,
    audit,
  })
}

/** Registers the bot, and fetches updates where that is how they come, until `stopping` is aborted. */
export async function telegramWork(parts: Parts, stopping: AbortSignal): Promise<void> {
  const { config, sealer, store, now, log } = parts.foundation
  if (!hasTelegram(parts) || config.telegram === undefined) return
  const { bot, known } = parts.telegram
  const [webhookSecret = ''] = webhookSecrets(config.telegram, sealer)
  const { updates } = config.telegram
  await register(
    {
      bot,
      issuer: config.issuer,
      updates,
      wantedUpdates,
      webhookSecret,
      commands: commandsOf(telegramFeatures(parts)),
      onKnown: ({ username }) => known(username),
      onError: (why) =>
        log.warn(
          { why },
          'the bot is not set up at Telegram yet; trying again, and habitat-auth telegram status says more',
        ),
    },
    stopping,
  )
  if (updates === 'webhook') return
  const onError = (error: unknown) => log.warn({ error: describe(error) }, 'updates of Telegram were not taken')
  await poll({ bot, take: taking(parts), lease: lease(store.db, now, 'telegram-polling'), onError }, stopping)
}

function taking(parts: WithTelegram): TakeUpdate {
  const { bot, messenger, people, questions } = parts.telegram
  const { config, store, now } = parts.foundation
  const features = telegramFeatures(parts)
  const receive = conversation({ features, messenger, people, questions, productName: config.productName })
  const [botId = ''] = config.telegram?.botToken.split(':') ?? []
  return takingUpdates(telegramUpdates(store.db, now, botId), bot, receive)
}

function hasTelegram(parts: Parts): parts is WithTelegram {
  return parts.telegram !== undefined
}
