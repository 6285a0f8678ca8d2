/** Puts oktron together, and connects it with Telegram in either of the two ways there are. */
import type { RequestListener } from 'node:http'
import { setTimeout } from 'node:timers/promises'
import { GrammyError, webhookCallback } from 'grammy'
import type { Allowed, Registration } from './access.ts'
import { authorization as authorize } from './authorization.ts'
import { menu, oktronBot } from './bot.ts'
import type { Chat } from './chat.ts'
import { connecting as connectings } from './connecting.ts'
import { handOff as handOffs } from './hand-off.ts'
import { NotConnected, okto as oktos } from './okto.ts'
import { describe, isUnreachable } from './outgoing.ts'
import { pending as pendings } from './pending.ts'
import { texts } from './texts.ts'
import { turns } from './turns.ts'
import { vault as vaults } from './vault.ts'
import { webPages } from './web-pages.ts'

export interface OktronOptions {
  /** From BotFather. */
  token: string
  /** Another Bot API server than Telegram's. */
  apiRoot?: string
  issuer: string
  /** A client of the profile `device`; with a secret, it may have the server ask people in its own chat. */
  client: Registration
  /** A client of the profile `web`, and where the pages of oktron are reached: hands people over to a browser. */
  web?: { address: string; client: Registration } | undefined
  /** Where okto's API is reached. */
  api: string
  /** Its identifier, where that is another. */
  resource?: string
  vault: { folder: string; key: Buffer }
  /** Takes one line for each thing that happened; none says to whom. */
  log: (line: string) => void
  /** Lets seconds pass, when Telegram wants it so. */
  wait?: (seconds: number) => Promise<void>
  /** Lets seconds pass until something counts no more; ends early with the signal. */
  until?: (seconds: number, over: AbortSignal) => Promise<void>
}

export interface Oktron {
  /** The name by which people find it. */
  readonly username: string
  /** Fetches updates until `stop`. The promise ends then; throws when Telegram refuses the bot. */
  poll(): Promise<void>
  /**
   * Tells Telegram to bring updates to this address, which leads to the listener that is answered. `secret`: 32 to 256
   * characters of `A-Za-z0-9_-`; without it anybody could speak as anybody.
   */
  webhook(url: string, secret: string): Promise<RequestListener>
  /** The pages of oktron; undefined where it has none. */
  readonly pages: RequestListener | undefined
  stop(): Promise<void>
}

const allowedUpdates = ['message', 'callback_query'] as const

/** Throws when the server or Telegram does not answer; a `RangeError` where Telegram does not know the token. */
export async function oktron(options: OktronOptions): Promise<Oktron> {
  const { token, apiRoot, issuer, client, web, api, resource = api, log } = options
  const { wait = (seconds) => setTimeout(seconds * 1000), until = untilOver } = options
  const inTurn = turns()
  const pending = pendings()
  const pages = web && { ...web.client, redirectUri: `${web.address}/connected` }
  const authorization = await authorize({ issuer, device: client, web: pages, resource })
  const handOff =
    authorization.web &&
    handOffs({ web: authorization.web, address: web?.address ?? '', wait: until, revoke: giveBack })
  const { people, unfinished } = await vaults(options.vault)
  const okto = oktos({ authorization, people, api })
  const connecting = connectings({ authorization, issuer, handOff, okto, unfinished, pending, inTurn, log, onError })
  const bot = oktronBot({ token, apiRoot, okto, connecting, pending, inTurn, wait, onError })
  await bot.init().catch(refusedToken)
  await bot.api.setMyCommands(menu)
  await tellWhoWaited()
  let polling: Promise<void> | undefined

  /** Ends access that nobody took. The server may be away: then it stays in the account, and its tokens with nobody. */
  async function giveBack(allowed: Allowed): Promise<void> {
    await authorization.revoke(allowed).catch((error: unknown) => log(`not revoked: ${describe(error)}`))
  }

  /** What the program before waited for has ended with it, and the people do not know. */
  async function tellWhoWaited(): Promise<void> {
    for (const { person, messageId } of await unfinished.all()) {
      await unfinished.forget(person)
      // In a private chat Telegram takes the person for the chat.
      await bot.api.editMessageText(person, messageId, texts.restarted).catch((error: unknown) => {
        log(`failed: ${describe(error)}`)
      })
    }
  }

  async function onError(chat: Chat | undefined, error: unknown): Promise<void> {
    try {
      if (error instanceof NotConnected) await chat?.say(error.ended ? texts.ended : texts.notConnected)
      else if (isUnreachable(error)) await forget(chat)
      else {
        log(`failed: ${describe(error)}`)
        await chat?.say(texts.failed)
      }
    } catch (another) {
      if (isUnreachable(another)) await forget(chat)
      else log(`failed: ${describe(another)}`)
    }
  }

  /** Nobody reads what is written there any more: there is no reason to keep their tokens. */
  async function forget(chat: Chat | undefined): Promise<void> {
    log('person.unreachable')
    if (chat !== undefined) await okto.disconnect(chat.person)
  }

  return {
    username: bot.botInfo.username,
    pages:
      handOff &&
      web &&
      webPages({
        handOff,
        address: web.address,
        issuer,
        bot: bot.botInfo.username,
        onError: (error) => log(`page: ${describe(error)}`),
      }),

    poll() {
      polling = bot.start({ allowed_updates: allowedUpdates })
      return polling
    },

    async webhook(url, secret) {
      if (!/^[\w-]{32,256}$/.test(secret))
        throw new RangeError('The secret of the webhook has 32 to 256 characters of A-Z, a-z, 0-9, _ and -.')
      const answer = webhookCallback(bot, 'http', { secretToken: secret, onTimeout: 'return' })
      await bot.api.setWebhook(url, { secret_token: secret, allowed_updates: allowedUpdates })
      return (request, response) => {
        answer(request, response).catch((error: unknown) => {
          log(`webhook: ${describe(error)}`)
          if (!response.headersSent) response.writeHead(400).end()
        })
      }
    },

    async stop() {
      const fetching = polling
      polling = undefined
      if (fetching !== undefined) await bot.stop()
      await fetching
      connecting.stop()
    },
  }
}

/** Telegram answers 404 to a token that never was one. */
function refusedToken(error: unknown): never {
  const unknown = error instanceof GrammyError && [401, 404].includes(error.error_code)
  throw unknown ? new RangeError('Telegram refuses the token: set BOT_TOKEN to what BotFather gave you.') : error
}

async function untilOver(seconds: number, signal: AbortSignal): Promise<void> {
  await setTimeout(seconds * 1000, undefined, { signal, ref: false }).catch(() => undefined)
}
