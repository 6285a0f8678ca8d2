/**
 * What a person did wrong, and how it is answered.
 *
 * Expected outcomes are values; a `Refusal` is thrown where a request cannot go on. Anything else that is thrown is
 * a bug or an outage: it is logged under a reference number, and only that number is shown.
 */

/** The kinds of refusal and the HTTP status each is answered with (RFC 9110 §15). */
export const statusOf = {
  invalid: 400,
  unauthenticated: 401,
  forbidden: 403,
  'not-found': 404,
  expired: 410,
  'too-large': 413,
  'unsupported-type': 415,
  misdirected: 421,
  'too-many': 429,
  internal: 500,
  unavailable: 503,
} as const

export type RefusalCode = keyof typeof statusOf

/** A refusal with words for the person who can mend it: what was wrong and what to do. Never holds a secret. */
export class Refusal extends Error {
  override name = 'Refusal'
  readonly code: RefusalCode
  /** Seconds after which a retry makes sense (`Retry-After`). */
  readonly retryAfter: number | undefined

  constructor(code: RefusalCode, message: string, options: { retryAfter?: number; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.retryAfter = options.retryAfter
  }

  /** HTTP status code. */
  get status(): number {
    return statusOf[this.code]
  }
}
