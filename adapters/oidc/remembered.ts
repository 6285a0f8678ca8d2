/** Keeps the answer to one question for a while; a failure is told to those who wait for it, and then forgotten. */

export interface Remembered<T> {
  (): Promise<T>
  /** Lets the next one ask again. */
  forget(): void
}

/** `lifetime` in seconds. Those who ask while the answer is on its way share it. */
export function remembered<T>(
  ask: () => Promise<T>,
  { lifetime, now }: { lifetime: number; now: () => Date },
): Remembered<T> {
  let known: { answer: Promise<T>; until: number } | undefined
  const answer = () => {
    const time = now().getTime()
    if (known !== undefined && time < known.until) return known.answer
    const asked = { answer: ask(), until: time + lifetime * 1000 }
    known = asked
    asked.answer.catch(() => {
      if (known === asked) known = undefined
    })
    return asked.answer
  }
  return Object.assign(answer, {
    forget() {
      known = undefined
    },
  })
}
