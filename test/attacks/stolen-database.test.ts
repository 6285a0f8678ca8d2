/**
 * Somebody has a copy of the database. A whole run is made, everything secret that was issued or sent is noted, and
 * none of it may be found: not as it is, not in hex or base64, not inside something that is encoded.
 *
 * The token in the sign-out form is left out: it is good only together with the session cookie, which is not there.
 */
import { calculateJwkThumbprint, exportJWK, generateKeyPair, SignJWT } from 'jose'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { sealer } from '../../adapters/crypto/seal.ts'
import { atprotoKeys } from '../../adapters/postgres/atproto-keys.ts'
import { registrationTokens } from '../../adapters/postgres/registration-tokens.ts'
import { asked, collect, link, press } from '../support/approval.ts'
import { authorizeUrl, endpoint, pkce, redeem, token } from '../support/authorize.ts'
import { askForCodes, enter, poll } from '../support/device.ts'
import { startTelegram, type Telegram } from '../support/fakes/telegram.ts'
import { gatewayToken, startGateway } from '../support/fakes/telegram-gateway.ts'
import { iftttClient, iftttRequestUrl } from '../support/ifttt-client.ts'
import { codeTold, otpApp, registerOtpApp, shareNumber } from '../support/otp-api.ts'
import { startPds, type TestPds } from '../support/pds.ts'
import { enrol, register, signIn, somebody, totpCode } from '../support/people.ts'
import { registerClient, registrationRequest } from '../support/registration.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { answerInChat, askForLink, pollingAt } from '../support/telegram-bot.ts'
import { codeOn, pick, scan } from '../support/telegram-qr.ts'
import type { Visit, Visitor } from '../support/visitor.ts'

const secrets = 'the-key-ring-of-the-stolen-database-test'
const serviceKey = 'the-service-key-of-the-stolen-database-test'
const kinds = [
  'password',
  'TOTP secret',
  'TOTP code',
  'recovery code',
  'session cookie',
  'interaction cookie',
  'attempt cookie',
  'cookie signature',
  'client secret',
  'authorization code',
  'code verifier',
  'opaque access token',
  'JWT access token',
  'refresh token',
  'ID token',
  'pushed request',
  'device code',
  'user code',
  'request for approval',
  'button in a chat',
  'link from a chat',
  'cookie of such a link',
  'words of a request',
  'bot token',
  'DPoP proof',
  'DPoP key',
  'private signing key',
  'key ring',
  'state at a PDS',
  'code verifier for a PDS',
  'DPoP key for a PDS',
  'access token of a PDS',
  'refresh token of a PDS',
  'client assertion key',
  'service key',
  'picture of a sign-in',
  'phone number',
  'one-time code',
  'token of a shop',
  'Gateway token',
  'registration token',
  'token of a registered app',
] as const
type Kind = (typeof kinds)[number]

const issued = new Map<Kind, Set<string>>(kinds.map((kind) => [kind, new Set()]))
let server: TestServer
let pds: TestPds
let telegram: Telegram
let telegramGateway: Awaited<ReturnType<typeof startGateway>>
/** The database at several moments of the run: much of it is removed again. */
let stolen = ''
let logged = ''

function note(kind: Kind, ...values: (string | null | undefined)[]): void {
  for (const value of values) if (typeof value === 'string' && value !== '') issued.get(kind)?.add(value)
}

const cookieKinds: [RegExp, Kind][] = [
  [/\.sig$/, 'cookie signature'],
  [/^session$/, 'session cookie'],
  [/^(interaction|resume)$/, 'interaction cookie'],
  [/^attempt$/, 'attempt cookie'],
  [/^telegram-connect$/, 'cookie of such a link'],
  // Holds the id of the interaction, which stands in addresses.
  [/^return-/, 'interaction cookie'],
]

