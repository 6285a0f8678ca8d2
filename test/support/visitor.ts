/**
 * A person's browser without a screen: keeps cookies as RFC 6265 says, follows redirects on the server's own origin,
 * stops where it would leave. Says of itself what a browser says (`Sec-Fetch-*`), unless a test wants to lie.
 */

export interface Visit {
  readonly status: number
  /** Where the visitor ended: an address of this server, or the first one beyond it. */
  readonly url: URL
  readonly headers: Headers
  readonly text: string
  /** The answer was a redirect to another origin, which was not followed. */
  readonly left: boolean
}

export interface Visitor {
  readonly cookies: Cookie[]
  get(address: string, headers?: Record<string, string>): Promise<Visit>
  post(address: string, form: Record<string, string> | string, headers?: Record<string, string>): Promise<Visit>
  /** One request, no redirect followed. */
  request(address: string, init?: RequestInit): Promise<Visit>
  /** Submits the form on a page whose action ends with `action`, with its hidden fields. */
  submit(page: Visit, action: string, fields?: Record<string, string>): Promise<Visit>
}

export interface Cookie {
  name: string
  value: string
  path: string
  attributes: string
}

export interface VisitorOptions {
  /** Where requests for the origin are sent, when it is not where the server listens. */
  address?: string
  /** Sent with every request. */
  headers?: Record<string, string>
}

export function visitor(
  origin: string,
  { address: listening = origin, headers: always }: VisitorOptions = {},
): Visitor {
  const cookies: Cookie[] = []

  async function request(address: string, init: RequestInit = {}): Promise<Visit> {
    const url = new URL(address, origin)
    const cookie = cookies
      .filter(({ path }) => url.pathname === path || url.pathname.startsWith(path.endsWith('/') ? path : `${path}/`))
      .map(({ name, value }) => `${name}=${value}`)
      .join('; ')
    const headers = new Headers({ accept: 'text/html', 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'navigate' })
    if (cookie !== '') headers.set('cookie', cookie)
    for (const [name, value] of [...new Headers(always), ...new Headers(init.headers)]) headers.set(name, value)
    const response = await fetch(new URL(url.pathname + url.search, listening), {
      ...init,
      headers,
      redirect: 'manual',
    })
    for (const line of response.headers.getSetCookie()) keep(line, url.pathname)
    const target = response.headers.get('location')
    const next = target === null ? url : new URL(target, url)
    return {
      status: response.status,
      url: next,
      headers: response.headers,
      text: await response.text(),
      left: target !== null && next.origin !== origin,
    }
  }

  function keep(line: string, requestPath: string): void {
    const [pair = '', ...rest] = line.split(';').map((part) => part.trim())
    const at = pair.indexOf('=')
    const [name, value] = [pair.slice(0, at), pair.slice(at + 1)]
    const attribute = (key: string) =>
      rest.find((part) => part.toLowerCase().startsWith(`${key}=`))?.slice(key.length + 1)
    const path = attribute('path') ?? requestPath
    const known = cookies.findIndex((cookie) => cookie.name === name && cookie.path === path)
    if (known >= 0) cookies.splice(known, 1)
    const expires = attribute('expires')
    if (value === '' || (expires !== undefined && new Date(expires).getTime() < Date.now())) return
    cookies.push({ name, value, path, attributes: rest.join('; ') })
  }

  async function follow(first: Promise<Visit>): Promise<Visit> {
    let visit = await first
    for (let hops = 0; visit.status >= 300 && visit.status < 400 && !visit.left; hops += 1) {
      if (hops > 15) throw new Error(`too many redirects, last to ${visit.url}`)
      visit = await request(visit.url.href)
    }
    return visit
  }

  const post: Visitor['post'] = (address, form, headers = {}) =>
    follow(
      request(address, {
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded', origin, ...headers },
        body: typeof form === 'string' ? form : new URLSearchParams(form).toString(),
      }),
    )

  return {
    cookies,
    request,
    get: (address, headers = {}) => follow(request(address, { headers })),
    post,
    submit(page, action, fields = {}) {
      const form = formsOf(page.text).find((candidate) => candidate.action.endsWith(action))
      if (form === undefined) throw new Error(`no form for ${action} on:\n${page.text}`)
      return post(form.action, { ...form.hidden, ...fields })
    },
  }
}

/** The forms of a page: where they go and what they carry unseen. */
export function formsOf(page: string): { action: string; hidden: Record<string, string> }[] {
  return [...page.matchAll(/<form\b([^>]*)>(.*?)<\/form>/gs)].map(([, attributes = '', content = '']) => ({
    action: unescaped(/\baction="([^"]*)"/.exec(attributes)?.[1] ?? ''),
    hidden: Object.fromEntries(
      [...content.matchAll(/<input\b[^>]*type="hidden"[^>]*>/g)].map(([input]) => [
        unescaped(/\bname="([^"]*)"/.exec(input)?.[1] ?? ''),
        unescaped(/\bvalue="([^"]*)"/.exec(input)?.[1] ?? ''),
      ]),
    ),
  }))
}

function unescaped(text: string): string {
  return text
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&')
}
