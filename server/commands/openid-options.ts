/** The options about OpenID Connect itself, and what they say in the names of RFC 7591. */
import { levels } from '../oidc/acr.ts'
import { responseModes, signingAlgorithms, subjectTypes } from '../oidc/openid-metadata.ts'
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
  'response-mode': {
    type: 'string',
    multiple: true,
    value: 'mode',
    summary: `how answers may come back to the app: ${responseModes.join(', ')} (default: as it asks)`,
  },
  'subject-type': {
    type: 'string',
    value: 'type',
    summary: `by which id it knows people: ${subjectTypes.join(' or ')}, which is another one at each site (default ${subjectTypes[0]})`,
  },
  'sector-identifier-uri': {
    type: 'string',
    value: 'uri',
    summary: 'with pairwise: address of a JSON list of the redirect URIs of all apps that share their ids',
  },
  'default-acr': {
    type: 'string',
    multiple: true,
    value: 'level',
    summary: `what every sign-in has to reach: ${levels.join(', ')}`,
  },
  'default-max-age': {
    type: 'string',
    value: 'seconds',
    summary: 'after how long people sign in again for this app, 0 for each time',
  },
} as const satisfies Record<string, Option>

/** The metadata that these options name; an empty text takes a member away. */
export function openidGiven(input: Input): Record<string, unknown> {
  return {
    id_token_signed_response_alg: input.text('id-token-alg'),
    userinfo_signed_response_alg: input.text('userinfo-alg'),
    response_modes: emptied(input.list('response-mode')),
    subject_type: input.text('subject-type'),
    sector_identifier_uri: input.text('sector-identifier-uri'),
    default_acr_values: emptied(input.list('default-acr')),
    default_max_age: seconds(input.text('default-max-age')),
  }
}

function emptied(list: readonly string[] | undefined): readonly string[] | string | undefined {
  return list?.length === 1 && list[0] === '' ? '' : list
}

/** A number, or the text as it is, for which the rules of the metadata have words. */
function seconds(text: string | undefined): number | string | undefined {
  return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : text
}
