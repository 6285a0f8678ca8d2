/**
 * Telegram's Gateway: writes a code to whoever has a phone number at Telegram, whether they know our bot or not.
 *
 * Each message that arrives costs money, so callers limit how many there are. Codes are ours; Telegram is not asked to
 * check any. Its answers are small and are read for one thing: whether the message is on its way.
 */

export interface GatewayOptions {
  readonly token: string
  /** Origin of the API. */
  readonly root: string
  /** Told why a message was not taken: a word of Telegram's, or what the network did; never a number or a code. */
  readonly report: (why: string) => void
}

export interface Gateway {
  /** Sends `code` (4 to 8 digits) to a phone (E.164); unread after `ttl` seconds it is withdrawn. False: not taken. Never throws. */
  send(phone: string, code: string, ttl: number): Promise<boolean>
}

/** Milliseconds. */
const patience = 5_000
/** Characters of a reason that are reported. */
const longestReason = 60

/** The Gateway at `root`. */
export function gateway({ token, root, report }: GatewayOptions): Gateway {
  return {
    async send(phone, code, ttl) {
      try {
        const response = await fetch(`${root}/sendVerificationMessage`, {
          method: 'POST',
          headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
          body: JSON.stringify({ phone_number: phone, code, ttl }),
          redirect: 'error',
          signal: AbortSignal.timeout(patience),
        })
        const answer = (await response.json()) as { ok?: unknown; error?: unknown }
        if (answer.ok === true) return true
        // Telegram's words are in capitals (ACCESS_TOKEN_INVALID); whatever else there is might repeat what was sent.
        const { error } = answer
        report(typeof error === 'string' && /^[A-Z_]+$/.test(error) ? error.slice(0, longestReason) : 'refused')
      } catch (error) {
        report(error instanceof Error && error.name === 'TimeoutError' ? 'no answer in time' : 'no answer')
      }
      return false
    },
  }
}
