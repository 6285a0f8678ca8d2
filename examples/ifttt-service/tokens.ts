/**
 * Whose access token it is: asked of the authorization server at each request (RFC 7662), because only it knows what a
 * person has taken back a moment ago.
 */

export interface TokenOptions {
  issuer: string
  /** The client that `habitat-auth resource add <issuer>/ifttt/v1` printed. */
  clientId: string
  clientSecret: string
}

/** The server did not answer, or not as agreed: nobody's token is wrong because of that. */
export class ServerUnreachable extends Error {
  override name = 'ServerUnreachable'
}

/** Whom a token of IFTTT stands for: their permanent id, or undefined. Throws `ServerUnreachable`. */
export type PersonOf = (token: string) => Promise<string | undefined>

export function personOf({ issuer, clientId, clientSecret }: TokenOptions): PersonOf {
  const credentials = [clientId, clientSecret].map(encodeURIComponent).join(':')
  const authorization = `Basic ${Buffer.from(credentials).toString('base64')}`
  return async (token) => {
    const answer = await reach(`${issuer}/introspect`, {
      method: 'POST',
      headers: { authorization },
      body: new URLSearchParams({ token, token_type_hint: 'access_token' }),
    })
    if (!answer.ok) throw new ServerUnreachable(`introspection was answered ${answer.status}`)
    const { active, aud, scope, sub } = (await answer.json()) as Introspection
    // A token for another API of the server opens nothing here, nor does one with another scope.
    const ours = active && [aud].flat().includes(`${issuer}/ifttt/v1`) && scope?.split(' ').includes('ifttt')
    return ours ? sub : undefined
  }
}

interface Introspection {
  active: boolean
  aud?: string | string[]
  scope?: string
  sub?: string
}

/** Asks the server. Throws `ServerUnreachable` when there is no answer within five seconds. */
export async function reach(url: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, { ...init, redirect: 'error', signal: AbortSignal.timeout(5_000) })
  } catch (error) {
    throw new ServerUnreachable(`${url} did not answer`, { cause: error })
  }
}
