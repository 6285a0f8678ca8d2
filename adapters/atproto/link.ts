/**
 * An open link: requests of apps to the PDS of the person who allowed them.
 *
 * The usual request costs the read of a row, a proof and the request itself. A token that is about to expire, or that
 * the PDS refuses, is renewed first; a PDS that refuses the renewed one has ended the link.
 */
import { type AtprotoClient, type Link, LinkEnded, PdsUnreachable } from './contract.ts'
import { expiresWithin, type OpenSession, type OpenSessions } from './open-session.ts'
import { isStream, type PdsRequest, type PdsRequests, refusesToken } from './pds-requests.ts'
import type { EndLink, Renew } from './renewal.ts'

/** Seconds before its end at which a token is renewed. */
const margin = 60

export function links(options: {
  opened: OpenSessions
  requests: PdsRequests
  renew: Renew
  endLink: EndLink
  now: () => Date
}): AtprotoClient['link'] {
  const { opened, requests, renew, endLink, now } = options

  async function send(session: OpenSession, path: string, init: PdsRequest): Promise<Response> {
    const streams = isStream(init.body)
    let current = expiresWithin(session, margin, now()) ? await renew(session) : session
    if (streams) current = await prepared(current, init)
    const response = await requests.send(current, path, init)
    if (!refusesToken(response)) return response
    await response.body?.cancel()
    current = await renew(current)
    // The caller may send it again: by then the token is new.
    if (streams) throw new PdsUnreachable('the PDS refused the token of a stream', { timeout: false })
    return accepted(current, await requests.send(current, path, init))
  }

  /** Finds out before the stream is spent whether the PDS will take it. */
  async function prepared(session: OpenSession, init: PdsRequest): Promise<OpenSession> {
    if (requests.prepared(session)) return session
    const question = { signal: init.signal ?? null }
    const ask = (asking: OpenSession) => requests.send(asking, '/xrpc/com.atproto.server.getSession', question)
    const answer = await ask(session)
    await answer.body?.cancel()
    if (!refusesToken(answer)) return session
    const renewed = await renew(session)
    const second = await accepted(renewed, await ask(renewed))
    await second.body?.cancel()
    return renewed
  }

  async function accepted(session: OpenSession, response: Response): Promise<Response> {
    if (!refusesToken(response)) return response
    await response.body?.cancel()
    await endLink(session, 'refused')
    throw new LinkEnded('the PDS refuses our tokens')
  }

  return async (did): Promise<Link | undefined> => {
    const session = await opened.read(did)
    if (session === undefined) return undefined
    return {
      did,
      scopes: session.tokens.scope.split(' '),
      fetch: (path, init) => send(session, path, init),
    }
  }
}
