/**
 * Approval away from the app (OpenID CIBA Core 1.0, poll mode): what the library makes of it, and what the standard and
 * our rules ask beyond that.
 *
 * The library knows no polling interval, no limit and no reason to refuse a person; whom to ask and how is for the desk,
 * of which nothing is known here but its answers. Nobody learns from them who has an account: whoever cannot be asked is
 * unknown.
 */
import { type Client, type Configuration, errors, type KoaContextWithOIDC, Provider } from 'oidc-provider'
import { bindingMessageProblem } from './binding-message.ts'
import type { Metadata } from './client-metadata.ts'
import { polling } from './device-flow.ts'
import { keyOfProof } from './dpop-proof.ts'
import { cibaGrant } from './profiles.ts'
import { keyParam } from './request-key.ts'
import { useOnce } from './request-objects.ts'

type Request = InstanceType<Provider['BackchannelAuthenticationRequest']>

export interface BackchannelOptions {
  readonly desk: ApprovalDesk
  /** Told of each poll for a request that waits for its person; answers whether it may come already. */
  readonly poll: (requestId: string) => Promise<boolean>
}

/** Who asks whom for what. */
export interface ApprovalRequest {
  readonly accountId: string
  /** The registration of the client, and its id. */
  readonly registration: Metadata
  readonly clientId: string
  readonly params: Readonly<Record<string, unknown>>
}

export interface Question {
  /** The secret id of the request. */
  readonly requestId: string
  readonly bindingMessage: string | undefined
  /** Seconds. */
  readonly lifetime: number
}

/** Puts questions to people. */
export interface ApprovalDesk {
  /**
   * Looks whether the person can be asked by this client for this, and counts it. `unknown`: not at all, for whichever
   * reason; `beyond`: only for less.
   */
  prepare(request: ApprovalRequest): Promise<Preparation>
}

export type Preparation =
  | Prepared
  | { readonly kind: 'unknown' }
  | { readonly kind: 'beyond' }
  /** Seconds. */
  | { readonly kind: 'too-many'; readonly retryAfter: number }

export interface Prepared {
  readonly kind: 'ready'
  /** Asks. `unreachable`: the person has closed the way to them; `unavailable`: nobody can be asked at the moment. */
  ask(question: Question): Promise<'asked' | 'unreachable' | 'unavailable'>
}

/** Where clients ask, and what it is called in metadata. */
export const backchannelPath = '/backchannel'

/** Seconds that a person has to answer: when nothing is asked for, and the bounds of what may be. */
const lifetime = { usual: 300, least: 30, most: 600 }

/** The ways in which a request may say who is meant; none of them is kept. */
const hints = ['login_hint', 'id_token_hint', 'binding_message'] as const

/** Seconds that a request waits for its person (CIBA §7.1, `requested_expiry`). */
export function requestLifetime({ oidc }: KoaContextWithOIDC): number {
  const { requested_expiry: wanted = lifetime.usual } = oidc.params ?? {}
  return Math.min(lifetime.most, Math.max(lifetime.least, Number(wanted)))
}

type Feature = NonNullable<NonNullable<Configuration['features']>['ciba']>