/** A browser whose cookies are noted as they are set. */
function watched(): Visitor {
  const person = server.visitor()
  const push = person.cookies.push.bind(person.cookies)
  person.cookies.push = (...added) => {
    for (const { name, value } of added) {
      const kind = cookieKinds.find(([pattern]) => pattern.test(name))?.[1]
      if (kind === undefined) throw new Error(`a cookie of no known kind: ${name}`)
      note(kind, value)
    }
    return push(...added)
  }
  return person
}

async function steal(): Promise<void> {
  stolen += `${await server.database.dump()}\n`
}

async function proofOfPossession(
  keys: Awaited<ReturnType<typeof generateKeyPair>>,
  path: string,
  nonce?: string,
): Promise<string> {
  const jwk = await exportJWK(keys.publicKey)
  const claims = { htm: 'POST', htu: `${server.origin}${path}`, jti: crypto.randomUUID(), ...(nonce ? { nonce } : {}) }
  const proof = await new SignJWT(claims)
    .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk })
    .setIssuedAt()
    .sign(keys.privateKey)
  note('DPoP proof', proof, claims.jti)
  return proof
}

function codeAt(visit: Visit): string {
  const code = visit.url.searchParams.get('code')
  if (code === null) throw new Error(`no code at ${visit.url}`)
  note('authorization code', code)
  return code
}

async function person(): Promise<{ browser: Visitor; who: ReturnType<typeof somebody> }> {
  const who = somebody('stolen')
  note('password', who.password)
  const browser = watched()
  await register(browser, '/account', who)
  await steal()
  const now = new Date()
  await enrol(browser, who, now)
  note('TOTP secret', who.totpSecret)
  note('TOTP code', totpCode(who, now))
  note('recovery code', ...(who.recoveryCodes ?? []))
  await steal()
  return { browser, who }
}

async function secondBrowser(who: ReturnType<typeof somebody>): Promise<void> {
  const browser = watched()
  const waiting = await signIn(browser, '/account', who)
  await steal()
  expect((await browser.submit(waiting, '/answer', { code: who.recoveryCodes?.[0] ?? '' })).text).toContain(
    'This browser',
  )
  // Two sign-ins stay open: one before the password, one before the code.
  await watched().get('/account')
  await signIn(watched(), '/account', who)
  const wrong = 'a password that was wrong 8472'
  note('password', wrong)
  await signIn(watched(), '/account', { ...who, password: wrong })
  await steal()
}

async function changedPassword(browser: Visitor, who: ReturnType<typeof somebody>): Promise<void> {
  const next = 'another password, twice as good 1938'
  note('password', next)
  const form = { current_password: who.password, password: next }
  expect((await browser.post('/account/password', form)).text).toContain('password is changed')
  const fresh = await browser.post('/account/recovery-codes', {})
  note('recovery code', ...[...fresh.text.matchAll(/<li><code>([a-z2-7-]+)<\/code>/g)].map(([, code = '']) => code))
}

async function webApp(browser: Visitor): Promise<void> {
  const client = await server.client('web')
  note('client secret', client.secret)
  const proof = pkce()
  note('code verifier', proof.verifier)
  const scope = 'openid profile email offline_access'
  const consent = await browser.get(authorizeUrl(client, proof, { scope }))
  const code = codeAt(await browser.submit(consent, '/consent', { decision: 'allow' }))
  await steal()
  const { body } = await redeem(server, client, code, proof)
  const rotated = await token(server, client, { grant_type: 'refresh_token', refresh_token: body.refresh_token ?? '' })
  for (const answer of [body, rotated.body]) {
    note('opaque access token', answer.access_token)
    note('refresh token', answer.refresh_token)
    note('ID token', answer.id_token)
  }
  await endpoint(server, client, '/introspect', { token: String(rotated.body.access_token) })
  await steal()
  // One code is never redeemed, one pushed request never used.
  codeAt(await browser.get(authorizeUrl(client, pkce(), { scope })))
  const pushed = await endpoint(server, client, '/par', {
    client_id: client.id,
    redirect_uri: client.redirectUri,
    response_type: 'code',
    scope: 'openid',
    code_challenge: proof.challenge,
    code_challenge_method: 'S256',
  })
  expect(pushed.status).toBe(201)
  note('pushed request', String(pushed.body['request_uri']).split(':').at(-1))
  await steal()
}

