/**
 * The pages behind the link of `/connect`. Opening the link spends nothing; going on binds it to this browser, which signs
 * in afresh, sees who is connected with what, and decides. Then the chat is asked.
 */
import Router from '@koa/router'
import type { Context, Middleware } from 'koa'
import type { Connection, TelegramConnections } from '../../adapters/postgres/telegram-connections.ts'
import {
  type TelegramConnectEnd,
  telegramConnectEndPage,
  telegramConnectPage,
  telegramOpenPage,
  telegramWaitPage,
} from '../../views/telegram-connect.ts'
import { signInUrl, type Visit } from '../account/visit.ts'
import { readForm } from '../forms.ts'
import { neighbours } from '../interactions/desk.ts'
import { freshness } from '../oidc/link-prompt.ts'
import { PageRefusal } from '../page-refusal.ts'
import { type Pages, sendPage } from '../pages.ts'
import { requestInfo } from '../request-info.ts'
import { connectPath, type TelegramConnect } from '../telegram/connect.ts'

export interface TelegramConnectRoutesOptions {
  issuer: string
  pages: Pages
  connections: Pick<TelegramConnections, 'isOffered' | 'open' | 'ofBrowser'>
  connect: TelegramConnect
  /** The person behind the browser session. */
  visit: (ctx: Context) => Promise<Visit | undefined>
}

/** Seconds between two looks for the answer. */
const lookAgain = '3'
/** Milliseconds; as long as the rest may take. */
const cookieLifetime = 15 * 60 * 1000

export function telegramConnectRoutes(options: TelegramConnectRoutesOptions): Middleware {
  const { issuer, pages, connections, connect } = options
  const router = new Router({ sensitive: true, strict: true })
  const secure = issuer.startsWith('https:')
  const cookie = `${secure ? '__Secure-' : ''}telegram-connect`

  router.get(`${connectPath}/:token`, async (ctx) => {
    if (!(await connections.isOffered(String(ctx['params'].token)))) return end(ctx, 'over')
    const page = telegramOpenPage(pages.surroundings(ctx), { action: ctx.path })
    sendPage(ctx, page, { formTargets: neighbours(issuer) })
  })

  router.post(`${connectPath}/:token`, async (ctx) => {
    await readForm(ctx)
    const browser = await connections.open(String(ctx['params'].token))
    if (browser === undefined) return end(ctx, 'over')
    ctx.cookies.set(cookie, browser, {
      httpOnly: true,
      sameSite: 'lax',
      secure,
      signed: true,
      overwrite: true,
      maxAge: cookieLifetime,
      path: connectPath,
    })
    const connection = await connections.ofBrowser(browser)
    if (connection !== undefined) await connect.opened(connection)
    seeOther(ctx, connectPath)
  })

  router.get(connectPath, async (ctx) => {
    const connection = await ofThisBrowser(ctx)
    if (connection?.state === 'opened') return decide(ctx, connection)
    if (connection?.state === 'asked' || connection?.state === 'deciding') return wait(ctx, connection.choice.number)
    end(ctx, connection === undefined || connection.state === 'offered' ? 'over' : connection.state)
  })

  router.post(connectPath, async (ctx) => {
    const form = await readForm(ctx)
    const decision = form.get('decision')
    if (decision !== 'connect' && decision !== 'deny') throw new PageRefusal('invalid', 'choose-connect-or-deny')
    const connection = await ofThisBrowser(ctx)
    if (connection === undefined) return end(ctx, 'over')
    const visit = await options.visit(ctx)
    const { address } = requestInfo(ctx.req)
    if (decision === 'deny') await connect.refuse(connection, visit?.account.id, address)
    // The page named an account; somebody else may have signed in meanwhile.
    else if (isFresh(visit) && form.get('account') === visit.account.id)
      await connect.ask(connection, visit.account.id, { sessionUid: visit.sessionUid, address })
    seeOther(ctx, connectPath)
  })

  async function ofThisBrowser(ctx: Context): Promise<Connection | undefined> {
    const browser = ctx.cookies.get(cookie, { signed: true })
    return browser === undefined ? undefined : connections.ofBrowser(browser)
  }

  async function decide(ctx: Context, { name, username }: Connection): Promise<void> {
    const visit = await options.visit(ctx)
    if (!isFresh(visit)) return seeOther(ctx, signInUrl(issuer, connectPath, freshness))
    const { account } = visit
    const page = telegramConnectPage(pages.surroundings(ctx), {
      action: connectPath,
      name,
      username,
      account: account.email ?? account.name ?? account.id,
      accountId: account.id,
    })
    sendPage(ctx, page)
  }

  function wait(ctx: Context, number: string): void {
    ctx.set('refresh', lookAgain)
    sendPage(ctx, telegramWaitPage(pages.surroundings(ctx), { number, action: connectPath, again: connectPath }))
  }

  function end(ctx: Context, state: TelegramConnectEnd): void {
    const page = telegramConnectEndPage(pages.surroundings(ctx), { end: state, account: '/account' })
    sendPage(ctx, page, { status: state === 'over' ? 410 : 200 })
  }

  return router.routes() as unknown as Middleware
}

function isFresh(visit: Visit | undefined): visit is Visit {
  return visit !== undefined && visit.age <= freshness
}

function seeOther(ctx: Context, target: string): void {
  ctx.redirect(target)
  ctx.status = 303
}
