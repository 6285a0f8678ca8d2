/** Lets so much work through at once for each key, so that one that is slow does not take what all others need, too. */

export type Turnstile = <T>(key: string, work: () => Promise<T>) => Promise<T>

/** At most `limit` pieces of work at once by key; the rest wait in the order they came. */
export function turnstile(limit: number): Turnstile {
  const busy = new Map<string, { inside: number; waiting: (() => void)[] }>()
  return async (key, work) => {
    const gate = busy.get(key) ?? { inside: 0, waiting: [] }
    busy.set(key, gate)
    if (gate.inside < limit) gate.inside += 1
    else await new Promise<void>((resolve) => gate.waiting.push(resolve))
    try {
      return await work()
    } finally {
      // The place goes to the next one; without one it is free.
      const next = gate.waiting.shift()
      if (next !== undefined) next()
      else gate.inside -= 1
      if (gate.inside === 0) busy.delete(key)
    }
  }
}
