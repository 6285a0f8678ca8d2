/** What an examination of an installation finds. */
export interface Finding {
  readonly check: string
  readonly level: 'ok' | 'warning' | 'problem'
  readonly message: string
  /** What to do; absent when nothing is to be done. */
  readonly remedy?: string
}
