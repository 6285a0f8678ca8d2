/** Rows of the table of standards: sign-outs, and ends of access. */
import type { Standard } from './row.ts'

export const endings: readonly Standard[] = []
