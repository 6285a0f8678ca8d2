/** What the password provider remembers between two steps, and how it is read back: anything else is no state. */
import type { Json } from './contract.ts'

/** `until` is the end of the attempt, seconds since 1970; `left` how many answers the step still takes. */
export type PasswordState =
  | { at: 'sign-in' | 'register' | 'add'; until: number; left: number }
  | {
      at: 'second-factor'
      until: number
      left: number
      /** Answers left on the pages before. */
      formsLeft: number
      /** Whose password was right. */
      subject: string
      /** When that password was set, milliseconds since 1970. */
      changedAt: number
    }

/** Codes that one attempt takes. */
export const codeTries = 5

export function readState(state: Json): PasswordState | undefined {
  if (state === null || typeof state !== 'object' || Array.isArray(state)) return undefined
  const { at, until, left, formsLeft, subject, changedAt } = state
  if (typeof until !== 'number' || typeof left !== 'number') return undefined
  if (at === 'sign-in' || at === 'register' || at === 'add') return { at, until, left }
  if (at !== 'second-factor' || typeof formsLeft !== 'number') return undefined
  if (typeof subject !== 'string' || typeof changedAt !== 'number') return undefined
  return { at, until, left, formsLeft, subject, changedAt }
}
