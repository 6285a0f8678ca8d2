/** Whose access token it is. */
import { accessTokens, scopesOf, type TokenOptions } from '../access-tokens.ts'
import { Refused } from '../refused.ts'

/** Who asks, by their permanent id, if their token has the scope. Throws `Refused`. */
export type PersonOf = (authorization: string | undefined, scope: string) => Promise<string>

export function personOf(options: TokenOptions): PersonOf {
  const read = accessTokens(options)
  return async (authorization, scope) => {
    const [, token] = /^Bearer +(\S+)$/i.exec(authorization ?? '') ?? []
    if (token === undefined) throw new Refused(401, 'This needs an access token.', { scope })
    const claims = await read(token)
    if (claims === 'unreachable') throw new Refused(503, 'Please try again later.')
    if (claims === 'invalid') {
      throw new Refused(401, 'The access token does not open this API.', { error: 'invalid_token' })
    }
    if (scopesOf(claims).includes(scope)) return claims.sub
    throw new Refused(403, `This needs the scope ${scope}.`, { error: 'insufficient_scope', scope })
  }
}
