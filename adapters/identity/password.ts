/**
 * Signing in with e-mail address and password, then with a code where a second factor is on; and registering.
 *
 * Whether an address is known shows neither in the answer nor in its time; only registration has to say that one is
 * taken, and that counts as a guess. A step is left only by what it asks for: the state says what has been proven so
 * far, never what was sent. Knows no accounts; failures are counted first.
 */
import type { Sealer } from '../crypto/seal.ts'
import type {
  AnswerInput,
  IdentityProvider,
  Json,
  Page,
  PageProblem,
  RefusedReason,
  StartInput,
  Step,
} from './contract.ts'
import { normalizeEmail } from './email-address.ts'
import { type Admission, guessLimits, type LimitStore } from './guess-limits.ts'
import { loadCommonPasswords, passwordProblem } from './password-rules.ts'
import { codeTries, type PasswordState, readState } from './password-state.ts'
import { type SecondFactorStore, secondFactor } from './second-factor.ts'

interface Credential {
  readonly subject: string
  readonly email: string
  readonly hash: string
  readonly changedAt: Date
}

export interface PasswordProviderNeeds {
  passwords: Omit<SecondFactorStore, 'find'> & {
    find(subject: string): Promise<Credential | undefined>
    byEmail(email: string): Promise<Credential | undefined>
    add(email: string, hash: string): Promise<Credential | undefined>
    rehash(subject: string, from: string, to: string): Promise<void>
  }
  limits: LimitStore
  hashing: {
    hash(password: string): Promise<string>
    verify(hash: string | undefined, password: string): Promise<boolean>
    needsRehash(hash: string): boolean
    isOverload(error: unknown): boolean
  }
  sealer: Sealer
  now: () => Date
  registration: 'open' | 'closed'
  /** Issuer in authenticator apps, and no password. */
  productName: string
  audit?: {
    record(event: {
      event: 'sign-in.failed' | 'sign-in.locked' | 'second-factor.recovery-used'
      address: string
      detail: Record<string, Json>
    }): Promise<void>
  }
}

/** Seconds in which an attempt must be finished. */
const lifetime = 600
/** Answers to the sign-in and registration pages of one attempt, together. */
const formTries = 20
/** Seconds to wait when too many passwords are being hashed. */
const overloadDelay = 2

type FormState = Extract<PasswordState, { at: 'sign-in' | 'register' | 'add' }>
type CodeState = Extract<PasswordState, { at: 'second-factor' }>
type Problem = { problem?: PageProblem; retryAfter?: number }

