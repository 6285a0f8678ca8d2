/** Work that nobody waits for: it never throws, and it can be waited for when the process goes. */

export interface Background {
  /** Starts `work`; what it throws is told to `report`. */
  start(work: () => Promise<unknown>): void
  /** Answers once everything that was started is over. */
  settled(): Promise<void>
}

export function background(report: (error: unknown) => void): Background {
  const running = new Set<Promise<void>>()
  return {
    start(work) {
      const run = Promise.resolve()
        .then(work)
        .then(() => undefined, report)
        .finally(() => running.delete(run))
      running.add(run)
    },
    async settled() {
      while (running.size > 0) await Promise.all(running)
    },
  }
}
