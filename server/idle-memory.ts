/**
 * Gives memory back after a peak.
 *
 * V8 collects when it needs room, not when there is time: a node that was busy and then is not would hold two or three
 * times what it needs for good. So once requests have ceased after many, one collection runs while nobody waits.
 * Counts requests; knows nothing of what they were.
 */
import type { RequestListener } from 'node:http'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** Requests in an interval that are no traffic yet: health checks and their like. */
const quiet = 20
/** Requests that leave enough behind to be worth a collection. */
const many = 500

export interface IdleMemory {
  /** `listener`, with its requests counted. */
  counted(listener: RequestListener): RequestListener
  /** To be called every few seconds; collects where it is time. */
  tick(): void
}

/** `collect` runs a full collection. */
export function idleMemory(collect: () => void): IdleMemory {
  let recent = 0
  let uncollected = 0
  return {
    counted: (listener) => (request, response) => {
      recent += 1
      listener(request, response)
    },
    tick() {
      uncollected += recent
      if (recent <= quiet && uncollected >= many) {
        uncollected = 0
        collect()
      }
      recent = 0
    },
  }
}

/** A function that runs a full collection, which takes some tens of milliseconds. */
export function garbageCollection(): () => void {
  // The flag counts for contexts that are made while it is set: no other code gets hold of the function.
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  setFlagsFromString('--no-expose-gc')
  return collect
}
