/**
 * The addresses of oktron that a browser visits: `/connect/<link>` and `/connected`. Who a browser is, says a cookie that
 * was set when it opened a link; nothing of a chat or of a person stands in an address.
 */
import { readFileSync } from 'node:fs'
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { join } from 'node:path'
import { cookieOf } from '../web.ts'
import type { HandOff } from './hand-off.ts'
import { chatAddress, linkPage, problemPage, visitPage } from './pages.ts'

export interface WebPagesOptions {
  handOff: HandOff
  /** Where these pages are reached. */
  address: string
  /** Where the browser is sent to, and comes back from. */
  issuer: string
  /** The bot's name at Telegram. */
  bot: string
  onError: (error: unknown) => void
}

const over = problemPage(
  'This link is over',
  'It opens once, and not for long. Send /connect in the chat for another one.',
)
const noVisit = problemPage(
  'Nothing to continue',
  'This browser did not open a link of oktron, or too long ago. Send /connect in the chat; where the link opens one browser and the sign-in another, use a code.',
)
const failed = problemPage('Something went wrong', 'Please send /connect in the chat to try again.')

/** Largest form, bytes. */
const largestForm = 1_000

/** How often the page asks how it went in the chat, seconds. */
const pace = 3

export function webPages({ handOff, address, issuer, bot, onError }: WebPagesOptions): RequestListener {
  const { protocol, origin } = new URL(address)
  const secure = protocol === 'https:'
  // `__Host-`: no neighbour under the same domain can plant one (RFC 6265bis §4.1.3).
  const cookieName = secure ? '__Host-oktron' : 'oktron'
  const stylesheet = readFileSync(join(import.meta.dirname, '../demo/style.css'))
  const headers = {
    'cache-control': 'no-store',
    'content-security-policy': `default-src 'none'; style-src 'self'; form-action 'self' ${new URL(issuer).origin}; frame-ancestors 'none'; base-uri 'none'`,
    'cross-origin-opener-policy': 'same-origin',
    // The address of a link is the link; other sites must not learn it.
    'referrer-policy': 'same-origin',
    'x-content-type-options': 'nosniff',
  }

  function page(response: ServerResponse, status: number, document: string, more: Record<string, string> = {}): void {
    response.writeHead(status, { ...headers, 'content-type': 'text/html; charset=utf-8', ...more }).end(document)
  }

  function redirect(response: ServerResponse, to: string, more: Record<string, string> = {}): void {
    response.writeHead(303, { ...headers, location: to, ...more }).end()
  }

  async function open(token: string, response: ServerResponse): Promise<void> {
    const opened = await handOff.open(token)
    if (opened === undefined) return page(response, 410, over)
    const cookie = `${cookieName}=${opened.id}; Path=/; Max-Age=600; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}`
    redirect(response, opened.address.href, { 'set-cookie': cookie })
  }

  async function arrive(id: string, query: string, response: ServerResponse): Promise<void> {
    if (!(await handOff.arrive(id, query))) return page(response, 400, noVisit)
    // Without the code in the address, which would stay in the history.
    redirect(response, '/connected')
  }

  function show(id: string, response: ServerResponse): void {
    const visit = handOff.find(id)
    if (visit === undefined) page(response, 400, noVisit)
    else page(response, 200, visitPage(visit, bot), visit.stage === 'confirming' ? { refresh: String(pace) } : {})
  }

  async function decide(id: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const decision = (await formOf(request)).get('decision')
    if (decision !== 'connect' && decision !== 'deny') return page(response, 400, failed)
    await handOff.decide(id, decision === 'connect')
    redirect(response, '/connected')
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, search } = new URL(request.url ?? '/', origin)
    const [, token] = /^\/connect\/([\w-]{43})$/.exec(pathname) ?? []
    const id = cookieOf(request, cookieName)
    const method = request.method ?? ''
    if (method === 'POST' && !isOwnForm(request, origin)) return page(response, 403, failed)
    if (token !== undefined && method === 'POST') return open(token, response)
    if (token !== undefined && method === 'GET') {
      return handOff.isOpen(token) ? page(response, 200, linkPage()) : page(response, 410, over)
    }
    switch (`${method} ${pathname}`) {
      case 'GET /connected':
        return search === '' ? show(id, response) : arrive(id, search.slice(1), response)
      case 'POST /connected':
        return decide(id, request, response)
      case 'GET /':
        return redirect(response, chatAddress(bot))
      case 'GET /style.css':
        response.writeHead(200, { ...headers, 'content-type': 'text/css; charset=utf-8' }).end(stylesheet)
        return
      default:
        page(response, 404, problemPage('Not found', 'There is nothing at this address.'))
    }
  }

  return (request, response) => {
    answer(request, response).catch((error: unknown) => {
      onError(error)
      if (!response.headersSent) page(response, 502, failed)
    })
  }
}

/** Forms of other sites must not open links nor decide: browsers say where a request comes from. */
function isOwnForm({ headers }: IncomingMessage, origin: string): boolean {
  const site = headers['sec-fetch-site']
  return site === undefined ? headers.origin === origin : site === 'same-origin'
}

async function formOf(request: IncomingMessage): Promise<URLSearchParams> {
  let text = ''
  for await (const chunk of request.setEncoding('utf8')) {
    text += chunk
    if (text.length > largestForm) throw new Error('the form is too large')
  }
  return new URLSearchParams(text)
}
