/**
 * The second factor of a password: time-based codes (RFC 6238) and recovery codes, from enrolment to removal.
 *
 * A code of either kind is accepted once. Counts no failures: whoever lets people guess limits that.
 */
import { randomBytes } from 'node:crypto'
import { generateURI, verifySync } from 'otplib'
import type { Sealer } from '../crypto/seal.ts'
import { base32, hashRecoveryCode, newRecoveryCodes } from './recovery-codes.ts'

/** Seconds of a time step; one step before and one after are accepted, for clocks that are off. */
const period = 30

/** Seconds for which the same secret is shown again to somebody who is enrolling. */
const proposalLifetime = 900

/** Bytes of a secret (RFC 4226 §4 R6 recommends 160 bits). */
const secretLength = 20

/** Where factors and recovery codes are kept; whatever may be used once is spent there, by one statement. */
export interface SecondFactorStore {
  find(subject: string): Promise<{ readonly email: string } | undefined>
  factor(subject: string): Promise<StoredFactor | undefined>
  proposeFactor(subject: string, sealedSecret: string, since: Date): Promise<StoredFactor>
  confirmFactor(subject: string, sealedSecret: string, step: number, codeHashes: readonly string[]): Promise<boolean>
  removeFactor(subject: string): Promise<boolean>
  spendStep(subject: string, step: number): Promise<boolean>
  renewCodes(subject: string, codeHashes: readonly string[]): Promise<boolean>
  spendCode(subject: string, codeHash: string): Promise<boolean>
  codesLeft(subject: string): Promise<number>
}

interface StoredFactor {
  readonly sealedSecret: string
  readonly confirmedAt: Date | undefined
}

export interface SecondFactor {
  status(subject: string): Promise<{ readonly status: 'none' | 'on'; readonly codesLeft: number }>
  /** Begins to enrol, or shows again what was begun; undefined when a factor is on or there is no such credential. */
  begin(subject: string): Promise<{ readonly secret: string; readonly uri: string } | undefined>
  /** Turns the factor on with a first code; answers the recovery codes, which are shown this once. */
  confirm(subject: string, code: string): Promise<readonly string[] | 'wrong-code'>
  /** Checks and spends a code: six digits are one of the app, anything else a recovery code. */
  check(subject: string, code: string): Promise<'totp' | 'recovery' | undefined>
  /** Turns the factor off; false when there was none. */
  remove(subject: string): Promise<boolean>
  /** New recovery codes in place of the old ones; undefined when no factor is on. */
  renewRecoveryCodes(subject: string): Promise<readonly string[] | undefined>
}

/** Builds the second factor; `productName` is the issuer that authenticator apps show. */
export function secondFactor(options: {
  passwords: SecondFactorStore
  sealer: Sealer
  productName: string
  now: () => Date
}): SecondFactor {
  const { passwords, sealer, productName, now } = options
  const context = (subject: string) => `totp:${subject}`
  /** The time step that the code belongs to, or undefined. */
  const stepOf = (secret: string, code: string): number | undefined => {
    const token = code.replace(/\s/g, '')
    if (!isTotpCode(token)) return undefined
    const epoch = Math.floor(now().getTime() / 1000)
    const result = verifySync({ secret, token, epoch, period, epochTolerance: period })
    return result.valid && 'timeStep' in result ? result.timeStep : undefined
  }
  return {
    async status(subject) {
      const factor = await passwords.factor(subject)
      if (factor?.confirmedAt === undefined) return { status: 'none', codesLeft: 0 }
      return { status: 'on', codesLeft: await passwords.codesLeft(subject) }
    },
    async begin(subject) {
      const credential = await passwords.find(subject)
      if (credential === undefined) return undefined
      const fresh = sealer.seal(base32(randomBytes(secretLength)), context(subject))
      const since = new Date(now().getTime() - proposalLifetime * 1000)
      const factor = await passwords.proposeFactor(subject, fresh, since)
      if (factor.confirmedAt !== undefined) return undefined
      const secret = sealer.open(factor.sealedSecret, context(subject))
      return { secret, uri: generateURI({ issuer: productName, label: credential.email, secret }) }
    },
    async confirm(subject, code) {
      const factor = await passwords.factor(subject)
      if (factor === undefined || factor.confirmedAt !== undefined) return 'wrong-code'
      const step = stepOf(sealer.open(factor.sealedSecret, context(subject)), code)
      if (step === undefined) return 'wrong-code'
      const codes = newRecoveryCodes()
      const on = await passwords.confirmFactor(subject, factor.sealedSecret, step, codes.map(hashRecoveryCode))
      return on ? codes : 'wrong-code'
    },
    async check(subject, code) {
      const factor = await passwords.factor(subject)
      if (factor?.confirmedAt === undefined) return undefined
      if (!isTotpCode(code.replace(/\s/g, ''))) {
        return (await passwords.spendCode(subject, hashRecoveryCode(code))) ? 'recovery' : undefined
      }
      const step = stepOf(sealer.open(factor.sealedSecret, context(subject)), code)
      return step !== undefined && (await passwords.spendStep(subject, step)) ? 'totp' : undefined
    },
    remove: (subject) => passwords.removeFactor(subject),
    async renewRecoveryCodes(subject) {
      const codes = newRecoveryCodes()
      return (await passwords.renewCodes(subject, codes.map(hashRecoveryCode))) ? codes : undefined
    },
  }
}

function isTotpCode(code: string): boolean {
  return /^[0-9]{6}$/.test(code)
}
