/** Rows of the table of standards: the ways to a token without the browser of the moment. */
import type { Standard } from './row.ts'

export const grants: readonly Standard[] = [
  {
    file: 'rfc8693-token-exchange',
    feature:
      'Token exchange where a policy names client, source and target: delegation with `act`, fewer scopes, another API',
    document: 'RFC 8693',
    sections: '§1.1, §2, §4.1, §4.4',
    shownBy: 'openid-client (`genericGrantRequest`)',
    on: { client: '--grant token-exchange' },
    discovery: { grant_types_supported: ['urn:ietf:params:oauth:grant-type:token-exchange'] },
  },
]
