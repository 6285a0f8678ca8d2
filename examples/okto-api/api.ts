/**
 * An API behind Habitat Auth that keeps people's notes, with node:http and nothing of the server's own code.
 *
 * Reading takes one scope, writing another. Who asks is `tokens.ts` to say; here are addresses, bodies and statuses.
 */
import type { IncomingMessage, RequestListener } from 'node:http'
import type { TokenOptions } from '../access-tokens.ts'
import { Refused } from '../refused.ts'
import { personOf } from './tokens.ts'

export interface ApiOptions extends TokenOptions {
  onError: (error: unknown) => void
}

interface Reply {
  readonly status: number
  readonly body: unknown
  readonly headers?: Readonly<Record<string, string>>
}

/** What apps may ask for, in words for the people who are asked: for `habitat-auth resource add`. */
export const scopes = { 'okto:read': 'Look at your notes in okto', 'okto:write': 'Add notes to okto' }

/** RFC 9728 §3. */
const metadataPath = '/.well-known/oauth-protected-resource'

/** Longest note, characters. */
const longestNote = 10_000

export function oktoApi({ onError, ...options }: ApiOptions): RequestListener {
  const { issuer, resource } = options
  const person = personOf(options)
  const notes = new Map<string, readonly string[]>()

  async function route(request: IncomingMessage): Promise<Reply> {
    const { authorization } = request.headers
    switch (`${request.method} ${request.url}`) {
      case `GET ${metadataPath}`:
        return { status: 200, body: { ...metadata, resource, authorization_servers: [issuer] } }
      case 'GET /me': {
        const id = await person(authorization, 'okto:read')
        return { status: 200, body: { id, notes: notes.get(id) ?? [] } }
      }
      case 'POST /notes': {
        const id = await person(authorization, 'okto:write')
        const note = await noteIn(request)
        const kept = [...(notes.get(id) ?? []), note]
        notes.set(id, kept)
        return { status: 201, body: { notes: kept.length } }
      }
      default:
        throw new Refused(404, 'There is nothing at this address.')
    }
  }

  function refusal(error: unknown): Reply {
    if (!(error instanceof Refused)) {
      onError(error)
      return { status: 500, body: { message: 'Something went wrong.' } }
    }
    const { status, message, challenge } = error
    if (challenge === undefined) return { status, body: { message } }
    // RFC 9728 §5.1: where to learn whose tokens open this.
    const parameters = { ...challenge, resource_metadata: new URL(metadataPath, resource).href }
    const said = Object.entries(parameters).map(([name, value]) => `${name}="${value}"`)
    return { status, body: { message }, headers: { 'www-authenticate': `Bearer ${said.join(', ')}` } }
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

/** RFC 9728 §2. */
const metadata = {
  resource_name: 'okto',
  scopes_supported: Object.keys(scopes),
  bearer_methods_supported: ['header'],
}

async function noteIn(request: IncomingMessage): Promise<string> {
  let body = ''
  request.setEncoding('utf8')
  for await (const chunk of request) {
    body += String(chunk)
    if (body.length > longestNote) throw new Refused(413, 'The note is too long.')
  }
  const { text } = parsed(body)
  if (typeof text === 'string' && text.trim() !== '') return text
  throw new Refused(400, 'The body is {"text": "…"}.')
}

function parsed(body: string): { readonly text?: unknown } {
  try {
    return Object(JSON.parse(body)) as { readonly text?: unknown }
  } catch {
    return {}
  }
}
