/**
 * Work that nobody waits for while the server runs, and that is waited for when it stops: the database closes after it.
 */

export interface Background {
  /** Begins; a failure is told to `onError`. */
  run(work: () => Promise<unknown>): void
  /** Answers once everything that has begun is done. */
  settled(): Promise<void>
}

export function background(onError: (error: unknown) => void): Background {
  const running = new Set<Promise<void>>()
  return {
    run(work) {
      const done = work()
        .then(() => undefined, onError)
        .finally(() => running.delete(done))
      running.add(done)
    },
    async settled() {
      while (running.size > 0) await Promise.all(running)
    },
  }
}
