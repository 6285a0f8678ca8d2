/**
 * A bank behind Habitat Auth, with node:http, jose and nothing of the server's own code: its addresses, bodies and statuses.
 *
 * Who may do what is `guard.ts` to say.
 */
import type { IncomingMessage, RequestListener } from 'node:http'
import { Refused } from '../refused.ts'
import { type GuardOptions, guard, type Payment } from './guard.ts'

interface Reply {
  readonly status: number
  readonly body: unknown
  readonly headers?: Readonly<Record<string, string>>
}

/** Longest order, characters. */
const longestOrder = 2_000

/** `onError` is told of what went wrong here. */
export function bankApi(options: GuardOptions & { readonly onError: (error: unknown) => void }): RequestListener {
  const { person, payer } = guard(options)
  const payments = new Map<string, readonly Payment[]>()
  /** Tokens that were paid with: what a person agreed to once happens once. */
  const spent = new Set<string>()

  async function route(request: IncomingMessage): Promise<Reply> {
    const { authorization } = request.headers
    switch (`${request.method} ${request.url}`) {
      case 'GET /payments': {
        const id = await person(authorization, 'accounts:read')
        return { status: 200, body: { payments: payments.get(id) ?? [] } }
      }
      case 'POST /payments': {
        const { id, token, payment } = await payer(authorization, await orderIn(request))
        if (spent.has(token)) throw new Refused(409, 'This payment was made already.')
        spent.add(token)
        payments.set(id, [...(payments.get(id) ?? []), payment])
        return { status: 201, body: { payment } }
      }
      default:
        throw new Refused(404, 'There is nothing at this address.')
    }
  }

  function refusal(error: unknown): Reply {
    if (!(error instanceof Refused)) {
      options.onError(error)
      return { status: 500, body: { message: 'Something went wrong.' } }
    }
    const { status, message, challenge } = error
    if (challenge === undefined) return { status, body: { message } }
    const said = Object.entries(challenge).map(([name, value]) => `${name}="${value}"`)
    return { status, body: { message }, headers: { 'www-authenticate': `Bearer ${said.join(', ')}`.trim() } }
  }

  return (request, response) => {
    void route(request)
      .catch(refusal)
      .then(({ status, body, headers }) => {
        const always = { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' }
        response.writeHead(status, { ...always, ...headers }).end(JSON.stringify(body))
      })
  }
}

async function orderIn(request: IncomingMessage): Promise<unknown> {
  let body = ''
  request.setEncoding('utf8')
  for await (const chunk of request) {
    body += String(chunk)
    if (body.length > longestOrder) throw new Refused(413, 'The order is too long.')
  }
  try {
    return JSON.parse(body) as unknown
  } catch {
    throw new Refused(400, 'The body is the payment, as JSON.')
  }
}
