/** A refusal that a person reads on a page: its words stand in the catalogue, in every language. */
import { type Words, wordsIn } from '../views/words.ts'
import { Refusal, type RefusalCode } from './errors.ts'

export type PageRefusalReason = keyof Words['error']['refusals']

export class PageRefusal extends Refusal {
  override name = 'PageRefusal'
  readonly reason: PageRefusalReason

  constructor(code: RefusalCode, reason: PageRefusalReason, options: { retryAfter?: number; cause?: unknown } = {}) {
    super(code, wordsIn('en').error.refusals[reason], options)
    this.reason = reason
  }
}
