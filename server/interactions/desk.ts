/**
 * What every step of an interaction works with: the request it is for, the app behind it, and how to show a page.
 *
 * Built once per request by the router; the steps know this and their own business.
 */
import type { Context } from 'koa'
import type { InteractionResults, Provider } from 'oidc-provider'
import type { Requester } from '../../adapters/identity/contract.ts'
import { type ClientCard, plainName } from '../../views/client.ts'
import type { Surroundings } from '../../views/layout.ts'
import { formTargetsOf, type Pages, sendPage } from '../pages.ts'
import { requestInfo } from '../request-info.ts'
import { finish } from './finish.ts'

/** Characters. */
const longestUserAgent = 500

export interface Desk {
  readonly ctx: Context
  readonly provider: Provider
  readonly uid: string
  readonly prompt: {
    readonly name: string
    readonly reasons: readonly string[]
    readonly details: Record<string, unknown>
  }
  /** Parameters of the authorization request. */
  readonly params: Readonly<Record<string, unknown>>
  readonly accountId: string | undefined
  /** What the steps before this one ended with. */
  readonly submitted: Readonly<Record<string, unknown>>
  /** Of the browser session, once somebody is signed in (not secret). */
  readonly sessionUid: string | undefined
  readonly grantId: string | undefined
  /** The device code that waits for this person (RFC 8628); undefined where the app itself does. */
  readonly device: string | undefined
  readonly client: ClientCard
  /** The registration of the client, by the names of RFC 7591. */
  readonly registration: Readonly<Record<string, unknown>>
  readonly address: string
  /** Who asks, as people are told elsewhere. */
  readonly requester: Requester
  readonly on: Surroundings
  /** Path of a step of this interaction. */
  path(step: string): string
  /** `script`: path of the one that the page has. */
  show(document: string, status?: number, script?: string): void
  /** Sends the browser on (303). */
  seeOther(target: string): void
  finish(result: InteractionResults): Promise<void>
}

/** Opens the desk for the interaction of this browser. Throws the library's `SessionNotFound` when there is none. */
export async function openDesk(ctx: Context, provider: Provider, pages: Pages): Promise<Desk> {
  const details = await provider.interactionDetails(ctx.req, ctx.res)
  const { uid, params, prompt, session, grantId, deviceCode, lastSubmission } = details
  const on = pages.surroundings(ctx, textOf(params['ui_locales']))
  const client = await provider.Client.find(String(params['client_id']))
  const metadata = client?.metadata() ?? {}
  const card = clientCard(metadata, String(params['client_id']), textOf(params['redirect_uri']))
  return {
    ctx,
    provider,
    uid,
    prompt: { name: prompt.name, reasons: prompt.reasons, details: prompt.details },
    params,
    accountId: session?.accountId,
    submitted: lastSubmission ?? {},
    sessionUid: session?.uid,
    grantId,
    device: deviceCode,
    client: card,
    registration: metadata,
    address: requestInfo(ctx.req).address,
    requester: requesterOf(ctx, card),
    on,
    path: (step) => `/interaction/${uid}${step === '' ? '' : `/${step}`}`,
    show: (document, status = 200, script) =>
      sendPage(ctx, document, {
        status,
        script: script === undefined ? undefined : new URL(script, provider.issuer).href,
        formTargets: [...formTargetsOf(params['redirect_uri']), ...neighbours(provider.issuer)],
      }),
    seeOther(target) {
      ctx.redirect(target)
      ctx.status = 303
    },
    finish: (result) => finish(provider, ctx, result),
  }
}

function requesterOf(ctx: Context, client: ClientCard): Requester {
  const { country } = requestInfo(ctx.req)
  const userAgent = ctx.get('user-agent').slice(0, longestUserAgent)
  return {
    clientId: client.id,
    app: plainName(client),
    ...(userAgent === '' ? {} : { userAgent }),
    ...(country === undefined ? {} : { country }),
  }
}

/** On a developer's machine people prove who they are at servers on that machine, over plain http. */
export function neighbours(issuer: string): readonly string[] {
  return issuer.startsWith('http:') ? ['http://localhost:*', 'http://127.0.0.1:*'] : []
}

/** What the pages show of an app. */
export function clientCard(metadata: Readonly<Record<string, unknown>>, id: string, redirectUri?: string): ClientCard {
  const name = textOf(metadata['client_name'])
  const uri = textOf(metadata['client_uri'])
  const policyUri = textOf(metadata['policy_uri'])
  const tosUri = textOf(metadata['tos_uri'])
  const logoUri = textOf(metadata['logo_address'])
  return {
    id,
    host: hostOf(redirectUri),
    firstParty: metadata['first_party'] === true,
    ...unverifiedCard(metadata['origin'], id),
    ...(name === undefined ? {} : { name }),
    ...(uri === undefined ? {} : { uri }),
    ...(policyUri === undefined ? {} : { policyUri }),
    ...(tosUri === undefined ? {} : { tosUri }),
    ...(logoUri === undefined ? {} : { logoUri }),
  }
}

function unverifiedCard(origin: unknown, id: string): Pick<ClientCard, 'unverified'> {
  if (origin === 'document') return { unverified: { documentHost: URL.parse(id)?.host } }
  return origin === 'self' ? { unverified: {} } : {}
}

/** Where the browser goes back to: the host, or for an app's own scheme the scheme. */
function hostOf(redirectUri: string | undefined): string {
  if (redirectUri === undefined || !URL.canParse(redirectUri)) return ''
  const url = new URL(redirectUri)
  return url.protocol === 'https:' || url.protocol === 'http:' ? url.host : url.protocol.slice(0, -1)
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}
