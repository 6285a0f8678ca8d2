/**
 * What a person (or whoever administers) does with a local password outside of signing in: set it up, prove it again,
 * change it, and turn the second factor on and off.
 *
 * Knows no accounts: the subject of a `password` identity says whose it is. Counts no failures.
 */

import type { Sealer } from '../crypto/seal.ts'
import { normalizeEmail } from './email-address.ts'
import { loadCommonPasswords, type PasswordProblem, passwordProblem } from './password-rules.ts'
import { type SecondFactorStore, secondFactor } from './second-factor.ts'

export type CreatedPassword =
  | { readonly subject: string; readonly email: string }
  | { readonly problem: PasswordProblem | 'invalid-email' | 'email-unavailable' }

/** Each method but `create` takes the subject of the credential. Those that hash throw `HashingOverloaded`. */
export interface PasswordSettings {
  /** Creates a credential; `email` comes back normalised. */
  create(email: string, password: string): Promise<CreatedPassword>
  /** The normalised address of the credential. */
  emailOf(subject: string): Promise<string | undefined>
  /** Whether it is the right password. */
  verify(subject: string, password: string): Promise<boolean>
  /** Sets a new password; answers what is wrong with it, or undefined. Throws when there is no such credential. */
  change(subject: string, newPassword: string): Promise<PasswordProblem | undefined>
  /** Removes the credential with its second factor; false when there was none. */
  remove(subject: string): Promise<boolean>
  secondFactor(subject: string): Promise<{ readonly status: 'none' | 'on'; readonly codesLeft: number }>
  /** Secret in base32 and as an `otpauth:` URI, the same for 15 minutes; undefined when a factor is on. */
  beginTotp(subject: string): Promise<{ readonly secret: string; readonly uri: string } | undefined>
  /** Turns the factor on; answers ten recovery codes, shown this once. */
  confirmTotp(subject: string, code: string): Promise<readonly string[] | 'wrong-code'>
  /** Turns the factor off and drops the recovery codes; false when there was none. */
  removeTotp(subject: string): Promise<boolean>
  /** Ten new recovery codes in place of the old; undefined when no factor is on. */
  renewRecoveryCodes(subject: string): Promise<readonly string[] | undefined>
}

/** Where credentials are kept, by normalised address. */
export interface PasswordStore extends SecondFactorStore {
  find(subject: string): Promise<{ readonly email: string; readonly hash: string } | undefined>
  byEmail(email: string): Promise<{ readonly subject: string } | undefined>
  add(email: string, hash: string): Promise<{ readonly subject: string } | undefined>
  change(subject: string, hash: string): Promise<boolean>
  remove(subject: string): Promise<boolean>
}

export interface PasswordSettingsNeeds {
  passwords: PasswordStore
  hashing: {
    hash(password: string): Promise<string>
    verify(hash: string | undefined, password: string): Promise<boolean>
  }
  sealer: Sealer
  productName: string
  now: () => Date
}

export function passwordSettings(needs: PasswordSettingsNeeds): PasswordSettings {
  const { passwords, hashing, productName } = needs
  const factor = secondFactor(needs)
  const problemWith = async (password: string, email: string) =>
    passwordProblem(password, { email, productName, commonPasswords: await loadCommonPasswords() })
  return {
    async create(typed, password) {
      const email = normalizeEmail(typed)
      if (email === undefined) return { problem: 'invalid-email' }
      const problem = await problemWith(password, email)
      if (problem !== undefined) return { problem }
      if ((await passwords.byEmail(email)) !== undefined) return { problem: 'email-unavailable' }
      const added = await passwords.add(email, await hashing.hash(password))
      return added === undefined ? { problem: 'email-unavailable' } : { subject: added.subject, email }
    },
    emailOf: async (subject) => (await passwords.find(subject))?.email,
    verify: async (subject, password) => hashing.verify((await passwords.find(subject))?.hash, password),
    async change(subject, newPassword) {
      const credential = await passwords.find(subject)
      if (credential === undefined) throw new Error('there is no such password credential')
      const problem = await problemWith(newPassword, credential.email)
      if (problem === undefined) await passwords.change(subject, await hashing.hash(newPassword))
      return problem
    },
    remove: (subject) => passwords.remove(subject),
    secondFactor: (subject) => factor.status(subject),
    beginTotp: (subject) => factor.begin(subject),
    confirmTotp: (subject, code) => factor.confirm(subject, code),
    removeTotp: (subject) => factor.remove(subject),
    renewRecoveryCodes: (subject) => factor.renewRecoveryCodes(subject),
  }
}
