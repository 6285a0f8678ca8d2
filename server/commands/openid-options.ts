/** The options about OpenID Connect itself, and what they say in the names of RFC 7591. */
import { signingAlgorithms } from '../oidc/openid-metadata.ts'
import type { Input, Option } from './command.ts'

const algorithms = signingAlgorithms.join(', ')

export const openidOptions = {
  'id-token-alg': {
    type: 'string',
    value: 'algorithm',
    summary: `how ID tokens are signed: ${algorithms} (default ${signingAlgorithms[0]})`,
  },
  'userinfo-alg': {
    type: 'string',
    value: 'algorithm',
    summary: `how answers of /userinfo are signed: ${algorithms} (default: they are plain JSON)`,
  },
} as const satisfies Record<string, Option>

/** The metadata that these options name. */
export function openidGiven(input: Input): Record<string, unknown> {
  return {
    id_token_signed_response_alg: input.text('id-token-alg'),
    userinfo_signed_response_alg: input.text('userinfo-alg'),
  }
}