/** One device is connected, another one waits. */
async function devices(browser: Visitor): Promise<void> {
  const client = await server.client('device')
  const codes = await askForCodes(server, client)
  const waiting = await askForCodes(server, client)
  note('device code', codes.device_code, waiting.device_code)
  note('user code', codes.user_code, waiting.user_code)
  await poll(server, client, waiting)
  const consent = await browser.submit(await enter(browser, codes), '/device', { decision: 'allow' })
  await steal()
  expect((await browser.submit(consent, '/consent', { decision: 'allow' })).text).toContain('is connected')
  await steal()
  const { body } = await poll(server, client, codes)
  note('opaque access token', body.access_token)
  note('refresh token', body.refresh_token)
  note('ID token', body.id_token)
  await steal()
}

/** A chat bot that the person has connected asks them for more, and they approve. */
async function inChat(browser: Visitor): Promise<void> {
  const client = await server.client('device', { approve_in_chat: true })
  note('client secret', client.secret)
  const codes = await askForCodes(server, client)
  note('device code', codes.device_code)
  note('user code', codes.user_code)
  const consent = await browser.submit(await enter(browser, codes), '/device', { decision: 'allow' })
  await browser.submit(consent, '/consent', { decision: 'allow' })
  const { body } = await poll(server, client, codes)
  noteTokens(body)
  const [, claims = ''] = String(body.id_token).split('.')
  const { sub } = JSON.parse(Buffer.from(claims, 'base64url').toString()) as { sub: string }
  const person = telegram.person()
  await link(server, sub, person)
  const words = 'seventeen herons and a lamp'
  note('words of a request', words)
  const { id, message } = await asked(server, client, { sub, person }, { scope: 'openid', binding_message: words })
  note('request for approval', id)
  const buttons = message.reply_markup?.inline_keyboard?.flat() ?? []
  note('button in a chat', ...buttons.map((button) => button.callback_data))
  await collect(server, client, id)
  await steal()
  await press(person, message, 'Approve')
  await steal()
  noteTokens((await collect(server, client, id)).body)
  await steal()
}

/** Somebody in a chat asks for a link to their account, and uses it. */
async function byLink(browser: Visitor): Promise<void> {
  const person = telegram.person()
  const path = await askForLink(person)
  note('link from a chat', path.split('/').at(-1))
  await steal()
  const page = await browser.submit(await browser.get(path), path)
  expect(page.text).toContain('Connect this Telegram?')
  await steal()
  await browser.submit(page, '/telegram/connect', { decision: 'connect' })
  const question = await person.told('Connect this Telegram with the account')
  const buttons = question.reply_markup?.inline_keyboard?.flat() ?? []
  note('button in a chat', ...buttons.map((button) => button.callback_data))
  await steal()
  await answerInChat(person, browser)
  await steal()
}

/** Somebody signs in by a picture; another picture waits. */
async function byPicture(): Promise<void> {
  const client = await server.client('web')
  const show = async () => {
    const browser = watched()
    const page = await browser.submit(await browser.get(authorizeUrl(client, pkce())), '/start/telegram-qr')
    const code = codeOn(page)
    note('picture of a sign-in', new URL(code.link).searchParams.get('start')?.slice(1))
    await steal()
    return { browser, page, code }
  }
  await show()
  const { browser, page, code } = await show()
  const person = telegram.person()
  const question = await scan(person, code.link)
  note('button in a chat', ...(question.reply_markup?.inline_keyboard?.flat() ?? []).map((it) => it.callback_data))
  await steal()
  await pick(person, question, code.number)
  await person.told('Confirmed')
  await steal()
  const newcomer = await browser.submit(page, '/answer', { action: 'continue' })
  expect(newcomer.text).toContain('You signed in with Telegram')
  await steal()
}

