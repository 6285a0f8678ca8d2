/**
 * Which passwords are accepted: 8 to 1024 characters, any of them, in any mixture (OWASP ASVS 5 §6.2).
 *
 * Refused are those that are tried first: common ones, and those that are just the product or the person's address.
 */
import type { PageProblem } from './contract.ts'

export type PasswordProblem = Extract<PageProblem, 'password-too-short' | 'password-too-long' | 'password-too-common'>

export interface PasswordContext {
  /** Normalised address of the person. */
  readonly email: string
  readonly productName: string
  /** In lower case. */
  readonly commonPasswords: readonly string[]
}

const minimumLength = 8
const maximumLength = 1024

/** What is wrong with a new password, or undefined. */
export function passwordProblem(password: string, context: PasswordContext): PasswordProblem | undefined {
  if (password.length > maximumLength) return 'password-too-long'
  if ([...password].length < minimumLength) return 'password-too-short'
  const plain = password.toLowerCase()
  const [localPart = ''] = context.email.split('@')
  const guessedFirst = [context.email, localPart, context.productName.toLowerCase()]
  if (guessedFirst.includes(plain) || context.commonPasswords.includes(plain)) return 'password-too-common'
  return undefined
}

/**
 * The 49,000 passwords that are used most, in lower case. Loaded when first asked for: unpacking takes 15 ms and
 * 4 MB, which a node that registers nobody need not spend. Searching them takes 30 µs.
 */
export async function loadCommonPasswords(): Promise<readonly string[]> {
  const { dictionary } = await import('@zxcvbn-ts/language-common')
  return dictionary['passwords-common']
}
