/**
 * A short-lived cache in front of a lookup that every request makes.
 *
 * Holds what the database said for a moment, absence included, so that a change is seen by every node within that
 * moment and a flood of one key costs one query. Bounded: keys may come from strangers.
 */

export interface CacheOptions {
  /** Milliseconds an answer counts. */
  lifetime: number
  /** Most keys that are held; the oldest goes first. */
  size: number
  now: () => Date
}

/** `load` with its answers remembered; a failure is not remembered. */
export function cached<T>(load: (key: string) => Promise<T>, options: CacheOptions): (key: string) => Promise<T> {
  const entries = new Map<string, { value: Promise<T>; until: number }>()
  return (key) => {
    const now = options.now().getTime()
    const known = entries.get(key)
    if (known !== undefined && known.until > now) return known.value
    const value = load(key)
    entries.delete(key)
    entries.set(key, { value, until: now + options.lifetime })
    value.catch(() => entries.delete(key))
    if (entries.size > options.size) entries.delete(entries.keys().next().value as string)
    return value
  }
}