/** A person opens their shop by phone, another one types a code on our pages, and a third phone gets its code by the Gateway. */
async function byPhone(): Promise<void> {
  await registerOtpApp(server, 'Flowers')
  const app = otpApp(server)
  const [owner, visitor, stranger] = ['+77015550101', '+77015550202', '+77015550303'] as const
  for (const phone of [owner, visitor, stranger]) note('phone number', phone, phone.slice(1), phone.slice(2))
  const person = telegram.person('Aliya')
  await shareNumber(person, owner)
  await steal()
  expect((await app.request(owner)).status).toBe(200)
  const code = await codeTold(person)
  note('one-time code', code)
  await steal()
  expect((await app.verify(owner, code === '000000' ? '000001' : '000000')).status).toBe(400)
  const { body } = await app.verify(owner, code)
  note('token of a shop', body.access_token, claimsOf(body.access_token)['jti'])
  await steal()
  expect((await app.me(body.access_token)).body.phone).toBe(owner)
  await app.logout(body.access_token)
  note('token of a shop', (await app.signIn(person, owner)).body.access_token)
  note('one-time code', await codeTold(person, 1))
  await steal()

  const other = telegram.person('Marat')
  await shareNumber(other, visitor)
  const browser = watched()
  const first = await browser.get(authorizeUrl(await server.client('web'), pkce()))
  const asks = await browser.submit(await browser.submit(first, '/start/telegram-otp'), '/answer', { phone: visitor })
  note('one-time code', await codeTold(other))
  await steal()
  const newcomer = await browser.submit(asks, '/answer', { code: await codeTold(other) })
  expect(newcomer.text).toContain('You signed in with Telegram')
  await steal()

  await app.request(stranger)
  await vi.waitUntil(() => telegramGateway.sent.length > 0, { interval: 20, timeout: 10_000 })
  note('one-time code', telegramGateway.sent[0]?.code)
  await steal()
}

function claimsOf(jwt: string): Record<string, string> {
  return JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString()) as Record<string, string>
}

function noteTokens(body: Record<string, unknown>): void {
  note('opaque access token', String(body['access_token']))
  note('refresh token', String(body['refresh_token']))
  note('ID token', String(body['id_token']))
}

async function programs(): Promise<void> {
  const owner = await server.resource('https://api.example/jwt', ['read'], 'jwt')
  const other = await server.resource('https://api.example/opaque', ['read'], 'opaque')
  const service = await server.client('service', { resource_scopes: 'read' })
  note('client secret', owner.secret, other.secret, service.secret)
  const grant = { grant_type: 'client_credentials', scope: 'read' }
  const jwt = await token(server, service, { ...grant, resource: 'https://api.example/jwt' })
  note('JWT access token', jwt.body.access_token)
  const opaque = await token(server, service, { ...grant, resource: 'https://api.example/opaque' })
  note('opaque access token', opaque.body.access_token)
  await steal()
  const keys = await generateKeyPair('ES256', { extractable: true })
  note('DPoP key', (await exportJWK(keys.privateKey)).d)
  expect(await calculateJwkThumbprint(await exportJWK(keys.publicKey))).toBeTruthy()
  const basic = Buffer.from(`${service.id}:${service.secret}`).toString('base64')
  let nonce: string | undefined
  for (let tries = 0; tries < 2; tries += 1) {
    const response = await fetch(`${server.origin}/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${basic}`, dpop: await proofOfPossession(keys, '/token', nonce) },
      body: new URLSearchParams({ ...grant, resource: 'https://api.example/opaque' }),
    })
    nonce = response.headers.get('dpop-nonce') ?? undefined
    note('opaque access token', ((await response.json()) as { access_token?: string }).access_token)
  }
  await steal()
}

