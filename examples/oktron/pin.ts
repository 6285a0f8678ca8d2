/**
 * A PIN: what a thief of an unlocked phone lacks. Kept as scrypt makes it, inside the sealed vault.
 *
 * Six digits would not hold against somebody who has the file and the key; what holds is that tries are counted.
 */
import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto'

export interface Pin {
  readonly salt: string
  readonly hash: string
  readonly triesLeft: number
}

/** How often a PIN may be wrong before the connection ends. */
export const mostTries = 5

/** What could be a PIN, and so should not stay in a chat. */
export function looksLikePin(text: string): boolean {
  return /^\s*\d[\d\s]{3,}$/.test(text)
}

/** Whether this may become a PIN: 6 to 12 digits that are not the first thing to try. */
export function isFit(text: string): boolean {
  const [first = 0, ...rest] = [...text].map(Number)
  const steps = new Set(rest.map((digit, index) => digit - (index === 0 ? first : (rest[index - 1] ?? 0))))
  // Neither one digit throughout, nor counted up or down.
  const obvious = steps.size === 1 && [-1, 0, 1].some((step) => steps.has(step))
  return /^[0-9]{6,12}$/.test(text) && !obvious
}

export async function newPin(text: string): Promise<Pin> {
  const salt = randomBytes(16)
  return {
    salt: salt.toString('base64url'),
    hash: (await derive(text, salt)).toString('base64url'),
    triesLeft: mostTries,
  }
}

export async function matches({ salt, hash }: Pin, text: string): Promise<boolean> {
  return timingSafeEqual(await derive(text, Buffer.from(salt, 'base64url')), Buffer.from(hash, 'base64url'))
}

function derive(text: string, salt: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const cost = { N: 2 ** 15, r: 8, p: 1, maxmem: 64 * 2 ** 20 }
    scrypt(text, salt, 32, cost, (error, key) => (error === null ? resolve(key) : reject(error)))
  })
}
