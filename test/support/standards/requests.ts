/** Rows of the table of standards: requests and tokens that are bound to a client, signed, or sent behind the browser’s back. */
import type { Standard } from './row.ts'

export const requests: readonly Standard[] = []
