/**
 * Hashes passwords with argon2id, and keeps that from starving everything else.
 *
 * A hash takes 19 MiB and tens of milliseconds of a thread; few run at a time, some wait, the rest is turned away.
 * Knows no accounts: whether there is one must not change how long the answer takes.
 */
import { createHash } from 'node:crypto'
import { argon2id, hash, needsRehash, verify } from 'argon2'

/** Longest password that is hashed, UTF-16 code units. */
const maximumLength = 1024

/** OWASP Password Storage Cheat Sheet: argon2id with 19 MiB, two passes, one lane. */
const cost = { memoryCost: 19_456, timeCost: 2, parallelism: 1 }

/** Too many hashes are waiting; the password was not compared. */
export class HashingOverloaded extends Error {
  override name = 'HashingOverloaded'
}

export interface PasswordHashing {
  /** The hash to store (PHC string). Throws `HashingOverloaded`, and RangeError beyond 1024 characters. */
  hash(password: string): Promise<string>
  /**
   * Whether the password belongs to the hash. Takes the same time where there is none (undefined); answers false
   * beyond 1024 characters without hashing. Throws `HashingOverloaded`.
   */
  verify(hash: string | undefined, password: string): Promise<boolean>
  /** Whether the hash was made at another cost than today's. */
  needsRehash(hash: string): boolean
  /** Whether `error` says that hashing is overloaded, for those who may know this only by its type. */
  isOverload(error: unknown): boolean
}

/** Builds the hashing; `atOnce` hashes run at a time, `waiting` more may wait. */
export function passwordHashing({ atOnce = 2, waiting = 64 } = {}): PasswordHashing {
  const inTurn = queue(atOnce, waiting)
  return {
    async hash(password) {
      if (password.length > maximumLength) throw new RangeError('the password is too long to be hashed')
      return inTurn(() => hash(password, { ...cost, type: argon2id }))
    },
    async verify(stored, password) {
      if (password.length > maximumLength) return false
      const right = await inTurn(() => verify(stored ?? hashOfNothing, password))
      return right && stored !== undefined
    },
    needsRehash: (stored) => !stored.startsWith('$argon2id$') || needsRehash(stored, cost),
    isOverload: (error) => error instanceof HashingOverloaded,
  }
}

/** A hash of today's cost that nobody knows a password for. */
const hashOfNothing = `$argon2id$v=19$m=${cost.memoryCost},t=${cost.timeCost},p=${cost.parallelism}$${phc('salt', 16)}$${phc('hash', 32)}`

function phc(seed: string, length: number): string {
  const bytes = createHash('sha256').update(`habitat-auth ${seed} of nothing`).digest().subarray(0, length)
  return bytes.toString('base64').replaceAll('=', '')
}

function queue(atOnce: number, waiting: number): <T>(work: () => Promise<T>) => Promise<T> {
  const line: (() => void)[] = []
  let running = 0
  return async (work) => {
    if (running >= atOnce) {
      if (line.length >= waiting) throw new HashingOverloaded('too many passwords are waiting to be hashed')
      // Whoever finishes hands its place on, so that `running` stays as it is.
      await new Promise<void>((resolve) => line.push(resolve))
    } else {
      running += 1
    }
    try {
      return await work()
    } finally {
      const next = line.shift()
      if (next === undefined) running -= 1
      else next()
    }
  }
}
