/**
 * Apps that register themselves and manage their registration (RFC 7591, RFC 7592).
 *
 * The endpoints are the library's: it judges tokens, makes ids and secrets, and answers. What stands here comes before and
 * after it: what an app says of itself becomes a profile and the members that strangers may have, by the same rules that an
 * administrator meets; and of what is stored no hash and no member of our own is answered.
 */
import type { IncomingMessage } from 'node:http'
import type { Context, Middleware } from 'koa'
import { type Configuration, type KoaContextWithOIDC, Provider } from 'oidc-provider'
import type { Client } from '../../adapters/postgres/clients.ts'
import type { RegistrationToken } from '../../adapters/postgres/registration-tokens.ts'
import { Refusal } from '../errors.ts'
import { readBody } from '../request-body.ts'
import { clientConfiguration } from './client-configuration.ts'
import type { Metadata } from './client-metadata.ts'
import { scopesOf } from './client-scopes.ts'
import { isClientSecret, isSecretHash, newClientSecret } from './client-secrets.ts'
import { giveBody } from './given-body.ts'
import { type ProfileName, profileOf } from './profiles.ts'
import { type Described, describedClient, type StrangersRules } from './self-described.ts'

export const registrationPath = '/register'

/** Bytes; the library takes no more either. */
const bodyLimit = 56 * 1024
/** Members that the library refuses to have changed (RFC 7592 §2.2), and the id, which it compares. */
const forTheLibrary = [
  'client_id',
  'registration_access_token',
  'registration_client_uri',
  'client_secret_expires_at',
  'client_id_issued_at',
] as const

export interface RegistrationOptions {
  /** Whether a registration token is demanded. */
  readonly tokenDemanded: boolean
  readonly newClientId: () => string
  readonly rules: () => Promise<StrangersRules>
  readonly findToken: (token: string) => Promise<RegistrationToken | undefined>
  /** A client that registered itself. */
  readonly findClient: (id: string) => Promise<Client | undefined>
  /** Seconds to wait, for somebody at this address who registered much. */
  readonly wait: (address: string) => Promise<number | undefined>
}

/** What was made of a request that is being served, for whoever stores it. */
const described = new WeakMap<IncomingMessage, Described>()

/** What an app said of itself in the request that is being served, by our rules. Throws when `registrationRules` did not judge it. */
export function describedHere(): Described {
  const found = Provider.ctx === undefined ? undefined : described.get(Provider.ctx.req)
  if (found === undefined) throw new Error('a registration that was not judged')
  return found
}

/** Features of the library; without options nobody registers. */
export function registrationFeatures(options: RegistrationOptions | undefined) {
  if (options === undefined) return {}
  return {
    registration: {
      enabled: true,
      initialAccessToken: options.tokenDemanded,
      issueRegistrationAccessToken: true,
      idFactory: options.newClientId,
      secretFactory: newClientSecret,
    },
    // An answer that was lost must not take the registration from an app.
    registrationManagement: { enabled: true, rotateRegistrationAccessToken: false },
  } satisfies Configuration['features']
}

/** A middleware for the provider; `onError` is told what is refused here. */
export function registrationRules(
  options: RegistrationOptions,
  address: (ctx: Context) => string,
  onError: (ctx: KoaContextWithOIDC, error: unknown) => void,
): Middleware {
  return async (ctx, next) => {
    const id = managedId(ctx.path)
    if (ctx.path !== registrationPath && id === undefined) return next()
    try {
      if (id === undefined && ctx.method === 'POST') {
        const seconds = await options.wait(address(ctx))
        if (seconds !== undefined) return tooMany(ctx, seconds)
        await judgeNew(ctx, options)
      } else if (id !== undefined && ctx.method === 'PUT') await judgeChange(ctx, id, options)
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      refuse(ctx, error)
      return onError(ctx as unknown as KoaContextWithOIDC, error)
    }
    await next()
    answer(ctx)
  }
}

async function judgeNew(ctx: Context, options: RegistrationOptions): Promise<void> {
  const token = options.tokenDemanded ? await options.findToken(bearerOf(ctx)) : undefined
  // The library refuses whoever has no token.
  if (options.tokenDemanded && token === undefined) return
  const said = await readMetadata(ctx)
  if (said === undefined) return
  const pinned = token?.profile === undefined ? undefined : profileNamed(token.profile)
  await judge(ctx, said, options, pinned)
}

