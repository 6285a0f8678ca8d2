/**
 * The addresses of an interaction. Says which step a request is for; what a step does stands in its own file.
 *
 * Every request is checked against the browser's interaction cookie first, and a step is only reached while the library
 * waits for it: no order of requests skips one.
 */
import Router from '@koa/router'
import type { Context, Middleware } from 'koa'
import type { Provider } from 'oidc-provider'
import { expiredPage } from '../../views/expired.ts'
import { beginDeviceInteraction } from '../oidc/device-interaction.ts'
import { isSessionNotFound } from '../oidc/errors.ts'
import { linkParam } from '../oidc/link-prompt.ts'
import { personParams } from '../oidc/person-params.ts'
import { PageRefusal } from '../page-refusal.ts'
import { type Pages, sendPage } from '../pages.ts'
import type { AccountChoice } from './account-choice.ts'
import type { Admission } from './admission.ts'
import type { consent } from './consent.ts'
import type { AttemptCookies } from './cookies.ts'
import { type Desk, openDesk } from './desk.ts'
import type { LinkStep } from './link.ts'
import type { OtherBrowser } from './other-browser.ts'
import type { PdsStep } from './pds.ts'
import { restartUrl } from './restart.ts'
import type { SignIn } from './sign-in.ts'
import type { Waiting } from './waiting.ts'
import { wantsSecondFactor } from './ways-in.ts'

export interface InteractionOptions {
  /** The provider of the moment. */
  provider: () => Provider
  pages: Pages
  signIn: SignIn
  accountChoice: AccountChoice
  otherBrowser: OtherBrowser
  admission: Admission
  link: LinkStep
  consent: ReturnType<typeof consent>
  pds: PdsStep
  waiting: Waiting
  cookies: AttemptCookies
  /** Address that begins the sign-in of an interaction again, also after its end. */
  restartOf: (uid: string) => Promise<string | undefined>
  /** The same for another browser, which takes the code of a device over from the one that has entered it. */
  elsewhereOf: (uid: string) => Promise<string | undefined>
}

type Prompt = 'login' | 'link' | 'consent' | 'pds'

export function interactionRoutes(options: InteractionOptions): Middleware {
  const router = new Router({ prefix: '/interaction', sensitive: true })
  const { signIn, accountChoice, admission, link, consent: consentStep, pds } = options

  const showOf: Readonly<Record<Prompt, (desk: Desk) => void | Promise<void>>> = {
    login: signIn.show,
    link: link.show,
    consent: consentStep.show,
    pds: pds.show,
  }
  const answered = (desk: Desk) => (desk.prompt.name === 'link' ? link.answer(desk) : signIn.answer(desk))

  /** Runs a step for an interaction that waits for one of `prompts`; anything else goes back to where it stands. */
  const step =
    (prompts: readonly Prompt[], work: (desk: Desk) => Promise<void>, otherwise = expired) =>
    async (ctx: Context): Promise<void> => {
      try {
        const desk = await openDesk(ctx, options.provider(), options.pages)
        if (desk.uid !== ctx['params'].uid) return await otherwise(ctx)
        if (!prompts.includes(desk.prompt.name as Prompt)) return seeOther(ctx, desk.path(''))
        await work(desk)
      } catch (error) {
        // Also at the end of a step: a form that was sent twice finds the interaction finished by its twin.
        if (!isSessionNotFound(error)) throw error
        await otherwise(ctx)
      }
    }

  router.get('/callback/:provider', (ctx) => {
    const uid = options.cookies.returning(ctx, String(ctx.query['state'] ?? ''))
    if (uid === undefined) return expired(ctx)
    seeOther(ctx, `/interaction/${encodeURIComponent(uid)}/answer${ctx.search}`)
  })
  router.get(
    '/:uid',
    step(['login', 'link', 'consent', 'pds'], async (desk) => showOf[desk.prompt.name as Prompt](desk)),
  )
  router.post(
    '/:uid/start/:provider',
    step(['login'], (desk) => signIn.start(desk, desk.ctx['params'].provider)),
  )
  router.post(
    '/:uid/start/:provider/here',
    step(['login'], (desk) => signIn.start(desk, desk.ctx['params'].provider, true)),
  )
  router.get(
    '/:uid/browser/:provider',
    step(['login', 'link'], (desk) => options.otherBrowser.show(desk, desk.ctx['params'].provider), beginAgain),
  )
  router.get(
    '/:uid/answer',
    step(['login', 'link', 'pds'], (desk) => (desk.prompt.name === 'pds' ? pds.answer(desk) : answered(desk))),
  )
  router.post('/:uid/answer', step(['login', 'link'], answered))
  router.get('/:uid/events', step(['login', 'link'], options.waiting))
  router.post('/:uid/account/same', step(['login'], accountChoice.same))
  router.post('/:uid/account/other', step(['login'], signIn.other))
  router.post('/:uid/newcomer', step(['login'], admission.newcomer))
  router.post(
    '/:uid/connect',
    step(['login', 'link'], (desk) => (desk.prompt.name === 'link' ? link.confirm(desk) : admission.connect(desk))),
  )
  router.post(
    '/:uid/link',
    step(['link'], (desk) => link.begin(desk)),
  )
  router.post(
    '/:uid/link/here',
    step(['link'], (desk) => link.begin(desk, true)),
  )
  router.post('/:uid/consent', step(['consent'], consentStep.decide))
  router.post('/:uid/pds', step(['pds'], pds.begin))
  router.post(
    '/:uid/cancel',
    step(['login', 'link', 'consent', 'pds'], async (desk) => {
      if (desk.prompt.name === 'login') await admission.abandon(desk)
      // RFC 9470 §5: the app must not come back with the same demand again and again.
      const error = wantsSecondFactor(desk) ? 'unmet_authentication_requirements' : 'access_denied'
      await desk.finish({ error, error_description: 'the person cancelled' })
    }),
  )
  router.post(
    '/:uid/switch',
    step(['consent', 'link'], async (desk) => {
      // Somebody else is about to sign in: who was meant at first says nothing about them.
      const meant = ['login_hint', linkParam, ...personParams]
      if (desk.device !== undefined) {
        const params = Object.fromEntries(Object.entries(desk.params).filter(([name]) => !meant.includes(name)))
        return beginDeviceInteraction(desk.provider, desk.ctx, { deviceCode: desk.device, params }, { fresh: true })
      }
      const target = restartUrl(desk.params, meant)
      if (target === undefined) throw new PageRefusal('expired', 'begin-at-app')
      seeOther(desk.ctx, `${target}&prompt=login`)
    }),
  )

  /** An interaction that is over, lost its cookie, or belongs to another browser: say so, and offer to begin again. */
  async function expired(ctx: Context): Promise<void> {
    const uid: unknown = ctx['params'].uid
    const restart = typeof uid === 'string' ? await options.restartOf(uid) : undefined
    const on = options.pages.surroundings(ctx)
    sendPage(ctx, expiredPage(on, { restart }), { status: 400 })
  }

  /** For an address that is meant to be opened in another browser than the interaction's. */
  async function beginAgain(ctx: Context): Promise<void> {
    const target = await options.elsewhereOf(String(ctx['params'].uid))
    if (target === undefined) return expired(ctx)
    seeOther(ctx, target)
  }

  return router.routes() as unknown as Middleware
}

function seeOther(ctx: Context, target: string): void {
  ctx.redirect(target)
  ctx.status = 303
}
