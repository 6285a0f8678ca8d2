/**
 * The pages at `/device`: entering the code that a device shows, and confirming that the device is one's own.
 *
 * A code that is unknown, expired, used or claimed by another browser gets the same answer. Confirming is asked of
 * everybody each time, whatever was agreed to before: it is all that stands against somebody who sends their own code to
 * a person (RFC 8628 §5.4, RFC 10027). What follows is the library's (`oidc/device-interaction.ts`).
 */
import Router from '@koa/router'
import type { Context, Middleware } from 'koa'
import type { Provider } from 'oidc-provider'
import type { Account } from '../../adapters/postgres/accounts.ts'
import type { NewAuditEvent } from '../../adapters/postgres/audit.ts'
import { deviceCodePage } from '../../views/device-code.ts'
import { deviceConfirmPage } from '../../views/device-confirm.ts'
import { deviceEndPage } from '../../views/device-end.ts'
import { readForm } from '../forms.ts'
import { clientCard, neighbours } from '../interactions/desk.ts'
import { devicePath, requesterOf } from '../oidc/device-flow.ts'
import { beginDeviceInteraction } from '../oidc/device-interaction.ts'
import { isOvertaken } from '../oidc/errors.ts'
import { type RequestedAccessOptions, requestedAccess } from '../oidc/requested-access.ts'
import { pdsScopeCards, scopeCards } from '../oidc/scope-cards.ts'
import { PageRefusal } from '../page-refusal.ts'
import { type Pages, sendPage } from '../pages.ts'
import { requestInfo } from '../request-info.ts'
import { programOf } from './user-agent.ts'
import { shownUserCode, typedUserCode } from './user-code.ts'
import type { Guess, UserCodeGuesses } from './user-code-guesses.ts'

export interface DeviceOptions extends RequestedAccessOptions {
  /** The provider of the moment. */
  provider: () => Provider
  pages: Pages
  guesses: UserCodeGuesses
  /** The person behind the browser session. */
  visitor: (ctx: Context) => Promise<Account | undefined>
  audit: (event: NewAuditEvent) => Promise<void>
}

type DeviceCode = InstanceType<Provider['DeviceCode']>

export function deviceRoutes(options: DeviceOptions): Middleware {
  // As strict as the check of who sends a form (`cross-origin.ts`).
  const router = new Router({ sensitive: true, strict: true })

  // `verification_uri_complete` fills the field in; whoever follows it still compares and sends it (RFC 8628 §3.3.1).
  router.get(devicePath, (ctx) => {
    const code = typedUserCode(String(ctx.query['user_code'] ?? ''))
    sendPage(ctx, deviceCodePage(options.pages.surroundings(ctx), { action: devicePath, code: shownUserCode(code) }))
  })

  router.post(devicePath, async (ctx) => {
    const form = await readForm(ctx)
    const decision = form.get('decision')
    if (decision !== null && decision !== 'allow' && decision !== 'deny') {
      throw new PageRefusal('invalid', 'choose-allow-or-deny')
    }
    const typed = typedUserCode(form.get('user_code') ?? '')
    const account = await options.visitor(ctx)
    const guess = await look(ctx, typed, account?.id)
    if (guess.kind !== 'right') return askAgain(ctx, typed, guess)
    if (decision === null) return confirm(ctx, guess.found, account)
    await (decision === 'allow' ? goOn(ctx, guess.found) : deny(ctx, guess.found, account?.id))
  })

  function look(ctx: Context, typed: string, accountId: string | undefined): Promise<Guess<DeviceCode>> {
    const { address } = requestInfo(ctx.req)
    return options.guesses.look({ address, accountId }, async () => {
      const code = await options.provider().DeviceCode.findByUserCode(typed, { ignoreExpiration: true })
      return code === undefined || isOver(code) ? undefined : code
    })
  }

  function askAgain(ctx: Context, typed: string, guess: Exclude<Guess<DeviceCode>, { kind: 'right' }>): void {
    const heldOff = guess.kind === 'held-off'
    const byOthers = heldOff && (guess.limit === 'everybody' || guess.limit === 'network')
    if (heldOff) ctx.set('retry-after', String(guess.retryAfter))
    const page = deviceCodePage(options.pages.surroundings(ctx), {
      action: devicePath,
      code: shownUserCode(typed),
      problem: !heldOff ? 'wrong-user-code' : byOthers ? 'sign-in-first' : 'too-many-tries',
      retryAfter: heldOff ? guess.retryAfter : undefined,
      signIn: byOthers ? '/account' : undefined,
    })
    sendPage(ctx, page, { status: heldOff ? 429 : 400 })
  }

  async function confirm(ctx: Context, code: DeviceCode, account: Account | undefined): Promise<void> {
    const client = await options.provider().Client.find(String(code.clientId))
    if (client === undefined) return askAgain(ctx, code.userCode, { kind: 'wrong' })
    const registration = client.metadata()
    const { resources, scopes, scopesOf } = await requestedAccess({ params: code.params ?? {}, registration }, options)
    const { address, country, userAgent } = requesterOf(code)
    const locales = code.params?.['ui_locales']
    const on = options.pages.surroundings(ctx, typeof locales === 'string' ? locales : undefined)
    const page = deviceConfirmPage(on, {
      action: devicePath,
      code: shownUserCode(code.userCode),
      client: clientCard(registration, client.clientId),
      account: account && (account.email ?? account.name ?? account.id),
      scopes: [
        ...scopes.filter((name) => name !== 'offline_access').map((name) => ({ name })),
        ...resources.flatMap((of) => scopeCards(of, scopesOf[of.identifier] ?? [])),
        ...pdsScopeCards(scopesOf[options.pds.identifier] ?? []),
        { name: 'offline_access' },
      ],
      requester: { address, country, program: programOf(userAgent), at: new Date((code.iat ?? 0) * 1000) },
    })
    // Signing in may begin right after this form, and elsewhere.
    sendPage(ctx, page, { formTargets: neighbours(options.provider().issuer) })
  }

  async function goOn(ctx: Context, code: DeviceCode): Promise<void> {
    code.inFlight = true
    if (!(await moved(code))) return askAgain(ctx, code.userCode, { kind: 'wrong' })
    await beginDeviceInteraction(options.provider(), ctx, { deviceCode: code.jti, params: code.params ?? {} })
  }

  async function deny(ctx: Context, code: DeviceCode, accountId: string | undefined): Promise<void> {
    Object.assign(code, { error: 'access_denied', errorDescription: 'the person says that this was not them' })
    if (!(await moved(code))) return askAgain(ctx, code.userCode, { kind: 'wrong' })
    const { address } = requestInfo(ctx.req)
    const { clientId } = code
    const detail = { requester: requesterOf(code).address }
    await options.audit({ event: 'device.denied', accountId, clientId, address, detail })
    sendPage(ctx, deviceEndPage(options.pages.surroundings(ctx), { end: 'denied' }))
  }

  return router.routes() as unknown as Middleware
}

/** Whether nobody can do anything with the code any more, or another browser already does. */
function isOver(code: DeviceCode): boolean {
  return code.isExpired || code.inFlight === true || code.accountId !== undefined || code.error !== undefined
}

/** Stores the step; false when another browser was faster. */
async function moved(code: DeviceCode): Promise<boolean> {
  try {
    await code.save()
    return true
  } catch (error) {
    if (isOvertaken(error)) return false
    throw error
  }
}
