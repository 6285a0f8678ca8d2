/**
 * The Service API that IFTTT speaks to: a service behind the authorization server, with node:http and nothing of the
 * server's own code.
 *
 * It owns triggers, actions and queries. Who people are and whether a key or a token is right is the server's to say:
 * `status`, `user/info` and `test/setup` are passed on to it, tokens are introspected there.
 */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { type Body, type Capability, capabilities, Refused } from './capabilities.ts'
import { lists } from './lists.ts'
import type { Notify } from './realtime.ts'
import { personOf, reach, ServerUnreachable, type TokenOptions } from './tokens.ts'

export interface ServiceOptions extends TokenOptions {
  /** Called when there is something to poll for (`realtime.ts`). */
  notify: Notify
  onError: (error: unknown) => void
}

interface Reply {
  readonly status: number
  /** Undefined for none. */
  readonly body: unknown
}

const root = '/ifttt/v1/'

/** Largest body, characters. */
const largestBody = 100_000

export function iftttService({ notify, onError, ...options }: ServiceOptions): RequestListener {
  const person = personOf(options)
  const { triggers, actions, queries, ...rest } = capabilities(lists(), notify, onError)
  const kinds: Readonly<Record<string, Readonly<Record<string, Capability>>>> = { triggers, actions, queries }

  /** Lets the server answer: it knows the service keys, the people, and the account for tests. */
  async function passOn({ method = 'GET', headers }: IncomingMessage, path: string): Promise<Reply> {
    const passed = ['ifttt-service-key', 'authorization', 'x-request-id'].flatMap((name) => {
      const value = headers[name]
      return typeof value === 'string' ? [[name, value] satisfies [string, string]] : []
    })
    const answer = await reach(options.issuer + root + path, { method, headers: passed })
    const text = await answer.text()
    return { status: answer.status, body: text === '' ? undefined : (JSON.parse(text) as unknown) }
  }

  /** The account for tests is the server's; what there is to test is ours. */
  async function setUpTests(request: IncomingMessage): Promise<Reply> {
    const reply = await passOn(request, 'test/setup')
    if (reply.status !== 200) return reply
    const { accessToken } = (reply.body as { data: { accessToken: string } }).data
    const tester = await person(accessToken)
    if (tester === undefined) throw new ServerUnreachable('the server does not know the token that it made')
    return success({ accessToken, samples: rest.prepareTests(tester) })
  }

  async function forPerson(request: IncomingMessage, parts: readonly string[]): Promise<Reply> {
    const [, token] = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '') ?? []
    const who = token === undefined ? undefined : await person(token)
    if (who === undefined) return failure(401, 'The access token is missing, expired or revoked.')
    const [kind = '', slug = '', ...below] = parts
    const slugs = Object.hasOwn(kinds, kind) ? kinds[kind] : undefined
    const capability = slugs !== undefined && Object.hasOwn(slugs, slug) ? slugs[slug] : undefined
    if (capability === undefined || below.length > 3) return nothingHere()
    const [part, name, end] = below
    switch ([request.method, part, end].filter((it) => it !== undefined).join(' ')) {
      case 'POST':
        return success(capability(who, await bodyOf(request)))
      case 'POST fields options':
        return name === 'list' ? success(rest.options()) : nothingHere()
      case 'DELETE trigger_identity':
        rest.forget(who, name ?? '')
        return success({})
      default:
        return nothingHere()
    }
  }

  async function route(request: IncomingMessage): Promise<Reply> {
    const { pathname } = new URL(request.url ?? '/', 'http://service')
    if (!pathname.startsWith(root)) return nothingHere()
    const path = pathname.slice(root.length)
    switch (`${request.method} ${path}`) {
      case 'GET status':
      case 'GET user/info':
        return passOn(request, path)
      case 'POST test/setup':
        return setUpTests(request)
      default:
        return forPerson(request, path.split('/'))
    }
  }

  return (request, response) => {
    route(request)
      .catch((error: unknown) => replyTo(error, onError))
      .then((reply) => send(response, reply), onError)
  }
}

function replyTo(error: unknown, onError: (error: unknown) => void): Reply {
  if (error instanceof Refused) {
    return { status: 400, body: { errors: [{ ...(error.skip ? { status: 'SKIP' } : {}), message: error.message }] } }
  }
  onError(error)
  // IFTTT comes back after a 503; a 401 would cost people their connections.
  if (error instanceof ServerUnreachable) return failure(503, 'Please try again later.')
  return failure(500, 'Something went wrong.')
}

function success(data: unknown): Reply {
  return { status: 200, body: { data } }
}

function nothingHere(): Reply {
  return failure(404, 'There is nothing at this address.')
}

function failure(status: number, message: string): Reply {
  return { status, body: { errors: [{ message }] } }
}

function send(response: ServerResponse, { status, body }: Reply): void {
  const headers = { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' }
  response.writeHead(status, headers).end(body === undefined ? undefined : JSON.stringify(body))
}

/** A JSON object. Throws `Refused`. Members that are not known are left alone: IFTTT adds some at any time. */
async function bodyOf(request: IncomingMessage): Promise<Body> {
  let text = ''
  request.setEncoding('utf8')
  for await (const chunk of request) {
    text += String(chunk)
    if (text.length > largestBody) throw new Refused('The body is too long.')
  }
  let body: unknown
  try {
    body = JSON.parse(text)
  } catch {
    throw new Refused('The body is not JSON.')
  }
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw new Refused('The body is no JSON object.')
  return body as Body
}
