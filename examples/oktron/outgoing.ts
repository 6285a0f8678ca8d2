/** How oktron takes a refusal of Telegram: waits where it is told to, and lets go what is no harm. */
import { GrammyError, type Transformer } from 'grammy'

/** Longest wait that is worth it, seconds; others wait meanwhile. */
const longestWait = 30

/** How often one call is made. */
const mostTries = 3

/** `wait` lets seconds pass. */
export function patience(wait: (seconds: number) => Promise<void>): Transformer {
  return async (previous, method, payload, signal) => {
    for (let tries = 1; ; tries += 1) {
      const answer = await previous(method, payload, signal)
      if (answer.ok) return answer
      // Somebody else made the same change a moment ago; the answer to it is used by nobody.
      if (answer.description.includes('message is not modified')) return { ok: true, result: true as never }
      const seconds = answer.error_code === 429 ? answer.parameters?.retry_after : undefined
      // Who fetches updates waits by himself.
      if (seconds === undefined || seconds > longestWait || tries === mostTries || method === 'getUpdates')
        return answer
      await wait(seconds)
    }
  }
}

/** The person has blocked the bot, or deleted their account: nothing will reach them. */
export function isUnreachable(error: unknown): boolean {
  return error instanceof GrammyError && error.error_code === 403
}

/** What may be logged of an error: neither what was sent nor to whom, which errors of the library carry along. */
export function describe(error: unknown): string {
  if (error instanceof GrammyError) return `${error.method}: ${error.error_code} ${error.description}`
  return error instanceof Error ? `${error.name}: ${error.message}` : 'no error'
}
