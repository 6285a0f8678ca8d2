/** Keeps the answer to one question for a while; a failure is told to those who wait for it, and then forgotten. */

/** `lifetime` in seconds. Those who ask while the answer is on its way share it. */
export function remembered<T>(
  ask: () => Promise<T>,
  { lifetime, now }: { lifetime: number; now: () => Date },
): () => Promise<T> {
  let known: { answer: Promise<T>; until: number } | undefined
  return () => {
    const time = now().getTime()
    if (known !== undefined && time < known.until) return known.answer
    const asked = { answer: ask(), until: time + lifetime * 1000 }
    known = asked
    asked.answer.catch(() => {
      if (known === asked) known = undefined
    })
    return asked.answer
  }
}
