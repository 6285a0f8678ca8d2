/**
 * A real PDS with a real PLC directory, for tests of signing in and of calling a PDS.
 *
 * Plays the outside world: accounts, a person who signs in there without a browser, and everything that can go wrong
 * on that side. What the network itself would have to be bent for (a DID document that lies) is answered in its place.
 */
import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { request as httpRequest, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { TestPds as DevPds, mockNetworkUtilities, TestPlc } from '@atproto/dev-env'

export interface PdsAccount {
  handle: string
  did: string
  email: string
  password: string
}

/** `refuse` ends connections, `hang` takes requests and never answers them. */
export type PdsMood = 'well' | 'refuse' | 'hang'

/** What a person answers on the pages of the PDS: everything, nothing, or these scopes alone. */
export type Decision = 'allow' | 'deny' | { scope: string }

/** Answers a request in place of the server; false lets the server answer. */
export type Stand = (request: IncomingMessage, response: ServerResponse) => boolean

export interface TestPds extends AsyncDisposable {
  /** Origin of the PDS; it resolves the handles of its accounts, too. */
  readonly url: string
  readonly plcUrl: string
  /** Settings of a server of ours that lives in this world. */
  readonly settings: Readonly<Record<'ATPROTO_PLC_URL' | 'ATPROTO_HANDLE_RESOLVER', string>>
  /** Every request that the PDS was asked, as "POST /oauth/token". */
  readonly asked: string[]
  account(options?: { handle?: string }): Promise<PdsAccount>
  /** Signs a person in on the pages of the PDS and answers where the browser is sent then: the callback. */
  login(authorizeUrl: string | URL, account: PdsAccount, decision?: Decision): Promise<URL>
  rename(account: PdsAccount, handle?: string): Promise<string>
  deactivate(account: PdsAccount): Promise<void>
  activate(account: PdsAccount): Promise<void>
  /** How many OAuth sessions the PDS keeps for the account. */
  sessions(account: PdsAccount): Promise<number>
  /** Ends every OAuth session of the account. */
  revokeSessions(account: PdsAccount): Promise<void>
  /** An access token of the account's own session, for calling the PDS without us. */
  accessToken(account: PdsAccount): Promise<string>
  setMood(mood: PdsMood): void
  /** Stands in for the PDS at requests whose path begins with `path`, or takes the stand back. */
  stand(path: string, stand: Stand | undefined): void
  /** The same for the directory. */
  standForPlc(path: string, stand: Stand | undefined): void
  close(): Promise<void>
}

/** Bytes: as large hosts allow, for videos. */
const blobUploadLimit = 64 * 1024 * 1024

/** Starts both on ports of their own. */
export async function startPds(): Promise<TestPds> {
  const plc = await TestPlc.create({})
  const folder = await mkdtemp(join(tmpdir(), 'habitat-pds-'))
  const folders = { dataDirectory: join(folder, 'data'), blobstoreDiskLocation: join(folder, 'blobs') }
  await mkdir(folders.dataDirectory)
  const pds = await DevPds.create({ didPlcUrl: plc.url, blobUploadLimit, ...folders })
  mockNetworkUtilities(pds)
  const front = interposed(pds.server.server as Server)
  const plcFront = interposed(plc.server.server as Server)
  const { url } = pds

  async function xrpc<T>(method: string, body: unknown, token?: string): Promise<T> {
    const response = await fetch(`${url}/xrpc/${method}`, {
      method: 'POST',
      headers: {
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`${method}: ${response.status} ${text}`)
    return (text === '' ? undefined : JSON.parse(text)) as T
  }

  async function accessToken({ did, password }: PdsAccount): Promise<string> {
    const answer = await xrpc<{ accessJwt: string }>('com.atproto.server.createSession', { identifier: did, password })
    return answer.accessJwt
  }

  async function close(): Promise<void> {
    front.setMood('well')
    await pds.close()
    await plc.close()
    await rm(folder, { recursive: true, force: true })
  }

  return {
    url,
    plcUrl: plc.url,
    settings: { ATPROTO_PLC_URL: plc.url, ATPROTO_HANDLE_RESOLVER: url },
    asked: front.asked,
    async account({ handle = newHandle() } = {}) {
      const email = `${handle.split('.')[0]}@example.com`
      const password = randomBytes(12).toString('hex')
      const { did } = await xrpc<{ did: string }>('com.atproto.server.createAccount', { handle, email, password })
      return { handle, did, email, password }
    },
    login: (authorizeUrl, account, decision = 'allow') => login(url, new URL(authorizeUrl), account, decision),
    async rename(account, handle = newHandle()) {
      await xrpc('com.atproto.identity.updateHandle', { handle }, await accessToken(account))
      account.handle = handle
      return handle
    },
    deactivate: async (account) => xrpc('com.atproto.server.deactivateAccount', {}, await accessToken(account)),
    activate: async (account) => xrpc('com.atproto.server.activateAccount', undefined, await accessToken(account)),
    async sessions({ did }) {
      const rows = await pds.ctx.accountManager.db.db
        .selectFrom('token')
        .select('id')
        .where('did', '=', did as `did:plc:${string}`)
        .execute()
      return rows.length
    },
    async revokeSessions({ did }) {
      const { db } = pds.ctx.accountManager.db
      await db
        .deleteFrom('token')
        .where('did', '=', did as `did:plc:${string}`)
        .execute()
    },
    accessToken,
    setMood: front.setMood,
    stand: front.stand,
    standForPlc: plcFront.stand,
    close,
    [Symbol.asyncDispose]: close,
  }
}

/** A handle that nobody has. */
export function newHandle(): string {
  return `alice-${randomBytes(5).toString('hex')}.test`
}

/** A stand that answers JSON. */
export function answering(status: number, body: unknown): Stand {
  return (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    return true
  }
}

/** Puts moods and stands before a server that listens already. */
function interposed(server: Server) {
  const asked: string[] = []
  const stands = new Map<string, Stand>()
  let mood: PdsMood = 'well'
  const original = server.listeners('request') as ((request: IncomingMessage, response: ServerResponse) => void)[]
  server.removeAllListeners('request')
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const path = decodeURIComponent((request.url ?? '').split('?')[0] ?? '')
    asked.push(`${request.method} ${path}`)
    if (mood === 'refuse') return request.socket.destroy()
    if (mood === 'hang') return
    for (const [prefix, stand] of stands) if (path.startsWith(prefix) && stand(request, response)) return
    for (const listener of original) listener.call(server, request, response)
  })
  return {
    asked,
    setMood(next: PdsMood) {
      if (mood !== next) server.closeAllConnections()
      mood = next
    },
    stand(path: string, stand: Stand | undefined) {
      if (stand === undefined) stands.delete(path)
      else stands.set(path, stand)
    },
  }
}

interface RawAnswer {
  status: number
  location: string | undefined
  text: string
}

/**
 * What the scripts on the pages of the PDS do, with a browser's headers and cookies. Raw `node:http`, because `fetch`
 * puts `sec-fetch-mode: cors` in place of what it is given.
 */
async function login(pds: string, page: URL, account: PdsAccount, decision: Decision): Promise<URL> {
  const cookies = new Map<string, string>()
  const api = async (name: string, body: unknown, headers: Record<string, string> = {}) => {
    const answer = await ask(new URL(`/@atproto/oauth-provider/~api/${name}`, pds), {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        origin: pds,
        referer: page.href,
        'sec-fetch-dest': 'empty',
        'sec-fetch-mode': 'same-origin',
        'sec-fetch-site': 'same-origin',
        'x-csrf-token': cookies.get('csrf-token') ?? '',
        ...headers,
      },
      body: JSON.stringify(body),
      cookies,
    })
    if (answer.status !== 200) throw new Error(`the PDS refused ${name}: ${answer.status} ${answer.text}`)
    return JSON.parse(answer.text) as { account?: { did: string }; ephemeralToken?: string; url?: string }
  }
  const navigate = { 'sec-fetch-dest': 'document', 'sec-fetch-mode': 'navigate' }
  const shown = await ask(page, { headers: { ...navigate, 'sec-fetch-site': 'cross-site' }, cookies })
  // A request that cannot be answered at all goes back to the app at once.
  if (shown.location !== undefined) return new URL(shown.location, page)
  if (shown.status !== 200) throw new Error(`the PDS did not show its page: ${shown.status} ${shown.text}`)
  const signedIn = await api('sign-in', { locale: 'en', username: account.did, password: account.password })
  const authorization = `Bearer ${signedIn.ephemeralToken ?? ''}`
  const { url } =
    decision === 'deny'
      ? await api('reject', {}, { authorization })
      : await api('consent', { did: account.did, ...(decision === 'allow' ? {} : decision) }, { authorization })
  if (url === undefined) throw new Error('the PDS did not say where to go on')
  const back = await ask(new URL(url, pds), {
    headers: { ...navigate, 'sec-fetch-site': 'same-origin', referer: page.href },
    cookies,
  })
  if (back.location === undefined) throw new Error(`the PDS did not send the browser back: ${back.status} ${back.text}`)
  return new URL(back.location)
}

function ask(
  url: URL,
  init: { method?: string; headers: Record<string, string>; body?: string; cookies: Map<string, string> },
): Promise<RawAnswer> {
  const { method = 'GET', body, cookies } = init
  const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  const headers = { ...init.headers, ...(cookie === '' ? {} : { cookie }) }
  return new Promise((resolve, reject) => {
    const sent = httpRequest(url, { method, headers, agent: false }, (response) => {
      for (const line of response.headers['set-cookie'] ?? []) {
        const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
        cookies.set(name, value)
      }
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        text += chunk
      })
      response.on('error', reject)
      response.on('end', () => resolve({ status: response.statusCode ?? 0, location: response.headers.location, text }))
    })
    sent.on('error', reject)
    sent.end(body)
  })
}
