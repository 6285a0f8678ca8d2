/**
 * A number of two digits to be recognised among others (RFC 10027): it stands where something began, and is chosen where it is
 * confirmed. Whoever sees only one of the two places cannot know it.
 */
import { randomInt } from 'node:crypto'

export interface NumberChoice {
  readonly number: string
  /** That number among others, the same ones each time that they are asked for. */
  readonly choices: readonly string[]
}

const choiceCount = 3

export function numberChoice(): NumberChoice {
  const numbers = new Set<string>()
  while (numbers.size < choiceCount) numbers.add(String(randomInt(10, 100)))
  const choices = [...numbers]
  return { choices, number: choices[randomInt(choiceCount)] as string }
}
