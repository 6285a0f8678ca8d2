/** A clock that tests set, so that no promise about time needs waiting. */

export interface Clock {
  readonly now: () => Date
  /** Moves the clock on; negative seconds move it back. */
  advance(seconds: number): void
}

/** A clock that stands at `start`. */
export function clock(start: Date | string = '2026-03-01T12:00:00Z'): Clock {
  let time = new Date(start).getTime()
  return {
    now: () => new Date(time),
    advance: (seconds) => {
      time += seconds * 1000
    },
  }
}
