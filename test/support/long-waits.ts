/**
 * Lets waits of more than 24.8 days wait: Node takes them for a millisecond.
 *
 * An embedded database whose test moved the clock has timers that are years away once time is the real one again; fired at
 * once, it sets them again, a thousand times a second, for as long as it is lent to others.
 */

/** Milliseconds; the longest wait that Node knows. */
const longest = 2 ** 31 - 1

/** From now on, in this process; a second time nothing happens. */
export function letLongWaitsWait(): void {
  const start = globalThis.setTimeout
  if (start.name === 'patient') return
  const patient = (work: () => void, milliseconds?: number, ...given: []) =>
    start(work, Math.min(milliseconds ?? 0, longest), ...given)
  globalThis.setTimeout = Object.defineProperties(patient, {
    ...Object.getOwnPropertyDescriptors(start),
    name: { value: 'patient' },
  }) as typeof setTimeout
}
