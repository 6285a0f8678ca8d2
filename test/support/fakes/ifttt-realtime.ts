/**
 * IFTTT's Realtime API: services tell it that there is something to poll for.
 *
 * Strict: what is not as the reference has it is refused, and kept among the complaints.
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { isObject, isText } from './ifttt-answer.ts'

export interface Realtime extends AsyncDisposable {
  /** Stands for `https://realtime.ifttt.com/v1/notifications`. */
  readonly url: string
  /** Takes notifications with this service key, and with no other. */
  accept(serviceKey: string): void
  /** What was wrong with requests, as sentences. */
  readonly complaints: string[]
  /** Waits for a notification that names this trigger, and takes it. */
  told(triggerIdentity: string): Promise<void>
  /** How many notifications that name this trigger nobody took yet. */
  untaken(triggerIdentity: string): number
}

const path = '/v1/notifications'
const mostEntries = 1000

/** Starts it on a port of its own. */
export async function startRealtime(): Promise<Realtime> {
  let serviceKey: string | undefined
  const complaints: string[] = []
  const arrived: string[] = []
  const server = createServer((request, response) => {
    void read(request).then((text) => {
      const problem = problemOf(request, text, serviceKey)
      if (problem === undefined) arrived.push(...identitiesIn(text))
      else complaints.push(problem.message)
      const body = problem === undefined ? {} : { errors: [{ message: problem.message }] }
      const headers = { 'content-type': 'application/json; charset=utf-8' }
      response.writeHead(problem?.status ?? 200, headers).end(JSON.stringify(body))
      server.emit('notified')
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`,
    accept(key) {
      serviceKey = key
    },
    complaints,
    async told(identity) {
      while (!arrived.includes(identity)) await once(server, 'notified')
      arrived.splice(arrived.indexOf(identity), 1)
    },
    untaken: (identity) => arrived.filter((it) => it === identity).length,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

interface Problem {
  readonly status: 400 | 401 | 404
  readonly message: string
}

function problemOf(request: IncomingMessage, text: string, serviceKey: string | undefined): Problem | undefined {
  const { method, url, headers } = request
  if (method !== 'POST' || url !== path) return { status: 404, message: `nothing is at ${method} ${url}` }
  if (serviceKey === undefined || headers['ifttt-service-key'] !== serviceKey)
    return { status: 401, message: 'the service key is wrong' }
  const wrong = (message: string): Problem => ({ status: 400, message })
  if (headers['content-type'] === undefined || !/^application\/json\b/.test(headers['content-type']))
    return wrong('the content type is application/json')
  const id = headers['x-request-id']
  if (id !== undefined && !/^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i.test(String(id)))
    return wrong('the X-Request-ID is a UUID')
  const entries = entriesIn(text)
  if (entries === undefined) return wrong('the body is an object with a list of objects "data"')
  if (entries.length === 0 || entries.length > mostEntries) return wrong(`there are 1 to ${mostEntries} entries`)
  const named = entries.every((entry) => {
    const [value, ...others] = Object.values(entry)
    return others.length === 0 && isText(value) && ('trigger_identity' in entry || 'user_id' in entry)
  })
  return named ? undefined : wrong('each entry is one trigger_identity or one user_id')
}

function identitiesIn(text: string): string[] {
  return (entriesIn(text) ?? []).flatMap(({ trigger_identity: identity }) => (isText(identity) ? [identity] : []))
}

function entriesIn(text: string): Record<string, unknown>[] | undefined {
  try {
    const body: unknown = JSON.parse(text)
    const data = isObject(body) && Object.keys(body).length === 1 ? body['data'] : undefined
    return Array.isArray(data) && data.every(isObject) ? data : undefined
  } catch {
    return undefined
  }
}

async function read(request: IncomingMessage): Promise<string> {
  let text = ''
  request.setEncoding('utf8')
  for await (const chunk of request) text += chunk
  return text
}
