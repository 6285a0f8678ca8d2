/**
 * Puts what is asked of the database at the same time into one statement: a round trip costs a node more than the rows.
 *
 * What finds a lane free goes out at once; what comes while all are busy goes out together. Each caller waits for the
 * statement that holds its item, and shares its failure. Only for items that have nothing to do with each other.
 */

export interface BatchOptions {
  /** Statements that run at the same time. */
  lanes: number
  /** Most items of one statement. */
  size: number
}

/** `run` for one item, called with as many as have gathered; answers in the order of the items. */
export function batched<T, R>(run: (items: readonly T[]) => Promise<readonly R[]>, options: BatchOptions) {
  const waiting: { item: T; resolve(result: R): void; reject(error: unknown): void }[] = []
  let busy = 0

  async function lane(): Promise<void> {
    busy += 1
    while (waiting.length > 0) {
      const batch = waiting.splice(0, options.size)
      try {
        const results = await run(batch.map(({ item }) => item))
        for (const [index, { resolve }] of batch.entries()) resolve(results[index] as R)
      } catch (error) {
        for (const { reject } of batch) reject(error)
      }
    }
    busy -= 1
  }

  return (item: T): Promise<R> =>
    new Promise((resolve, reject) => {
      waiting.push({ item, resolve, reject })
      if (busy < options.lanes) void lane()
    })
}
