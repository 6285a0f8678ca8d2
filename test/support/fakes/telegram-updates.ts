/**
 * What waits for the bot: updates in order, fetched by long polling until they are confirmed, or posted to a webhook
 * with its secret until it answers 2xx.
 */
import { EventEmitter, once } from 'node:events'
import { Failure } from './telegram-failure.ts'

export interface Update {
  readonly update_id: number
  readonly [kind: string]: unknown
}

export interface Webhook {
  readonly url: string
  readonly secret?: string
}

export type UpdateQueue = ReturnType<typeof updateQueue>

/** How often an update is posted before it is given up. */
const mostTries = 3

export function updateQueue(complain: (sentence: string) => void) {
  let waiting: Update[] = []
  const all: Update[] = []
  let lastId = 700_000
  let webhook: Webhook | undefined
  let allowed: readonly string[] | undefined
  let lastError: { last_error_date: number; last_error_message: string } | undefined
  const routes = new Map<string, string>()
  let poll: AbortController | undefined
  let posting = Promise.resolve()
  const changes = new EventEmitter().setMaxListeners(0)

  function confirm(before: number): void {
    waiting = waiting.filter(({ update_id }) => update_id >= before)
    changes.emit('changed')
  }

  async function post(update: Update): Promise<void> {
    for (let tries = 1; webhook !== undefined && tries <= mostTries; tries += 1) {
      const headers = {
        'content-type': 'application/json',
        ...(webhook.secret === undefined ? {} : { 'x-telegram-bot-api-secret-token': webhook.secret }),
      }
      const { origin, host } = new URL(webhook.url)
      const route = routes.get(origin)
      const proxied = { 'x-forwarded-host': host, 'x-forwarded-proto': 'https', 'x-forwarded-for': '192.0.2.9' }
      const init: RequestInit = {
        method: 'POST',
        headers: { ...headers, ...(route === undefined ? {} : proxied) },
        body: JSON.stringify(update),
        redirect: 'manual',
      }
      const status = await fetch(webhook.url.replace(origin, route ?? origin), init).then(
        (answer) => answer.status,
        () => 0,
      )
      if (status >= 200 && status < 300) return confirm(update.update_id + 1)
      complain(`the webhook answered ${status}`)
      lastError = {
        last_error_date: Math.floor(Date.now() / 1000),
        last_error_message: `Wrong response from the webhook: ${status}`,
      }
    }
    if (webhook !== undefined) confirm(update.update_id + 1)
  }

  function postAll(): void {
    posting = posting.then(async () => {
      for (const update of [...waiting]) await post(update)
    })
  }

  return {
    all,
    add(kind: string, content: unknown): void {
      if (allowed?.includes(kind) === false) return
      lastId += 1
      const update = { update_id: lastId, [kind]: content }
      all.push(update)
      waiting.push(update)
      changes.emit('changed')
      if (webhook !== undefined) postAll()
    },

    /** Long polling: answers at once when there is something, else waits up to `timeout` seconds. */
    async take(offset: number, limit: number, timeout: number, gone: AbortSignal): Promise<readonly Update[]> {
      if (webhook !== undefined)
        throw new Failure(409, "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook first")
      poll?.abort(new Failure(409, 'Conflict: terminated by other getUpdates request'))
      const own = new AbortController()
      poll = own
      confirm(offset)
      const over = AbortSignal.any([own.signal, gone, AbortSignal.timeout(timeout * 1000)])
      while (waiting.length === 0 && timeout > 0 && !over.aborted) {
        await once(changes, 'changed', { signal: over }).catch(() => undefined)
      }
      if (own.signal.aborted) throw own.signal.reason
      if (poll === own) poll = undefined
      return waiting.slice(0, limit)
    },

    /** Which kinds there are from then on; nothing changes where they are not named. */
    allow(kinds: unknown): void {
      if (kinds !== undefined) allowed = kinds as string[]
    },

    /** Who asks for this origin gets to that one, as by a TLS proxy. */
    route: (from: string, to: string) => void routes.set(from, to),

    /** Brings an update again, as Telegram does when it has not seen the answer. */
    repeat(update: Update): void {
      waiting.push(update)
      changes.emit('changed')
      if (webhook !== undefined) postAll()
    },

    setWebhook(wanted: Webhook | undefined, dropPending: boolean): void {
      if (dropPending) waiting = []
      webhook = wanted
      if (webhook !== undefined) postAll()
    },

    info: () => ({
      url: webhook?.url ?? '',
      has_custom_certificate: false,
      pending_update_count: waiting.length,
      ...(allowed === undefined ? {} : { allowed_updates: allowed }),
      ...(webhook === undefined ? {} : lastError),
    }),

    async allTaken(): Promise<void> {
      while (waiting.length > 0) await once(changes, 'changed')
    },

    close(): void {
      webhook = undefined
      poll?.abort(new Failure(502, 'Bad Gateway'))
    },
  }
}
