/** Rows of the table of standards: the ways to a token without the browser of the moment. */
import type { Standard } from './row.ts'

export const grants: readonly Standard[] = []
