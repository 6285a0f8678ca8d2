/**
 * IFTTT's platform, as it meets a service: sends people to authorize, exchanges codes, asks who they are, polls, renews
 * what a 401 refused. Strict: whatever is not as IFTTT's reference has it is a `Deviation`.
 *
 * Knows a service by what its owner types into IFTTT's settings, and nothing of who made the server.
 */
import { createHash, randomBytes } from 'node:crypto'
import { type Answer, ask, Deviation, deviation, emptyOf, entriesOf, errorsOf, isText, jsonOf } from './ifttt-answer.ts'
import { actionIdOf, type Event, eventsOf, expectInvalidGrant, tokensOf, type User, userOf } from './ifttt-contents.ts'

/** What stands in the settings of a service on IFTTT. */
export interface ServiceSettings {
  readonly serviceId: string
  readonly clientId: string
  readonly clientSecret: string
  readonly authorizationUrl: string
  readonly tokenUrl: string
  /** `/ifttt/v1` follows it. */
  readonly urlPrefix: string
  readonly serviceKey: string
}

export interface Dialect {
  /** IFTTT's five parameters, or the three that the first draft of the server knew. */
  readonly parameters: 'all' | 'without-type-and-scope'
  /** IFTTT sends forms; the first draft of the server took JSON. */
  readonly tokenRequests: 'form' | 'json'
}

/** One person's connection, as the platform keeps it. */
export interface Connection {
  access: string
  refresh: string
  /** The whole answer that the tokens came with. */
  readonly tokenAnswer: Readonly<Record<string, unknown>>
  readonly user: User
}

/** A person on the way: where the platform sends the browser, and what it does with what comes back. */
export interface Attempt {
  readonly url: string
  readonly state: string
  /** Takes the address that the browser was sent back to. */
  finish(callback: URL): Promise<Connection | 'denied' | 'code-refused'>
}

export interface Polling {
  /** IFTTT asks for fifty. */
  limit?: number
  /** The poll follows a notification. */
  realtime?: boolean
}

type Fields = Readonly<Record<string, string>>

/** The server refused to renew: IFTTT asks the person to connect again. */
type Disconnected = 'disconnected'

export interface Platform {
  readonly settings: ServiceSettings
  begin(): Attempt
  /** The whole way, with somebody who says yes; `browser` takes an address and answers where it was sent in the end. */
  connect(browser: (url: string) => Promise<URL>): Promise<Connection>
  user(connection: Connection): Promise<User | Disconnected>
  /** Looks at a trigger: newest first. */
  poll(connection: Connection, slug: string, fields?: Fields, how?: Polling): Promise<Event[] | Disconnected>
  /** The person switched the applet off. */
  forget(connection: Connection, slug: string, fields?: Fields): Promise<void>
  act(connection: Connection, slug: string, fields: Fields): Promise<string | Disconnected>
  query(connection: Connection, slug: string, fields?: Fields): Promise<Record<string, unknown>[] | Disconnected>
  /** Exchanges the refresh token; false when the server says that it is no more. */
  renew(connection: Connection): Promise<boolean>
  /** One request below `/ifttt/v1`, with this authority, judged by nobody yet. */
  call(method: 'GET' | 'POST' | 'DELETE', path: string, authority?: Authority, body?: unknown): Promise<Answer>
  /** The name under which polls of this trigger with these fields come. */
  identityOf(connection: Connection, slug: string, fields?: Fields): string
}

export interface Authority {
  readonly key?: string
  readonly token?: string
  readonly realtime?: boolean
}

const documented: Dialect = { parameters: 'all', tokenRequests: 'form' }

