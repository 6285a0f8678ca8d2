/** Turning the second factor on and off, and new recovery codes (RFC 6238; ASVS 5 §6.5). */
import { renderSVG } from 'uqr'
import type { PageProblem } from '../../adapters/identity/contract.ts'
import { trusted } from '../../views/html.ts'
import { recoveryCodesPage } from '../../views/recovery-codes.ts'
import { secondFactorEnrolPage } from '../../views/second-factor-enrol.ts'
import { readForm } from '../forms.ts'
import { PageRefusal } from '../page-refusal.ts'
import { sendPage } from '../pages.ts'
import { type Desk, routes } from './desk.ts'

export const secondFactorPages = {
  /** Without a code: shows the secret. With one: turns the factor on. */
  async enrol(desk: Desk): Promise<void> {
    const subject = subjectOf(desk)
    const code = (await readForm(desk.ctx)).get('code')
    if (code === null) return page(desk, subject)
    const allowed = await desk.options.spendTry(`second-factor-enrol:${subject}`)
    if (!allowed.allowed) return page(desk, subject, 'too-many-tries', allowed.retryAfter)
    const codes = await desk.options.passwords.confirmTotp(subject, code)
    if (codes === 'wrong-code') return page(desk, subject, 'wrong-code')
    await desk.options.clearTries(`second-factor-enrol:${subject}`)
    await desk.record('second-factor.enrolled')
    showCodes(desk, codes)
  },

  async remove(desk: Desk): Promise<void> {
    await desk.options.passwords.removeTotp(subjectOf(desk))
    await desk.record('second-factor.removed')
    desk.done('second-factor-off')
  },

  async renewCodes(desk: Desk): Promise<void> {
    const codes = await desk.options.passwords.renewRecoveryCodes(subjectOf(desk))
    if (codes === undefined) return desk.done('second-factor-off')
    await desk.record('second-factor.recovery-renewed')
    showCodes(desk, codes)
  },
}

async function page(desk: Desk, subject: string, problem?: PageProblem, retryAfter?: number): Promise<void> {
  const begun = await desk.options.passwords.beginTotp(subject)
  if (begun === undefined) return desk.done('second-factor-on')
  const document = secondFactorEnrolPage(desk.on, {
    action: routes.enrolSecondFactor,
    cancel: '/account',
    qr: trusted(renderSVG(begun.uri, { border: 2 })),
    secret: begun.secret,
    problem,
    retryAfter,
  })
  sendPage(desk.ctx, document, { status: problem === undefined ? 200 : problem === 'too-many-tries' ? 429 : 400 })
}

function showCodes(desk: Desk, codes: readonly string[]): void {
  sendPage(desk.ctx, recoveryCodesPage(desk.on, { codes, done: '/account?done=second-factor-on' }))
}

function subjectOf({ passwordSubject }: Desk): string {
  if (passwordSubject === undefined) throw new PageRefusal('not-found', 'no-password')
  return passwordSubject
}
