/**
 * What a person reads in their chat when an app asks for their approval, and once that is over.
 *
 * The words for what the app would be allowed are those of the pages. Whatever the app wrote itself stands in quotation
 * marks or in a line of its own.
 */
import { plainText } from '../../views/plain-text.ts'
import { type ScopeCard, scopeText } from '../../views/scope.ts'
import type { Words } from '../../views/words.ts'

export interface ApprovalText {
  /** As the app is registered. */
  readonly app: string
  readonly productName: string
  readonly scopes: readonly ScopeCard[]
  readonly bindingMessage: string | undefined
  /** Seconds. */
  readonly lifetime: number
}

export type ApprovalEnd = 'allowed' | 'denied' | 'over'

/** Telegram takes 4096 characters in a message; a person reads fewer. */
const mostWishes = 30
const longestWish = 100

/** The message that asks. */
export function approvalText(words: Words, { app, scopes, ...about }: ApprovalText): string {
  const say = words.approval
  const wishes = scopes.map((scope) => shortened(plainText(scopeText(words, scope))))
  const shown = wishes.slice(0, mostWishes).map((wish) => `• ${wish}`)
  const more = wishes.length - shown.length
  return [
    say.asks(app, about.productName),
    ...(about.bindingMessage === undefined ? [] : [say.binding(about.bindingMessage)]),
    [say.wishes, ...shown, ...(more > 0 ? [say.more(more)] : [])].join('\n'),
    say.warning,
    say.until(about.lifetime),
  ].join('\n\n')
}

function shortened(text: string): string {
  return text.length > longestWish ? `${text.slice(0, longestWish)}…` : text
}
