/**
 * `/connect`: shows the codes, waits for the person's browser beside all else, says how it went, lets them choose a PIN.
 *
 * One at a time for each person: a second `/connect` replaces the first. What is waited for is gone when the program
 * stops; the code then leads to nothing and the person asks anew.
 */
import type { Allowed, Authorization, Codes } from './authorization.ts'
import type { Chat } from './chat.ts'
import type { Okto } from './okto.ts'
import type { Pending } from './pending.ts'
import { isFit } from './pin.ts'
import { codesMessage, texts } from './texts.ts'
import type { InTurn } from './turns.ts'

export interface ConnectingOptions {
  authorization: Authorization
  okto: Okto
  pending: Pending
  inTurn: InTurn
  log: (event: string) => void
  /** Hears of what went wrong while nobody was waiting for an answer. */
  onError: (chat: Chat, error: unknown) => Promise<void>
}

export type Connecting = ReturnType<typeof connecting>

export function connecting({ authorization, okto, pending, inTurn, log, onError }: ConnectingOptions) {
  /** How to stop the one that is under way for a person. */
  const waiting = new Map<number, (why: string) => Promise<void>>()
  const ending = new AbortController()

  async function connect(chat: Chat): Promise<void> {
    const known = await okto.find(chat.person)
    if (known !== undefined) return void (await chat.say(texts.alreadyConnected(known.name)))
    await waiting.get(chat.person)?.(texts.replaced)
    const codes = await authorization.begin()
    const { cancel } = pending.choice(chat.person, { cancel: () => stop(texts.cancelled) })
    const { text, buttons } = codesMessage(codes, cancel)
    const messageId = await chat.say(text, { buttons, protect: true })
    const over = new AbortController()
    async function stop(why: string): Promise<void> {
      if (waiting.get(chat.person) === stop) waiting.delete(chat.person)
      if (over.signal.aborted) return
      over.abort()
      log('connect.stopped')
      await chat.edit(messageId, why)
    }
    waiting.set(chat.person, stop)
    void finish(chat, messageId, codes, over.signal)
      .catch((error: unknown) => inTurn(chat.person, () => onError(chat, error)))
      .finally(() => waiting.get(chat.person) === stop && waiting.delete(chat.person))
  }

  async function finish(chat: Chat, messageId: number, codes: Codes, over: AbortSignal): Promise<void> {
    const outcome = await authorization.wait(codes, AbortSignal.any([over, ending.signal])).catch((error: unknown) => {
      if (over.aborted || ending.signal.aborted) return 'stopped' as const
      throw error
    })
    await inTurn(chat.person, async () => {
      if (typeof outcome === 'object') {
        // Stopped while the tokens were on their way: nobody is going to use them.
        return over.aborted ? authorization.revoke(outcome.refreshToken) : connected(chat, messageId, outcome)
      }
      if (outcome === 'stopped') return
      log(`connect.${outcome}`)
      await chat.edit(messageId, outcome === 'denied' ? texts.denied : texts.expired)
    })
  }

  async function connected(chat: Chat, messageId: number, allowed: Allowed): Promise<void> {
    await okto.connect(chat.person, allowed)
    log('connect.done')
    await chat.edit(messageId, texts.connected(allowed.name))
    await askForNewPin(chat)
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
    /** Waits for nobody any more; what was said in chats stays there. */
    stop: () => ending.abort(),
  }
}
