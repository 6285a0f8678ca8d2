/** What is remembered for a while, by key: so many entries at most, the oldest goes first. */

export interface MemoryCache<V> {
  get(key: string): V | undefined
  /** Milliseconds since the value was set; undefined when there is none. */
  age(key: string): number | undefined
  set(key: string, value: V): void
  del(key: string): void
}

/** A cache of `size` entries that each live `lifetime` milliseconds. */
export function memoryCache<V>(options: { size: number; lifetime: number; now: () => Date }): MemoryCache<V> {
  const { size, lifetime, now } = options
  const entries = new Map<string, { value: V; since: number }>()
  const age = (key: string): number | undefined => {
    const entry = entries.get(key)
    const passed = now().getTime() - (entry?.since ?? 0)
    return entry === undefined || passed >= lifetime ? undefined : passed
  }
  return {
    get: (key) => (age(key) === undefined ? undefined : entries.get(key)?.value),
    age,
    set(key, value) {
      entries.delete(key)
      const [oldest] = entries.keys()
      if (entries.size >= size && oldest !== undefined) entries.delete(oldest)
      entries.set(key, { value, since: now().getTime() })
    },
    del: (key) => void entries.delete(key),
  }
}
