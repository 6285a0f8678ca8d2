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
import { isSessionNotFound } from '../oidc/errors.ts'
import { personParams } from '../oidc/person-params.ts'
import { PageRefusal } from '../page-refusal.ts'
import { type Pages, sendPage } from '../pages.ts'
import type { consent } from './consent.ts'
import type { AttemptCookies } from './cookies.ts'
import { type Desk, openDesk } from './desk.ts'
import type { PdsStep } from './pds.ts'
import { restartUrl } from './restart.ts'
import type { SignIn } from './sign-in.ts'

export interface InteractionOptions {
  /** The provider of the moment. */
  provider: () => Provider
  pages: Pages
  signIn: SignIn
  consent: ReturnType<typeof consent>
  pds: PdsStep
  cookies: AttemptCookies
  /** Address that begins the sign-in of an interaction again, also after its end. */
  restartOf: (uid: string) => Promise<string | undefined>
}

type Prompt = 'login' | 'consent' | 'pds'

export function interactionRoutes(options: InteractionOptions): Middleware {
  const router = new Router({ prefix: '/interaction', sensitive: true })
  const { signIn, consent: consentStep, pds } = options

  /** Runs a step for an interaction that waits for one of `prompts`; anything else goes back to where it stands. */
  const step =
    (prompts: readonly Prompt[], work: (desk: Desk) => Promise<void>) =>
    async (ctx: Context): Promise<void> => {
      try {
        const desk = await openDesk(ctx, options.provider(), options.pages)
        if (desk.uid !== ctx['params'].uid) return await expired(ctx)
        if (!prompts.includes(desk.prompt.name as Prompt)) return seeOther(ctx, desk.path(''))
        await work(desk)
      } catch (error) {
        // Also at the end of a step: a form that was sent twice finds the interaction finished by its twin.
        if (!isSessionNotFound(error)) throw error
        await expired(ctx)
      }
    }

  router.get('/callback/:provider', (ctx) => {
    const uid = options.cookies.returning(ctx, String(ctx.query['state'] ?? ''))
    if (uid === undefined) return expired(ctx)
    seeOther(ctx, `/interaction/${encodeURIComponent(uid)}/answer${ctx.search}`)
  })
  router.get(
    '/:uid',
    step(['login', 'consent', 'pds'], (desk) =>
      desk.prompt.name === 'login'
        ? signIn.show(desk)
        : desk.prompt.name === 'pds'
          ? pds.show(desk)
          : consentStep.show(desk),
    ),
  )
  router.post(
    '/:uid/start/:provider',
    step(['login'], (desk) => signIn.start(desk, desk.ctx['params'].provider)),
  )
  router.get(
    '/:uid/answer',
    step(['login', 'pds'], (desk) => (desk.prompt.name === 'pds' ? pds.answer(desk) : signIn.answer(desk))),
  )
  router.post('/:uid/answer', step(['login'], signIn.answer))
  router.post('/:uid/newcomer', step(['login'], signIn.newcomer))
  router.post('/:uid/consent', step(['consent'], consentStep.decide))
  router.post('/:uid/pds', step(['pds'], pds.begin))
  router.post(
    '/:uid/cancel',
    step(['login', 'consent', 'pds'], async (desk) => {
      if (desk.prompt.name === 'login') await signIn.abandon(desk)
      await desk.finish({ error: 'access_denied', error_description: 'the person cancelled' })
    }),
  )
  router.post(
    '/:uid/switch',
    step(['consent'], async (desk) => {
      // Somebody else is about to sign in: who was meant at first says nothing about them.
      const target = restartUrl(desk.params, ['login_hint', ...personParams])
      if (target === undefined) throw new PageRefusal('expired', 'begin-at-app')
      seeOther(desk.ctx, `${target}&prompt=login`)
    }),
  )

  /** An interaction that is over, lost its cookie, or belongs to another browser: say so, and offer to begin again. */
  async function expired(ctx: Context): Promise<void> {
    const uid: unknown = ctx['params'].uid
    const restart = typeof uid === 'string' ? await options.restartOf(uid) : undefined
    const on = options.pages.surroundings(ctx)
    sendPage(ctx, expiredPage(on, { restart: restart ?? '/' }), { status: 400 })
  }

  return router.routes() as unknown as Middleware
}

function seeOther(ctx: Context, target: string): void {
  ctx.redirect(target)
  ctx.status = 303
}
