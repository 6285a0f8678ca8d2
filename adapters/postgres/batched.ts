/**
 * Puts writes that come at the same time into one statement.
 *
 * A write that finds a lane free goes out at once; what comes while all are busy goes out together. Each caller waits for
 * the statement that holds its items, and shares its failure. Only for items that have nothing to do with each other.
 */

export interface BatchOptions {
  /** Statements that run at the same time. */
  lanes: number
  /** Most items of one statement. */
  size: number
}

/** `write` for one item, called with as many as have gathered. */
export function batched<T>(write: (items: readonly T[]) => Promise<void>, options: BatchOptions) {
  const waiting: { item: T; resolve(): void; reject(error: unknown): void }[] = []
  let busy = 0

  async function lane(): Promise<void> {
    busy += 1
    while (waiting.length > 0) {
      const batch = waiting.splice(0, options.size)
      try {
        await write(batch.map(({ item }) => item))
        for (const { resolve } of batch) resolve()
      } catch (error) {
        for (const { reject } of batch) reject(error)
      }
    }
    busy -= 1
  }

  return (item: T): Promise<void> =>
    new Promise((resolve, reject) => {
      waiting.push({ item, resolve, reject })
      if (busy < options.lanes) void lane()
    })
}
