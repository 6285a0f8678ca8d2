/**
 * `/connect`: chooses a way, shows it, waits beside all else, says how it went, lets people choose a PIN.
 *
 * One at a time for each person: a second `/connect` replaces the first. What is waited for ends with the program; which
 * messages still show it is written down, so that the next start can say so there.
 */
import type { Allowed, Outcome } from './access.ts'
import type { Authorization } from './authorization.ts'
import type { Chat } from './chat.ts'
import type { HandOff } from './hand-off.ts'
import type { Okto } from './okto.ts'
import type { Pending } from './pending.ts'
import { isFit } from './pin.ts'
import { texts } from './texts.ts'
import type { InTurn } from './turns.ts'
import type { Vault } from './vault.ts'
import { byApproval, byBrowser, byCode, type Screen, type Way } from './ways.ts'

export interface ConnectingOptions {
  authorization: Authorization
  issuer: string
  /** Undefined: oktron has no pages of its own. */
  handOff: HandOff | undefined
  okto: Okto
  unfinished: Vault['unfinished']
  pending: Pending
  inTurn: InTurn
  log: (event: string) => void
  /** Hears of what went wrong while nobody was waiting for an answer. */
  onError: (chat: Chat, error: unknown) => Promise<void>
}

export type Connecting = ReturnType<typeof connecting>

export function connecting(options: ConnectingOptions) {
  const { authorization, issuer, handOff, okto, unfinished, pending, inTurn, log, onError } = options
  /** How to stop the one that is under way for a person. */
  const waiting = new Map<number, (why: string) => Promise<void>>()
  const ending = new AbortController()

  async function connect(chat: Chat): Promise<void> {
    const known = await okto.find(chat.person)
    if (known !== undefined) return void (await chat.say(texts.alreadyConnected(known.name)))
    await waiting.get(chat.person)?.(texts.replaced)
    await begin(chat, await wayFor(chat))
  }

  async function wayFor(chat: Chat): Promise<Way> {
    const known = await okto.ended(chat.person)
    const approval = known && (await byApproval(authorization, issuer, known))
    if (approval !== undefined) return approval
    return handOff === undefined ? byCode(authorization) : byBrowser(handOff, chat.name)
  }

  async function codeInstead(chat: Chat): Promise<void> {
    await waiting.get(chat.person)?.(texts.codeInstead)
    await begin(chat, await byCode(authorization))
  }

  async function begin(chat: Chat, way: Way): Promise<void> {
    const over = new AbortController()
    let messageId = 0
    const show = async (id: number) => {
      messageId = id
      await unfinished.keep(chat.person, { person: chat.person, messageId })
    }
    const end = async (text: string) => {
      await unfinished.forget(chat.person)
      await chat.edit(messageId, text)
    }
    async function stop(why: string): Promise<void> {
      if (waiting.get(chat.person) === stop) waiting.delete(chat.person)
      if (over.signal.aborted) return
      over.abort()
      log('connect.stopped')
      await end(why)
    }
    const { cancel, code } = pending.choice(chat.person, {
      cancel: () => stop(texts.cancelled),
      code: () => codeInstead(chat),
    })
    const leave = [[{ text: 'Cancel', callback_data: cancel }]]
    const instead = way.codeInstead ? [[{ text: 'Use a code instead', callback_data: code }]] : []
    const screen: Screen = {
      change: (text) => inTurn(chat.person, () => chat.edit(messageId, text, leave)),
      async ask(text) {
        const { promise, resolve } = Promise.withResolvers<boolean>()
        const { yes, no } = pending.choice(chat.person, {
          yes: async () => resolve(true),
          no: async () => resolve(false),
        })
        const buttons = [[{ text: 'Connect', callback_data: yes }], [{ text: 'No', callback_data: no }]]
        await inTurn(chat.person, async () => {
          await chat.edit(messageId, texts.linkUsed)
          await show(await chat.say(text, { buttons }))
        })
        return promise
      },
    }
    const stopped = AbortSignal.any([over.signal, ending.signal])
    // Before it is shown: people, and programs that look at links, are quicker than an answer of Telegram.
    const outcome = way.outcome(stopped, screen).catch((error: unknown) => {
      if (stopped.aborted) return 'stopped' as const
      throw error
    })
    // It may fail while Telegram makes us wait, before anybody below hears of it; that would end the program.
    outcome.catch(() => undefined)
    try {
      await show(await chat.say(way.text, { buttons: [...way.buttons, ...instead, ...leave], protect: true }))
    } catch (error) {
      over.abort()
      throw error
    }
    waiting.set(chat.person, stop)
    void outcome
      .then((how) => inTurn(chat.person, () => finish(chat, how, over.signal, end)))
      .catch((error: unknown) => inTurn(chat.person, () => onError(chat, error)))
      .finally(() => waiting.get(chat.person) === stop && waiting.delete(chat.person))
  }

  async function finish(
    chat: Chat,
    outcome: Outcome | 'stopped',
    over: AbortSignal,
    end: (text: string) => Promise<void>,
  ): Promise<void> {
    if (outcome === 'stopped') return
    if (typeof outcome === 'object') {
      // Stopped while the tokens were on their way: nobody is going to use them.
      return over.aborted ? authorization.revoke(outcome) : connected(chat, outcome, end)
    }
    log(`connect.${outcome}`)
    await end(outcome === 'denied' ? texts.denied : texts.expired)
  }

  async function connected(chat: Chat, allowed: Allowed, end: (text: string) => Promise<void>): Promise<void> {
    const { hasPin } = await okto.connect(chat.person, allowed)
    log('connect.done')
    await end(texts.connected(allowed.name))
    if (!hasPin) await askForNewPin(chat)
  }

  async function askForNewPin(chat: Chat): Promise<void> {
    await chat.askSecretly(texts.choosePin, 'A new PIN', async (text) => {
      if (!isFit(text)) {
        await chat.say(texts.unfitPin)
        return askForNewPin(chat)
      }
      await chat.say((await okto.choosePin(chat.person, text)) ? texts.pinChosen : texts.pinSetBefore)
    })
  }

  return {
    connect,
    askForNewPin,
    /** Waits for nobody any more; what was said in chats stays there until the next start. */
    stop: () => ending.abort(),
  }
}