async function judgeChange(ctx: Context, id: string, options: RegistrationOptions): Promise<void> {
  const client = await options.findClient(id)
  const said = client === undefined ? undefined : await readMetadata(ctx)
  // The library refuses whoever is no such client.
  if (client === undefined || said === undefined) return
  const kept = Object.fromEntries(Object.entries(said).filter(([name]) => forTheLibrary.some((it) => it === name)))
  const presented = said['client_secret']
  if (presented !== undefined) {
    // The library knows the hashes, and compares what it is given with them.
    const right = typeof presented === 'string' && isClientSecret(presented, client.secretHashes)
    kept['client_secret'] = right ? client.secretHashes.join(' ') : 'another'
  }
  await judge(ctx, said, options, profileNamed(client.profile), kept)
}

/** Gives the library what is left of the body by our rules. */
async function judge(
  ctx: Context,
  said: Metadata,
  { rules }: RegistrationOptions,
  pinned: ProfileName | undefined,
  kept: Metadata = {},
): Promise<void> {
  const fixed = pinned === undefined ? undefined : profileOf(pinned)
  const usual = fixed?.confidential === false ? 'none' : 'client_secret_basic'
  const method = said['token_endpoint_auth_method'] ?? usual
  const made = await describedClient(said, String(method), await rules(), pinned)
  described.set(ctx.req, made)
  const { resource_scopes: _, ...known } = made.metadata
  giveBody(ctx.req, Buffer.from(JSON.stringify({ ...known, ...kept })))
}

/** The body as an object; undefined, unread or as it was, for what the library shall refuse. */
async function readMetadata(ctx: Context): Promise<Metadata | undefined> {
  if (!ctx.is('application/json')) return undefined
  const body = await readBody(ctx.req, bodyLimit)
  if (typeof body === 'string') throw new Refusal('invalid', 'the body is too long or was cut off')
  giveBody(ctx.req, body)
  try {
    const value: unknown = JSON.parse(body.toString('utf8'))
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Metadata) : undefined
  } catch {
    return undefined
  }
}

const ourMembers: readonly string[] = clientConfiguration().extraClientMetadata.properties

/** Leaves out what is ours, and the hashes that the library takes for a secret; names all scopes in one list. */
function answer(ctx: Context): void {
  const body: unknown = ctx.body
  if (ctx.status >= 300 || typeof body !== 'object' || body === null || !('client_id' in body)) return
  const all = Object.entries(body as Metadata)
  const metadata = described.get(ctx.req)?.metadata ?? (body as Metadata)
  const told = all.filter(([name, value]) => !ourMembers.includes(name) && !isHash(name, value))
  ctx.body = { ...Object.fromEntries(told), scope: scopesOf(metadata).join(' ') }
}

function isHash(name: string, value: unknown): boolean {
  return name === 'client_secret' && String(value).split(' ').every(isSecretHash)
}

function managedId(path: string): string | undefined {
  const [, id] = /^\/register\/([A-Za-z0-9._~-]{1,128})$/.exec(path) ?? []
  return id
}

function bearerOf(ctx: Context): string {
  const [, token = ''] = /^Bearer ([\w.~+/=-]+)$/i.exec(ctx.get('authorization')) ?? []
  return token
}

function profileNamed(name: string): ProfileName | undefined {
  return profileOf(name)?.name as ProfileName | undefined
}

/** RFC 7591 §3.2.2. */
function refuse(ctx: Context, { message }: Refusal): void {
  const error = /redirect URI/.test(message) ? 'invalid_redirect_uri' : 'invalid_client_metadata'
  ctx.status = 400
  ctx.set('cache-control', 'no-store')
  ctx.body = { error, error_description: message.replaceAll('\n', ' ').replaceAll(/["\\]/g, "'") }
}

/** RFC 6585 §4. */
function tooMany(ctx: Context, seconds: number): void {
  ctx.status = 429
  ctx.set('retry-after', String(seconds))
  ctx.body = {
    error: 'temporarily_unavailable',
    error_description: `too many registrations, try again in ${seconds} seconds`,
  }
}