/** The library's feature; without a desk nobody can be asked. */
export function backchannel(desk?: ApprovalDesk) {
  const ready = new WeakMap<KoaContextWithOIDC, { prepared: Prepared; bindingMessage: string | undefined }>()
  return {
    enabled: true as boolean,
    deliveryModes: ['poll'] as const,
    // These come before the account is looked up, so that what they say says nothing about anybody.
    async validateRequestContext(ctx) {
      for (const name of ['request_context', 'user_code', 'login_hint_token']) {
        if (ctx.oidc.params?.[name] !== undefined) throw new errors.InvalidRequest(`${name} is not supported`)
      }
      await useOnce(ctx)
    },
    validateBindingMessage(_ctx, message) {
      const problem = message === undefined ? undefined : bindingMessageProblem(message)
      if (problem !== undefined)
        throw new errors.InvalidBindingMessage(`the binding_message cannot be shown: ${problem}`)
    },
    processLoginHintToken() {
      throw new errors.InvalidRequest('login_hint_token is not supported')
    },
    processLoginHint: async (_ctx, hint) => hint,
    // Runs for every kind of hint, once the account is known and before anything is stored.
    async verifyUserCode(ctx, { accountId }) {
      const { client, params = {} } = ctx.oidc
      const prepared = await desk?.prepare({ ...registrationOf(client), accountId, params })
      if (prepared === undefined || prepared.kind === 'unknown') throw new errors.UnknownUserId(unknownPerson)
      if (prepared.kind === 'beyond') throw new errors.InvalidScope(notAgreed, String(params['scope']))
      if (prepared.kind === 'too-many') {
        ctx.set('retry-after', String(prepared.retryAfter))
        throw new TooManyQuestions(prepared.retryAfter)
      }
      const { binding_message: message } = params
      ready.set(ctx, { prepared, bindingMessage: typeof message === 'string' ? message : undefined })
      for (const name of hints) params[name] = undefined
    },
    async triggerAuthenticationDevice(ctx, request) {
      const { prepared, bindingMessage } = ready.get(ctx) ?? {}
      const question = { requestId: request.jti, bindingMessage, lifetime: request.expiration }
      const outcome = await prepared?.ask(question)
      if (outcome === 'unavailable') throw new Unavailable()
      if (outcome !== 'asked') throw new errors.UnknownUserId(unknownPerson)
    },
  } satisfies Feature
}

/** The library's own words for a hint that means nobody. */
const unknownPerson = 'could not identify end-user'

const notAgreed = 'the person has not agreed to all of this yet; ask for less, or let them connect anew'

/** Holds a provider to the rest of the standard. */
export function backchannelRules(provider: Provider, { poll }: Pick<BackchannelOptions, 'poll'>): void {
  const { BackchannelAuthenticationRequest: Requests } = provider
  const find = Requests.find.bind(Requests)
  // By now the client has authenticated and its proof of possession, if any, was found to be valid.
  Requests.find = (async (...args: Parameters<typeof find>) => {
    const request = (await find(...args)) as Request | undefined
    const ctx = Provider.ctx
    if (request === undefined || ctx?.oidc.route !== 'token' || request.clientId !== ctx.oidc.client?.clientId) {
      return request
    }
    await checkKey(request, ctx.get('dpop'))
    const waits = !request.isExpired && request.grantId === undefined && request.error === undefined
    if (waits && !(await poll(request.jti))) throw new errors.SlowDown()
    return request
  }) as typeof Requests.find
  provider.use(async (plainCtx, next) => {
    await next()
    const ctx = plainCtx as unknown as KoaContextWithOIDC
    const { client, route } = ctx.oidc ?? {}
    if (route === 'backchannel_authentication' && ctx.status === 400 && client?.grantTypeAllowed(cibaGrant) === false) {
      // To the library the request is wrong, to the standard the client (CIBA §13).
      ctx.body = { ...(ctx.body as object), error: 'unauthorized_client' }
    }
    if (ctx.status !== 200) return
    if (route === 'backchannel_authentication') {
      ctx.body = { ...(ctx.body as object), interval: polling.interval }
    }
    // The library says that it takes one (CIBA §4).
    if (route === 'discovery') {
      ctx.body = { ...(ctx.body as object), backchannel_user_code_parameter_supported: false }
    }
  })
}

/** A request that was made in the name of a key is of use to nobody else (as RFC 9449 §10 has it for codes). */
async function checkKey({ params }: Request, proof: string): Promise<void> {
  const wanted = params?.[keyParam]
  if (wanted === undefined || wanted === (await keyOfProof(proof))) return
  throw new errors.InvalidGrant('the request is bound to another key (dpop_jkt)')
}

function registrationOf(client: Client | undefined): Pick<ApprovalRequest, 'registration' | 'clientId'> {
  if (client === undefined) throw new TypeError('the client has not authenticated')
  return { registration: client.metadata(), clientId: client.clientId }
}

/** CIBA has no code for it: the client may come back. */
class TooManyQuestions extends errors.OIDCProviderError {
  override error_description: string

  constructor(seconds: number) {
    super(429, 'temporarily_unavailable')
    this.expose = true
    this.error_description = `the person was asked often enough, try again in ${seconds} seconds`
  }
}

class Unavailable extends errors.OIDCProviderError {
  override error_description = 'nobody can be asked at the moment; try again shortly'

  constructor() {
    super(503, 'temporarily_unavailable')
    this.expose = true
  }
}
