/** Work that is done again and again while the process lives, never twice at once, and never what keeps it alive. */

/** Repeats `work` every `interval` milliseconds, skipping a turn while it runs; answers what ends it. */
export function repeated(
  interval: number,
  work: () => Promise<unknown>,
  onError: (error: unknown) => void,
): () => void {
  let working = false
  const timer = setInterval(async () => {
    if (working) return
    working = true
    await work().catch(onError)
    working = false
  }, interval)
  timer.unref()
  return () => clearInterval(timer)
}
