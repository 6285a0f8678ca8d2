/** Changing the password (ASVS 5 §6.2.3): the current one is asked for, and other browsers are signed out. */
import type { PageProblem } from '../../adapters/identity/contract.ts'
import { passwordChangePage } from '../../views/password-change.ts'
import { readForm } from '../forms.ts'
import { PageRefusal } from '../page-refusal.ts'
import { sendPage } from '../pages.ts'
import { type Desk, routes } from './desk.ts'

export const passwordPages = {
  async show(desk: Desk): Promise<void> {
    subjectOf(desk)
    page(desk)
  },

  async change(desk: Desk): Promise<void> {
    const subject = subjectOf(desk)
    const form = await readForm(desk.ctx)
    const { passwords, sessions, spendTry, clearTries } = desk.options
    const allowed = await spendTry(`password-change:${subject}`)
    if (!allowed.allowed) return page(desk, 'too-many-tries', allowed.retryAfter)
    if (!(await passwords.verify(subject, form.get('current_password') ?? ''))) {
      return page(desk, 'wrong-credentials')
    }
    const problem = await passwords.change(subject, form.get('password') ?? '')
    if (problem !== undefined) return page(desk, problem)
    await clearTries(`password-change:${subject}`)
    await sessions.revokeByAccount(desk.visit.account.id, desk.visit.sessionUid)
    await desk.record('password.changed')
    desk.done('password-changed')
  },
}

function page(desk: Desk, problem?: PageProblem, retryAfter?: number): void {
  const document = passwordChangePage(desk.on, {
    action: routes.password,
    cancel: '/account',
    email: desk.visit.account.email,
    problem,
    retryAfter,
  })
  sendPage(desk.ctx, document, { status: problem === undefined ? 200 : problem === 'too-many-tries' ? 429 : 400 })
}

function subjectOf({ passwordSubject }: Desk): string {
  if (passwordSubject === undefined) throw new PageRefusal('not-found', 'no-password')
  return passwordSubject
}