/** IFTTT connects at both addresses, a page of the house asks for codes, and IFTTT's tests are set up. */
async function atIfttt(browser: Visitor): Promise<void> {
  const client = await iftttClient(server)
  const page = await server.client('web', { resource_scopes: 'ifttt', first_party: true })
  note('client secret', client.secret, page.secret)
  const secret = { client_id: client.id, client_secret: client.secret }
  const post = async (path: string, body: string | URLSearchParams, headers: Record<string, string> = {}) => {
    const init = { method: 'POST', headers: { ...(typeof body === 'string' ? json : {}), ...headers }, body }
    const answer = (await (await fetch(server.origin + path, init)).json()) as IftttAnswer
    note('authorization code', answer.code)
    note('opaque access token', answer.access_token, answer.data?.accessToken)
    note('refresh token', answer.refresh_token)
    await steal()
    return answer
  }
  const newCode = async (path: string) => {
    const visit = await browser.get(iftttRequestUrl(client, { path }))
    return codeAt(visit.left ? visit : await browser.submit(visit, '/consent', { decision: 'allow' }))
  }
  const redemption = (code: string) => ({
    ...secret,
    grant_type: 'authorization_code',
    code,
    redirect_uri: client.redirectUri,
  })
  const first = await post('/token', new URLSearchParams(redemption(await newCode('/authorize'))))
  expect(first.refresh_token).toEqual(expect.any(String))
  const draft = '/third-party/ifttt/v1/tokens'
  await post(draft, JSON.stringify(redemption(await newCode('/third-party/ifttt/authorize'))))
  await post(
    draft,
    JSON.stringify({ ...secret, grant_type: 'refresh_token', refresh_token: String(first.refresh_token) }),
  )
  // Twice the same member, and a secret that is wrong.
  await post(draft, JSON.stringify(redemption(await newCode('/authorize'))).replace('}', ',"code":"x"}'))
  await post(draft, JSON.stringify({ ...redemption('x'), client_secret: `${client.secret.slice(1)}x` }))

  const proof = pkce()
  note('code verifier', proof.verifier)
  const { body } = await redeem(
    server,
    page,
    codeAt(await browser.get(authorizeUrl(page, proof, { scope: 'ifttt' }))),
    proof,
  )
  note('opaque access token', body.access_token)
  note('refresh token', body.refresh_token)
  const authorization = `Bearer ${body.access_token}`
  const minted = await post('/third-party/ifttt/v1/authorizations', JSON.stringify({ client_id: client.id }), {
    authorization,
  })
  expect(minted.code).toEqual(expect.any(String))
  const wrongKey = 'a-service-key-that-was-wrong-8472'
  note('service key', serviceKey, wrongKey)
  const setUp = (key: string) => post('/ifttt/v1/test/setup', '{}', { 'ifttt-service-key': key })
  expect((await setUp(wrongKey)).data).toBeUndefined()
  expect((await setUp(serviceKey)).data?.accessToken).toEqual(expect.any(String))
}

const json = { 'content-type': 'application/json' }

interface IftttAnswer {
  code?: string
  access_token?: string
  refresh_token?: string
  data?: { accessToken?: string }
}

