/** The option about hearing of sign-outs, and what it says in the names of RFC 7591. */
import type { Input, Option } from './command.ts'

export const logoutOptions = {
  'backchannel-logout-uri': {
    type: 'string',
    value: 'uri',
    summary: 'where the app is told that somebody signed out (docs/clients.md)',
  },
} as const satisfies Record<string, Option>

/** The metadata that it names. Without an address there is nothing to require. */
export function logoutGiven(input: Input): Record<string, unknown> {
  const uri = input.text('backchannel-logout-uri')
  return {
    backchannel_logout_uri: uri,
    backchannel_logout_session_required: uri === '' ? '' : undefined,
  }
}
