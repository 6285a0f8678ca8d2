/** Rows of the table of standards: what everybody gets of OAuth 2.1 and OpenID Connect, and of the documents that describe a server. */
import type { Standard } from './row.ts'

export const core: readonly Standard[] = []
