/** An app that reaches a person's PDS through us: gets its token as apps do, with the person at their pages and at ours. */
import { authorizeUrl, type Pkce, pkce, redeem, type Tokens, tokensOf } from './authorize.ts'
import type { PdsAccount, TestPds } from './pds.ts'
import type { TestClient, TestServer } from './server.ts'
import type { Visit, Visitor } from './visitor.ts'

export interface AppUser {
  readonly server: Pick<TestServer, 'origin'>
  readonly pds: Pick<TestPds, 'url' | 'login'>
  readonly client: TestClient
  readonly account: PdsAccount
  readonly person: Visitor
}

/** What a client is registered with to ask for everything at a PDS. */
export const pdsClient = {
  scope: 'openid profile email atproto offline_access',
  resource_scopes: 'transition:generic',
} as const

/** Says yes at every page of ours and of the PDS, until the browser is back at the app. */
export async function allowed({ pds, client, account, person }: AppUser, scope: string): Promise<[URL, Pkce]> {
  const proof = pkce()
  let visit = await person.get(authorizeUrl(client, proof, { scope, handle: account.handle }))
  for (let pages = 0; pages < 12; pages += 1) {
    if (visit.left && visit.url.href.startsWith(client.redirectUri)) return [visit.url, proof]
    visit = await onward(visit, { pds, account, person })
  }
  throw new Error(`the browser did not come back to the app, but to ${visit.url}\n${visit.text}`)
}

async function onward(
  visit: Visit,
  { pds, account, person }: Pick<AppUser, 'pds' | 'account' | 'person'>,
): Promise<Visit> {
  if (visit.left) {
    if (visit.url.origin !== new URL(pds.url).origin) throw new Error(`the browser was sent to ${visit.url}`)
    const back = await pds.login(visit.url, account)
    return person.get(back.pathname + back.search)
  }
  if (visit.text.includes('value="create"'))
    return person.submit(visit, '/newcomer', { decision: 'create', name: 'Alice' })
  if (visit.text.includes('value="allow"')) return person.submit(visit, '/consent', { decision: 'allow' })
  throw new Error(`nothing to say yes to at ${visit.url}\n${visit.text}`)
}

/** Tokens for the app. */
export async function tokensFor(user: AppUser, scope: string): Promise<Tokens> {
  const [callback, proof] = await allowed(user, scope)
  const { server, client } = user
  return tokensOf(await redeem(server as TestServer, client, callback.searchParams.get('code') ?? callback.href, proof))
}