export function ifttt(settings: ServiceSettings, { parameters, tokenRequests }: Dialect = documented): Platform {
  const { clientId, clientSecret } = settings
  const redirectUri = `https://ifttt.com/channels/${settings.serviceId}/authorize`

  function begin(): Attempt {
    const state = randomBytes(16).toString('hex')
    const url = new URL(settings.authorizationUrl)
    url.searchParams.set('client_id', clientId)
    if (parameters === 'all') url.searchParams.set('response_type', 'code')
    // Who writes a scope into the authorization URL gets that one.
    if (parameters === 'all' && !url.searchParams.has('scope')) url.searchParams.set('scope', 'ifttt')
    url.searchParams.set('state', state)
    url.searchParams.set('redirect_uri', redirectUri)
    return { url: url.href, state, finish: (callback) => finish(callback, state) }
  }

  async function finish(callback: URL, state: string): Promise<Connection | 'denied' | 'code-refused'> {
    if (callback.origin + callback.pathname !== redirectUri)
      throw new Deviation(`the browser ends at ${redirectUri}, not at ${callback}`)
    const only = (name: string): string | undefined => {
      const values = callback.searchParams.getAll(name)
      if (values.length > 1) throw new Deviation(`the browser comes back with ${name} more than once: ${callback}`)
      return values[0]
    }
    const [code, error] = [only('code'), only('error')]
    if (only('state') !== state)
      throw new Deviation(`the browser comes back with the same state, but not so: ${callback}`)
    if (error === 'access_denied' && code === undefined) return 'denied'
    if (error !== undefined) throw new Deviation(`a refusal is the error access_denied alone, not so: ${callback}`)
    if (!isText(code)) throw new Deviation(`the browser comes back with a code, but not so: ${callback}`)
    const tokenAnswer = await exchange(code)
    if (tokenAnswer === undefined) return 'code-refused'
    const connection = { ...tokensOf(tokenAnswer), tokenAnswer }
    return { ...connection, user: userOf(await call('GET', '/user/info', { token: connection.access }), connection) }
  }

  /** Undefined when the server says that the code is none. */
  async function exchange(code: string): Promise<Record<string, unknown> | undefined> {
    const answer = await tokenRequest([
      ['grant_type', 'authorization_code'],
      ['code', code],
      ['client_id', clientId],
      ['client_secret', clientSecret],
      ['redirect_uri', redirectUri],
    ])
    if (answer.status !== 400) return jsonOf(answer, 200)
    expectInvalidGrant(answer, [code])
    return undefined
  }

  async function renew(connection: Connection): Promise<boolean> {
    const answer = await tokenRequest([
      ['grant_type', 'refresh_token'],
      ['client_id', clientId],
      ['client_secret', clientSecret],
      ['refresh_token', connection.refresh],
    ])
    if (answer.status === 400) {
      expectInvalidGrant(answer, [connection.refresh])
      return false
    }
    Object.assign(connection, tokensOf(jsonOf(answer, 200)))
    return true
  }

  function tokenRequest(fields: [name: string, value: string][]): Promise<Answer> {
    const asForm = tokenRequests === 'form'
    return ask({
      method: 'POST',
      url: settings.tokenUrl,
      headers: asForm ? { 'content-type': 'application/x-www-form-urlencoded' } : {},
      body: asForm ? formOf(fields) : JSON.stringify(Object.fromEntries(fields)),
    })
  }

  function call(
    method: 'GET' | 'POST' | 'DELETE',
    path: string,
    { key, token, realtime = false }: Authority = {},
    body?: unknown,
  ): Promise<Answer> {
    return ask({
      method,
      url: `${settings.urlPrefix}/ifttt/v1${path}`,
      headers: {
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        // The older name of the header comes with the same value.
        ...(key === undefined ? {} : { 'ifttt-service-key': key, 'ifttt-channel-key': key }),
        ...(realtime ? { 'x-ifttt-realtime': '1' } : {}),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
  }

  /** A request for a person: renews once where the access token was refused, and tries again. */
  async function callFor(
    connection: Connection,
    method: 'GET' | 'POST' | 'DELETE',
    path: string,
    { body, realtime = false }: { body?: unknown; realtime?: boolean } = {},
  ): Promise<Answer | Disconnected> {
    const once = () => call(method, path, { token: connection.access, realtime }, body)
    const first = await once()
    if (first.status !== 401) return first
    errorsOf(first, 401)
    if (!(await renew(connection))) return 'disconnected'
    const second = await once()
    if (second.status === 401) throw deviation(second, 'an access token that was just issued is taken')
    return second
  }

  const envelope = (connection: Connection, source: string) => ({
    ifttt_source: { id: '2', url: 'https://ifttt.com/myrecipes/personal/2' },
    user: { timezone: 'Pacific Time (US & Canada)' },
    source,
    // Stands for what IFTTT adds tomorrow.
    unknown_to_you: connection.user.id,
  })

  function identityOf(connection: Connection, slug: string, fields: Fields = {}): string {
    return createHash('sha1')
      .update(JSON.stringify([connection.user.id, slug, fields]))
      .digest('hex')
  }

  return {
    settings,
    begin,
    renew,
    call,
    identityOf,

    async connect(browser) {
      const attempt = begin()
      const result = await attempt.finish(await browser(attempt.url))
      if (typeof result === 'string') throw new Deviation(`the person said yes, but the way ends with "${result}"`)
      return result
    },

    async user(connection) {
      const answer = await callFor(connection, 'GET', '/user/info')
      if (answer === 'disconnected') return answer
      const user = userOf(answer, connection)
      if (user.id !== connection.user.id) throw deviation(answer, `the id stays ${connection.user.id}`)
      return user
    },

    async poll(connection, slug, fields = {}, { limit = 50, realtime = false } = {}) {
      const answer = await callFor(connection, 'POST', `/triggers/${slug}`, {
        realtime,
        body: {
          ...envelope(connection, 'trigger'),
          trigger_identity: identityOf(connection, slug, fields),
          triggerFields: fields,
          limit,
        },
      })
      return answer === 'disconnected' ? answer : eventsOf(answer, limit)
    },

    async forget(connection, slug, fields = {}) {
      const path = `/triggers/${slug}/trigger_identity/${identityOf(connection, slug, fields)}`
      const answer = await callFor(connection, 'DELETE', path)
      if (answer === 'disconnected') throw new Deviation('the connection ended before the trigger was forgotten')
      if (answer.text === '') emptyOf(answer)
      else jsonOf(answer, 200)
    },

    async act(connection, slug, fields) {
      const body = { ...envelope(connection, 'action'), actionFields: fields }
      const answer = await callFor(connection, 'POST', `/actions/${slug}`, { body })
      return answer === 'disconnected' ? answer : actionIdOf(answer)
    },

    async query(connection, slug, fields = {}) {
      const body = { ...envelope(connection, 'query'), queryFields: fields, limit: 50 }
      const answer = await callFor(connection, 'POST', `/queries/${slug}`, { body })
      return answer === 'disconnected' ? answer : entriesOf(answer)
    },
  }
}

/** Slashes and colons of addresses go as they are, as in the platform's own example. */
function formOf(fields: [name: string, value: string][]): string {
  return fields
    .map(([name, value]) => `${name}=${encodeURIComponent(value).replaceAll('%2F', '/').replaceAll('%3A', ':')}`)
    .join('&')
}
