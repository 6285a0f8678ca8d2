/** How `/connect` may be answered: what the chat shows of each way, and what comes of it. */
import type { InlineKeyboardButton } from 'grammy/types'
import type { Outcome } from './access.ts'
import type { Authorization } from './authorization.ts'
import type { HandOff } from './hand-off.ts'
import { codesMessage, linkMessage, texts } from './texts.ts'
import type { Known } from './vault.ts'
import { wordsToCompare } from './words.ts'

/** The message that shows a way while it is awaited. */
export interface Screen {
  change(text: string): Promise<void>
  /** Asks in a message of its own, which takes the place of the one before. */
  ask(text: string): Promise<boolean>
}

export interface Way {
  readonly text: string
  readonly buttons: InlineKeyboardButton[][]
  /** The person may want a code instead. */
  readonly codeInstead: boolean
  /** Throws the reason of the signal. */
  outcome(stopped: AbortSignal, screen: Screen): Promise<Outcome>
}

/** A code that the person enters wherever they are signed in. */
export async function byCode(authorization: Authorization): Promise<Way> {
  const { codes, outcome } = await authorization.byCode()
  return { ...codesMessage(codes), codeInstead: false, outcome }
}

/** A question of the server's in its own chat; undefined where it does not ask. */
export async function byApproval(authorization: Authorization, issuer: string, known: Known): Promise<Way | undefined> {
  const words = wordsToCompare()
  const asked = await authorization.byApproval(known, words)
  if (asked === undefined) return undefined
  const text = texts.askedThere(new URL(issuer).host, words, Math.floor(asked.seconds / 60))
  return { text, buttons: [], codeInstead: true, outcome: asked.outcome }
}

/** A link to a browser; the person is asked there, and once more here. `name`: what they are called in the chat. */
export function byBrowser(handOff: HandOff, name: string): Way {
  let screen: Screen | undefined
  const { link, outcome } = handOff.offer({
    name,
    opened: async () => screen?.change(texts.linkOpened),
    confirm: async (account) => (await screen?.ask(texts.askConnect(account))) ?? false,
  })
  return {
    ...linkMessage(link),
    codeInstead: true,
    outcome(stopped, shown) {
      screen = shown
      return outcome(stopped)
    },
  }
}
