/**
 * The account pages: what is connected, where one is signed in, password and second factor.
 *
 * Everything that changes something is a POST from this server's own pages; what an intruder at an open screen would
 * reach for first asks for a sign-in of the last five minutes (ASVS 5 §7.5.1).
 */
import Router from '@koa/router'
import type { Context, Middleware } from 'koa'
import { accountPage } from '../../views/account.ts'
import { reduced } from '../atproto/scopes.ts'
import { readForm } from '../forms.ts'
import { clientCard } from '../interactions/desk.ts'
import { accountClientId } from '../oidc/account-client.ts'
import { freshness } from '../oidc/link-prompt.ts'
import { PageRefusal } from '../page-refusal.ts'
import { sendPage } from '../pages.ts'
import { requestInfo } from '../request-info.ts'
import { connectPath } from '../telegram/connect.ts'
import { agreements, connectedApps } from './connected-apps.ts'
import { type AccountOptions, type Desk, routes } from './desk.ts'
import { afterAdding, identityPages, identitySection } from './identity-pages.ts'
import { passwordPages } from './password-pages.ts'
import { secondFactorPages } from './second-factor-pages.ts'
import { signInUrl, visitOf } from './visit.ts'

/** Pages that a sign-in may come back to; nothing else is taken from an address. */
const returnTargets = ['/account', afterAdding, routes.password, connectPath] as const

export function accountRoutes(options: AccountOptions): Middleware {
  const router = new Router({ sensitive: true })

  const signedIn =
    (work: (desk: Desk) => Promise<void>, requirement: { fresh?: boolean } = {}) =>
    async (ctx: Context): Promise<void> => {
      const visit = await visitOf(ctx, options.provider(), options.accounts.find, options.now)
      const tooOld = requirement.fresh === true && visit !== undefined && visit.age > freshness
      if (visit === undefined || tooOld) {
        const page = returnTargets.find((target) => target === ctx.path) ?? '/account'
        return seeOther(ctx, signInUrl(options.issuer, page, requirement.fresh === true ? freshness : undefined))
      }
      const identities = await options.accounts.identitiesOf(visit.account.id)
      await work({
        ctx,
        visit,
        on: options.pages.surroundings(ctx),
        passwordSubject: identities.find(({ provider }) => provider === 'password')?.subject,
        options,
        record: (event, detail) =>
          options.audit({ event, accountId: visit.account.id, address: requestInfo(ctx.req).address, detail }),
        done: (notice) => seeOther(ctx, `/account?done=${notice}`),
        seeOther: (target) => seeOther(ctx, target),
      })
    }

  router.get('/account/signed-in', (ctx) => {
    // Whoever turned back has nothing to be told of.
    const target = ctx.query['error'] === undefined ? ctx.query['state'] : undefined
    seeOther(ctx, returnTargets.find((known) => known === target) ?? '/account')
  })
  router.get('/account', signedIn(overview))
  router.post(routes.revokeApp, signedIn(revokeApp))
  router.post(routes.revokeSession, signedIn(revokeSession))
  router.post(routes.endPds, signedIn(endPds))
  router.post(routes.addIdentity, signedIn(identityPages.add))
  router.post(routes.removeIdentity, signedIn(identityPages.remove, { fresh: true }))
  router.post(
    routes.signOut,
    signedIn(async ({ ctx }) => seeOther(ctx, `/logout?client_id=${accountClientId}`)),
  )
  router.post(
    routes.signOutEverywhere,
    signedIn(async ({ ctx, visit, record }) => {
      await options.sessions.revokeByAccount(visit.account.id)
      options.pds.signedOut(visit.account.id)
      await record('session.ended')
      seeOther(ctx, '/logout/success?everywhere')
    }),
  )
  router.get(routes.password, signedIn(passwordPages.show, { fresh: true }))
  router.post(routes.password, signedIn(passwordPages.change, { fresh: true }))
  router.post(routes.enrolSecondFactor, signedIn(secondFactorPages.enrol, { fresh: true }))
  router.post(routes.removeSecondFactor, signedIn(secondFactorPages.remove, { fresh: true }))
  router.post(routes.recoveryCodes, signedIn(secondFactorPages.renewCodes, { fresh: true }))
  return router.routes() as unknown as Middleware
}

async function overview({ ctx, visit, on, passwordSubject, options }: Desk): Promise<void> {
  const { account } = visit
  const factor = passwordSubject === undefined ? undefined : await options.passwords.secondFactor(passwordSubject)
  const identities = await options.accounts.identitiesOf(account.id)
  const done = ctx.query['done']
  const notices: Readonly<Record<string, string>> = on.words.account.notices
  sendPage(
    ctx,
    accountPage(on, {
      account: { name: account.name, email: account.email },
      ...identitySection(identities, options),
      pds: await pdsSection(account.id, options),
      apps: await connectedApps(account.id, options),
      sessions: (await options.sessions.byAccount(account.id)).map(({ uid, createdAt, expiresAt }) => ({
        uid,
        current: uid === visit.sessionUid,
        since: createdAt,
        expires: expiresAt,
      })),
      secondFactor: factor?.status ?? 'unavailable',
      recoveryCodesLeft: factor?.codesLeft,
      notice: typeof done === 'string' && Object.hasOwn(notices, done) ? notices[done] : undefined,
      routes,
    }),
  )
}

/** How the link to the person's PDS stands; undefined where there never was one. */
async function pdsSection(accountId: string, { pds, grants, clients, issuer }: AccountOptions) {
  const account = await pds.account(accountId)
  const link = account === undefined ? undefined : await pds.linkState(account.did)
  if (account === undefined || link === undefined) return undefined
  const reaching = (await grants.atResource(accountId, issuer)).filter(({ scopes }) => reduced(scopes).length > 0)
  const ids = [...new Set(reaching.map(({ clientId }) => clientId))]
  const apps = await Promise.all(
    ids.map(async (id) => clientCard((await clients.find(id))?.metadata ?? {}, id).name ?? id),
  )
  return { handle: account.handle, did: account.did, since: link.since, ended: link.ended, apps }
}

async function endPds({ visit, options, done }: Desk): Promise<void> {
  const account = await options.pds.account(visit.account.id)
  if (account !== undefined) await options.pds.end(account.did, 'person')
  done('pds-ended')
}

async function revokeApp({ ctx, visit, options, record, done }: Desk): Promise<void> {
  const clientId = (await readForm(ctx)).get('client_id')
  const accountId = visit.account.id
  const known = (await agreements(accountId, options)).find((agreement) => agreement.clientId === clientId)
  if (known === undefined) throw new PageRefusal('not-found', 'no-such-grant')
  await options.grants.revoke({ accountId, clientId: known.clientId })
  options.pds.accessEnded()
  await record('grant.revoked')
  done('app-removed')
}

async function revokeSession({ ctx, visit, options, record, done }: Desk): Promise<void> {
  const uid = (await readForm(ctx)).get('uid')
  const own = (await options.sessions.byAccount(visit.account.id)).find((session) => session.uid === uid)
  if (own === undefined) throw new PageRefusal('not-found', 'no-such-session')
  await options.sessions.revoke(own.uid)
  await record('session.ended')
  done('session-ended')
}

function seeOther(ctx: Context, target: string): void {
  ctx.redirect(target)
  ctx.status = 303
}
