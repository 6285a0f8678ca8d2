/** Rows of the table of standards: sign-outs, and ends of access. */
import type { Standard } from './row.ts'

export const endings: readonly Standard[] = [
  {
    file: 'refresh-token-expiration',
    feature: 'How long a refresh token may lie, and when all of it ends',
    document: 'Refresh Token and Authorization Expiration (draft 03)',
    address: 'https://datatracker.ietf.org/doc/draft-ietf-oauth-refresh-token-expiration/03/',
    sections: '§4–§8',
    shownBy: 'plain HTTP',
    on: 'always',
    discovery: { refresh_token_expiration_types_supported: ['authorization', 'token_timeout'] },
  },
]