/** The provider `password`. */
export function password(needs: PasswordProviderNeeds): IdentityProvider {
  const { passwords, hashing, sealer, now, productName, audit } = needs
  const canRegister = needs.registration === 'open'
  const guesses = guessLimits(needs)
  const factor = secondFactor({ passwords, sealer, productName, now })

  return {
    id: 'password',
    label: 'email and password',
    secondFactor: true,
    async start({ hint, purpose, newcomer }: StartInput) {
      const until = Math.floor(now().getTime() / 1000) + lifetime
      const email = normalizeEmail(hint ?? '') ?? ''
      // Whoever has an account adds a password to it; one that exists is somebody's way in already.
      if (purpose === 'link') return addPage({ at: 'add', until, left: formTries }, { email })
      if (newcomer === true && canRegister) return registerPage({ at: 'register', until, left: formTries }, { email })
      return signInPage({ at: 'sign-in', until, left: formTries }, { email })
    },
    async answer({ state, params, address }: AnswerInput) {
      const current = readState(state)
      if (current === undefined || current.left < 1) return refused('invalid')
      if (now().getTime() >= current.until * 1000) return refused('expired')
      const spent = { ...current, left: current.left - 1 }
      switch (spent.at) {
        case 'sign-in':
          return params.get('action') === 'register' ? openRegistration(spent, params) : signIn(spent, params, address)
        case 'register':
          return params.get('action') === 'sign-in'
            ? signInPage(spent, { email: typedEmail(params) })
            : register(spent, params, address)
        case 'add':
          return register(spent, params, address)
        case 'second-factor':
          return params.get('action') === 'sign-in' ? startOver(spent) : checkCode(spent, params, address)
      }
    },
  }

  async function signIn(state: FormState, params: URLSearchParams, address: string): Promise<Step> {
    const email = normalizeEmail(typedEmail(params))
    const secret = params.get('password') ?? ''
    const again = (problem: Problem) => signInPage(state, { email: typedEmail(params), ...problem })
    if (email === undefined) return again({ problem: 'invalid-email' })
    if (secret === '') return again({ problem: 'wrong-credentials' })
    const outcome = await compare(email, secret, address)
    return 'credential' in outcome ? proceed(state, outcome.credential, address) : again(outcome)
  }

  /** Compares under the limits; a right password is the only way to the credential. */
  async function compare(
    email: string,
    secret: string,
    address: string,
  ): Promise<Problem | { credential: Credential }> {
    const admission = await guesses.password(email, address)
    if (!admission.allowed) return locked(admission, address, 'password')
    const credential = await passwords.byEmail(email)
    const right = await hashed(admission, () => hashing.verify(credential?.hash, secret))
    if (right === 'overloaded') return { problem: 'too-many-tries', retryAfter: overloadDelay }
    if (!right || credential === undefined) {
      await recordFailure(address, 'password', credential?.subject)
      return { problem: 'wrong-credentials' }
    }
    await admission.succeed()
    await renewHash(credential, secret)
    return { credential }
  }

  async function openRegistration(state: FormState, params: URLSearchParams): Promise<Step> {
    const email = typedEmail(params)
    return canRegister ? registerPage(state, { email }) : signInPage(state, { email, problem: 'registration-closed' })
  }

  async function register(state: FormState, params: URLSearchParams, address: string): Promise<Step> {
    const displayName = (params.get('name') ?? '').trim().slice(0, 100)
    const secret = params.get('password') ?? ''
    const adds = state.at === 'add'
    const again = (problem: Problem) =>
      adds
        ? addPage(state, { email: typedEmail(params), ...problem })
        : registerPage(state, { email: typedEmail(params), displayName, ...problem })
    if (!canRegister && !adds) return signInPage(state, { email: typedEmail(params), problem: 'registration-closed' })
    const email = normalizeEmail(typedEmail(params))
    if (email === undefined) return again({ problem: 'invalid-email' })
    const commonPasswords = await loadCommonPasswords()
    const problem = passwordProblem(secret, { email, productName, commonPasswords })
    if (problem !== undefined) return again({ problem })
    const added = (await passwords.byEmail(email)) === undefined ? await add(email, secret, address) : undefined
    if (added !== undefined)
      return 'credential' in added ? prove(added.credential, address, { displayName }) : again(added)
    // Whoever knows the password of the address has come to the wrong page, nothing else.
    const outcome = await compare(email, secret, address)
    if ('credential' in outcome) return proceed(state, outcome.credential, address)
    return again(outcome.problem === 'wrong-credentials' ? { problem: 'email-unavailable' } : outcome)
  }

  /** A new credential; undefined when somebody was faster. */
  async function add(email: string, secret: string, address: string) {
    const admission = await guesses.password(email, address)
    if (!admission.allowed) return locked(admission, address, 'register')
    const hash = await hashed(admission, () => hashing.hash(secret))
    if (hash === 'overloaded') return { problem: 'too-many-tries', retryAfter: overloadDelay } as const
    const credential = await passwords.add(email, hash)
    return credential && { credential }
  }

  /** The password was right: done, or on to the second factor. */
  async function proceed(state: FormState, credential: Credential, address: string): Promise<Step> {
    const { status } = await factor.status(credential.subject)
    if (status === 'none') return prove(credential, address)
    return codePage({
      at: 'second-factor',
      until: state.until,
      left: codeTries,
      formsLeft: state.left,
      subject: credential.subject,
      changedAt: credential.changedAt.getTime(),
    })
  }

  async function checkCode(state: CodeState, params: URLSearchParams, address: string): Promise<Step> {
    const code = (params.get('code') ?? '').trim()
    if (code === '' || code.length > 100) return codePage(state, { problem: 'wrong-code' })
    const admission = await guesses.code(state.subject, address)
    if (!admission.allowed) return codePage(state, await locked(admission, address, 'code', state.subject))
    const credential = await passwords.find(state.subject)
    // Changed since it was proven: what was proven no longer counts.
    if (credential?.changedAt.getTime() !== state.changedAt) return refused('expired')
    const kind = await factor.check(state.subject, code)
    if (kind === undefined) {
      await recordFailure(address, 'code', state.subject)
      return codePage(state, { problem: 'wrong-code' })
    }
    await admission.succeed()
    if (kind === 'recovery') {
      const detail = { provider: 'password', subject: state.subject }
      await audit?.record({ event: 'second-factor.recovery-used', address, detail })
    }
    return prove(credential, address, { secondFactor: true })
  }

  function startOver(state: CodeState): Step {
    return signInPage({ at: 'sign-in', until: state.until, left: state.formsLeft }, {})
  }

  async function prove(
    { subject, email }: Credential,
    address: string,
    how: { secondFactor?: true; displayName?: string } = {},
  ): Promise<Step> {
    await guesses.trust(email, address)
    return {
      kind: 'proven',
      identity: {
        provider: 'password',
        subject,
        ...(how.displayName ? { name: how.displayName } : {}),
        email: { address: email, verified: false },
      },
      amr: how.secondFactor ? ['pwd', 'otp', 'mfa'] : ['pwd'],
      ...(how.displayName === undefined ? {} : { registered: true as const }),
    }
  }

  function signInPage(state: FormState, page: { email?: string } & Problem): Step {
    return show({ ...state, at: 'sign-in' }, { name: 'password-sign-in', canRegister, ...page })
  }

  function registerPage(state: FormState, page: { email?: string; displayName?: string } & Problem): Step {
    return show({ ...state, at: 'register' }, { name: 'password-register', ...page })
  }

  function addPage(state: FormState, page: { email?: string } & Problem): Step {
    return show({ ...state, at: 'add' }, { name: 'password-add', ...page })
  }

  function codePage(state: CodeState, problem: Problem = {}): Step {
    return show(state, { name: 'second-factor', ...problem })
  }

  /** Runs a hash; when too many are waiting nothing was compared, so nothing counts. */
  async function hashed<T>(admission: Admission, work: () => Promise<T>): Promise<T | 'overloaded'> {
    try {
      return await work()
    } catch (error) {
      if (!hashing.isOverload(error)) throw error
      if (admission.allowed) await admission.withdraw()
      return 'overloaded'
    }
  }

  /** Costs have changed since the hash was made: keeps one of today's, unless hashing is busy. */
  async function renewHash({ subject, hash }: Credential, secret: string): Promise<void> {
    if (!hashing.needsRehash(hash)) return
    try {
      await passwords.rehash(subject, hash, await hashing.hash(secret))
    } catch (error) {
      if (!hashing.isOverload(error)) throw error
    }
  }

  async function locked(
    admission: Extract<Admission, { allowed: false }>,
    address: string,
    what: string,
    subject?: string,
  ): Promise<Problem & { problem: PageProblem }> {
    if (admission.first) {
      await audit?.record({ event: 'sign-in.locked', address, detail: { what, ...(subject ? { subject } : {}) } })
    }
    return { problem: 'too-many-tries', retryAfter: admission.retryAfter }
  }

  async function recordFailure(address: string, what: string, subject: string | undefined): Promise<void> {
    await audit?.record({ event: 'sign-in.failed', address, detail: { what, ...(subject ? { subject } : {}) } })
  }
}

/** Asks again while answers are left. */
function show(state: PasswordState, page: Page): Step {
  return state.left < 1 ? refused('invalid') : { kind: 'show', page, state: { ...state }, tries: state.left }
}

function refused(reason: RefusedReason): Step {
  return { kind: 'refused', reason }
}

/** What was typed as an e-mail address, to show again; cut where no address can go on. */
function typedEmail(params: URLSearchParams): string {
  return (params.get('email') ?? '').slice(0, 320)
}
