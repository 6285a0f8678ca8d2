/** Rows of the table of standards: clients that nobody registered by hand. */
import type { Standard } from './row.ts'

export const unregistered: readonly Standard[] = []
