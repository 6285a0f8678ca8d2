/** E-mail addresses as people type them and as they are looked up. Whether mail arrives is not known here. */

/** Longest address, characters (RFC 5321 §4.5.3.1.3, less the angle brackets). */
const maximumLength = 254

/** Trimmed, NFKC, lower case: the form that is stored and compared; undefined when it cannot be an address. */
export function normalizeEmail(typed: string): string | undefined {
  // Cut off before normalising: NFKC can make one character many.
  if (typed.length > maximumLength * 2) return undefined
  const email = typed.trim().normalize('NFKC').toLowerCase().normalize('NFKC')
  if (email.length > maximumLength) return undefined
  return /^[^@\s\p{C}]+@[^@\s\p{C}]+$/u.test(email) ? email : undefined
}