async function signingKeys(): Promise<void> {
  const rows = await server.database.store.db.selectFrom('signing_keys').selectAll().execute()
  for (const { kid, sealed_jwk } of rows) {
    const jwk = JSON.parse(sealer([secrets]).open(sealed_jwk, `signing-key:${kid}`)) as Record<string, string>
    for (const member of ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k']) note('private signing key', jwk[member])
  }
}

/** A person signs in at their PDS, an app gets its link there and calls; another one walks away from a sign-in. */
async function atPds(): Promise<void> {
  const registered = { scope: 'openid atproto offline_access', resource_scopes: 'transition:generic' }
  for (const first_party of [false, true]) {
    const client = await server.client('web', { ...registered, first_party })
    note('client secret', client.secret)
    const account = await pds.account()
    note('password', account.password)
    const browser = watched()
    const proof = pkce()
    note('code verifier', proof.verifier)
    const scope = 'openid atproto transition:generic'
    let visit = await browser.get(authorizeUrl(client, proof, { scope, handle: account.handle }))
    for (let steps = 0; !visit.url.searchParams.has('code'); steps += 1) {
      if (steps > 5) throw new Error(`the sign-in goes nowhere: ${visit.url}`)
      await stealFromPds()
      if (visit.left) {
        const back = await pds.login(visit.url, account)
        note('state at a PDS', back.searchParams.get('state'))
        visit = await browser.get(back.pathname + back.search)
      } else if (visit.text.includes('value="create"')) {
        visit = await browser.submit(visit, '/newcomer', { decision: 'create' })
      } else visit = await browser.submit(visit, '/consent', { decision: 'allow' })
    }
    const { body } = await redeem(server, client, codeAt(visit), proof)
    note('opaque access token', body.access_token)
    note('ID token', body.id_token)
    const headers = { authorization: `Bearer ${body.access_token}` }
    const call = () => fetch(`${server.origin}/xrpc/com.atproto.server.getSession`, { headers })
    expect((await call()).status).toBe(200)
    await stealFromPds()
  }
  const left = await server.client('web', { ...registered, first_party: true })
  const account = await pds.account()
  const away = await watched().get(
    authorizeUrl(left, pkce(), { scope: 'openid atproto transition:generic', handle: account.handle }),
  )
  expect(away.left).toBe(true)
  await stealFromPds()
}

/** Steals, and notes what only somebody with the key ring can know. */
async function stealFromPds(): Promise<void> {
  await steal()
  const { db } = server.database.store
  const ring = sealer([secrets])
  for (const row of await db.selectFrom('atproto_states').selectAll().execute()) {
    notePdsSecrets(ring.open(row.sealed_state, `atproto-state:${row.id_hash}`))
  }
  for (const row of await db.selectFrom('atproto_keepsakes').selectAll().execute()) {
    notePdsSecrets(ring.open(row.sealed_session, `atproto-keepsake:${row.id_hash}`))
  }
  for (const { did, sealed_session } of await db.selectFrom('atproto_sessions').selectAll().execute()) {
    if (sealed_session !== null) notePdsSecrets(ring.open(sealed_session, `atproto-session:${did}`))
  }
}

/** What the client library keeps, wherever it stands in it. */
const pdsSecrets: Readonly<Record<string, Kind>> = {
  verifier: 'code verifier for a PDS',
  pkceVerifier: 'code verifier for a PDS',
  d: 'DPoP key for a PDS',
  access_token: 'access token of a PDS',
  refresh_token: 'refresh token of a PDS',
}

function notePdsSecrets(text: string): void {
  JSON.parse(text, (name, value: unknown) => {
    const kind = pdsSecrets[name]
    if (kind !== undefined && typeof value === 'string') note(kind, value)
    return value
  })
}

/** The key of a confidential client, which an https issuer would make at its first sign-in. */
async function clientKey(): Promise<void> {
  const ring = sealer([secrets])
  const key = await atprotoKeys(server.database.store.db, ring, () => new Date()).loadOrCreate()
  note('client assertion key', ...key.map((one) => String(one['d'])))
}

/** An app that registers itself, by a token that an administrator made. */
async function registering(): Promise<void> {
  const expiresAt = new Date(Date.now() + 60_000)
  const token = { name: 'A partner', profile: undefined, usesLeft: 9, expiresAt }
  const made = await registrationTokens(server.database.store.db, () => new Date()).add(token)
  const metadata = { redirect_uris: ['https://app.example/cb'], client_name: 'Example' }
  const { body } = await registerClient(server, metadata, made.token)
  note('registration token', made.token)
  note('token of a registered app', String(body['registration_access_token']))
  note('client secret', String(body['client_secret']))
  await registrationRequest(String(body['registration_client_uri']), 'GET', String(body['registration_access_token']))
}

beforeAll(async () => {
  pds = await startPds()
  telegram = await startTelegram()
  telegramGateway = await startGateway()
  note('Gateway token', gatewayToken)
  const atGateway = { TELEGRAM_GATEWAY_TOKEN: gatewayToken, TELEGRAM_GATEWAY_ROOT: telegramGateway.root }
  const own = { SECRETS: secrets, IFTTT_SERVICE_KEYS: serviceKey, CLIENT_REGISTRATION: 'token' }
  const settings = { ...pds.settings, ...pollingAt(telegram), ...atGateway, ...own }
  server = await startTestServer({ settings })
  note('key ring', secrets)
  note('bot token', telegram.token)
  const { browser, who } = await person()
  await secondBrowser(who)
  await webApp(browser)
  await devices(browser)
  await inChat(browser)
  await byLink(browser)
  await byPicture()
  await byPhone()
  await programs()
  await atIfttt(browser)
  await atPds()
  await clientKey()
  await registering()
  await changedPassword(browser, who)
  await signingKeys()
  await steal()
  // What fails is logged with its reason.
  await browser.get('/authorize?client_id=nobody')
  await browser.post('/account/sign-out', {}, { 'sec-fetch-site': 'cross-site' })
  const open = await browser.get(
    '/authorize?client_id=habitat-account&prompt=login&response_type=code&scope=openid'.concat(
      `&redirect_uri=${encodeURIComponent(`${server.origin}/account/signed-in`)}`,
      `&code_challenge=${'x'.repeat(43)}&code_challenge_method=S256`,
    ),
  )
  await browser.post(`${open.url.pathname}/answer`, {}, { 'sec-fetch-site': 'cross-site' })
  await browser.post(`${open.url.pathname}/start/nobody`, {})
  logged = server.logged.join('\n')
})
afterAll(async () => {
  await server.stop()
  await telegram[Symbol.asyncDispose]()
  await telegramGateway[Symbol.asyncDispose]()
  await pds.close()
})

/** Everything that `text` says, also to somebody who decodes what looks encoded. */
function unfolded(text: string): string {
  const words = text.match(/[A-Za-z0-9+/_-]{12,}/g) ?? []
  const once = words.flatMap((word) => [
    Buffer.from(word, 'base64url').toString('latin1'),
    ...(/^(?:[0-9a-f]{2})+$/i.test(word) ? [Buffer.from(word, 'hex').toString('latin1')] : []),
  ])
  const twice = once.flatMap((part) => part.match(/[A-Za-z0-9+/_-]{16,}/g) ?? [])
  return [text, ...once, ...twice.map((word) => Buffer.from(word, 'base64url').toString('latin1'))].join('\n')
}

/** The forms in which a secret would be of use: itself, encoded, and the bytes that it stands for. */
function formsOf(secret: string): string[] {
  if (/^\d{6}$/.test(secret)) return []
  const bytes = Buffer.from(secret)
  const raw = Buffer.from(secret, 'base64url')
  const parts = secret.split('.').filter((part) => part.length > 40)
  return [
    secret,
    ...parts.slice(-1),
    secret.replaceAll('-', ''),
    bytes.toString('hex'),
    bytes.toString('base64').replace(/=+$/, ''),
    bytes.toString('base64url'),
    ...(raw.length >= 16 && raw.toString('base64url') === secret ? [raw.toString('hex'), raw.toString('latin1')] : []),
  ]
}

function found(secret: string, text: string): boolean {
  // Six digits stand in every other timestamp; alone they stand nowhere.
  if (/^\d{6}$/.test(secret)) return new RegExp(`(?<![\\w.:+-])${secret}(?![\\w.:+-])`).test(text)
  return formsOf(secret).some((form) => text.includes(form))
}

test('the search finds a secret in whatever form it is written', () => {
  const secret = 'T0p-secret_value.of~the house'
  const random = Buffer.from(Array.from({ length: 32 }, (_, index) => (index * 37) & 255)).toString('base64url')
  for (const written of [
    secret,
    Buffer.from(secret).toString('hex'),
    Buffer.from(secret).toString('base64'),
    Buffer.from(JSON.stringify({ deep: { value: secret } })).toString('base64url'),
    Buffer.from(Buffer.from(`x ${secret} y`).toString('base64')).toString('base64url'),
  ]) {
    expect([written, found(secret, unfolded(`table row ${written} end`))]).toEqual([written, true])
  }
  expect(found(random, unfolded(Buffer.from(random, 'base64url').toString('hex')))).toBe(true)
  expect(found(random, unfolded(Buffer.from(random, 'base64url').toString('base64')))).toBe(true)
  expect(found('123456', 'totp 123456 x')).toBe(true)
  expect(found(secret, unfolded('nothing of the kind'))).toBe(false)
})

test('the run left rows in every table that holds something', () => {
  const tables = new Set(stolen.split('\n').map((line) => line.split(' ')[0]))
  const expected = ['accounts', 'artifacts', 'attempts', 'clients', 'consents', 'grants', 'identities', 'limits']
  const others = ['passwords', 'recovery_codes', 'replays', 'resources', 'sessions', 'signing_keys', 'totp_factors']
  const atPds = ['atproto_states', 'atproto_keepsakes', 'atproto_sessions', 'atproto_keys']
  const inChats = ['approval_prompts', 'telegram_questions', 'telegram_people', 'telegram_updates', 'telegram_sign_ins']
  const byPhones = ['registration_tokens', 'telegram_phones', 'phone_codes', 'request_windows', 'shops']
  const all = [...expected, ...others, ...atPds, ...inChats, ...byPhones, 'audit_events']
  expect([...tables]).toEqual(expect.arrayContaining(all))
  expect(logged).toContain('refused')
})

test('no private key stands in the database under its own name (RFC 7517 §4, RFC 7518 §6.2.2)', () => {
  unfoldedDump ??= unfolded(stolen)
  expect(unfoldedDump).not.toMatch(privateMember)
})

test('the search would find each secret of a PDS in rows that were not sealed', async () => {
  const { db } = server.database.store
  const held = kinds
    .filter((kind) => /PDS|assertion/.test(kind))
    .map((kind) => [kind, [...(issued.get(kind) ?? [])][0]])
  expect(held).toHaveLength(6)
  const id_hash = 'planted'
  const sealed_session = JSON.stringify({ ...Object.fromEntries(held), dpopJwk: { kty: 'EC', d: 'planted' } })
  await db.insertInto('atproto_keepsakes').values({ id_hash, sealed_session, expires_at: new Date() }).execute()
  const text = unfolded(await server.database.dump())
  await db.deleteFrom('atproto_keepsakes').where('id_hash', '=', id_hash).execute()
  expect(held.filter(([, value]) => !found(String(value), text))).toEqual([])
  expect(text).toMatch(privateMember)
})

/** Also inside a text that is quoted once more. */
const privateMember = /\\?"d\\?"\s*:/

let unfoldedDump: string | undefined
test.each(kinds)('no %s is in the database', (kind) => {
  unfoldedDump ??= unfolded(stolen)
  const text = unfoldedDump
  const values = [...(issued.get(kind) ?? [])]
  expect(values.length).toBeGreaterThan(0)
  expect(values.filter((value) => found(value, text))).toEqual([])
})

test.each(kinds)('no %s is in the log', (kind) => {
  const text = unfolded(logged)
  expect([...(issued.get(kind) ?? [])].filter((value) => found(value, text))).toEqual([])
})
