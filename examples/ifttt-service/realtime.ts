/**
 * Tells IFTTT that there is something new, so that it polls at once instead of within the hour.
 *
 * It learns no more than which of its own triggers to look at.
 */
import { randomUUID } from 'node:crypto'

/** Names triggers by the identities that their polls came with. */
export type Notify = (identities: readonly string[]) => Promise<void>

/** Most entries of one notification. */
const batch = 1_000

/** `url` is `https://realtime.ifttt.com/v1/notifications`. Throws when IFTTT refuses or does not answer. */
export function realtime({ url, serviceKey }: { url: string; serviceKey: string }): Notify {
  return async (identities) => {
    for (let from = 0; from < identities.length; from += batch) {
      const data = identities.slice(from, from + batch).map((it) => ({ trigger_identity: it }))
      const answer = await fetch(url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'ifttt-service-key': serviceKey,
          'x-request-id': randomUUID(),
        },
        body: JSON.stringify({ data }),
        signal: AbortSignal.timeout(5_000),
      })
      await answer.body?.cancel()
      if (!answer.ok) throw new Error(`IFTTT answered the notification with ${answer.status}`)
    }
  }
}
