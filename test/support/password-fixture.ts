/** The password provider over a real database, and people who can use it. */
import { generateSync } from 'otplib'
import { passwordHashing } from '../../adapters/crypto/password-hash.ts'
import { sealer } from '../../adapters/crypto/seal.ts'
import type { Page, Purpose, Step } from '../../adapters/identity/contract.ts'
import { password } from '../../adapters/identity/password.ts'
import { passwordSettings } from '../../adapters/identity/password-settings.ts'
import { type Audit, audit } from '../../adapters/postgres/audit.ts'
import { limits } from '../../adapters/postgres/limits.ts'
import { passwords } from '../../adapters/postgres/passwords.ts'
import { clock } from './clock.ts'
import type { TestDatabase } from './database.ts'

export interface Person {
  readonly email: string
  readonly password: string
  readonly subject: string
  /** Base32, where a second factor is on. */
  readonly totpSecret?: string
  readonly recoveryCodes?: readonly string[]
}

const callback = new URL('https://auth.example/interaction/callback/password')
export const homeAddress = '192.0.2.10'

export interface PasswordFixtureOptions {
  readonly registration?: 'open' | 'closed'
  readonly hashing?: { atOnce: number; waiting: number }
}

export type PasswordFixture = ReturnType<typeof passwordFixture>

export function passwordFixture({ store }: TestDatabase, options: PasswordFixtureOptions = {}) {
  const time = clock()
  const ring = sealer(['test secret of thirty-two characters'])
  const rows = passwords(store.db, time.now)
  const hashing = passwordHashing(options.hashing)
  const trail: Audit = audit(store.db, time.now)
  const needs = { passwords: rows, hashing, sealer: ring, productName: 'Habitat', now: time.now }
  const settings = passwordSettings(needs)
  const provider = password({
    ...needs,
    limits: limits(store.db, time.now),
    registration: options.registration ?? 'open',
    audit: trail,
  })

  /** Somebody with a password, and with a second factor if wanted. */
  async function person(email: string, secret: string, secondFactor = false): Promise<Person> {
    const created = await settings.create(email, secret)
    if ('problem' in created) throw new Error(created.problem)
    const own = { ...created, password: secret }
    if (!secondFactor) return own
    const begun = await settings.beginTotp(created.subject)
    if (begun === undefined) throw new Error('a second factor is on')
    const recoveryCodes = await settings.confirmTotp(created.subject, codeOf(begun.secret))
    if (recoveryCodes === 'wrong-code') throw new Error(recoveryCodes)
    time.advance(60)
    return { ...own, totpSecret: begun.secret, recoveryCodes }
  }

  /** The code that an authenticator app shows, so many seconds from now. */
  function codeOf(totpSecret: string, seconds = 0): string {
    return generateSync({ secret: totpSecret, epoch: Math.floor(time.now().getTime() / 1000) + seconds })
  }

  function start(hint?: string, purpose: Purpose = 'sign-in'): Promise<Step> {
    return provider.start({
      purpose,
      callback,
      address: homeAddress,
      ...(hint === undefined ? {} : { hint }),
    })
  }

  /** Answers an open step; throws when the attempt is over. */
  function answer(step: Step, fields: Record<string, string>, address = homeAddress): Promise<Step> {
    if (step.kind !== 'show') throw new Error(`nothing is asked: ${JSON.stringify(step)}`)
    const { state } = step
    return provider.answer({ purpose: 'sign-in', callback, address, state, params: new URLSearchParams(fields) })
  }

  /** One sign-in form, filled in and sent in a new attempt. */
  async function signIn(email: string, secret: string, address = homeAddress): Promise<Step> {
    return answer(await start(), { email, password: secret }, address)
  }

  return { provider, settings, rows, hashing, trail, time, person, codeOf, start, answer, signIn }
}

/** The page that a step shows; throws when it shows none. */
export function pageOf(step: Step): Page {
  if (step.kind !== 'show') throw new Error(`no page: ${JSON.stringify(step)}`)
  return step.page
}

/** What a page says is wrong, or undefined. */
export function problemOf(step: Step): string | undefined {
  return pageOf(step).problem
}
