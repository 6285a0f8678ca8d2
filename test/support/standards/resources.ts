/** Rows of the table of standards: what resource servers need. */
import type { Standard } from './row.ts'

export const resources: readonly Standard[] = []
