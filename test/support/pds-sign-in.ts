/** A person who signs in to our server by their handle, through their PDS and back. */
import { authorizeUrl, type Pkce, pkce } from './authorize.ts'
import type { PdsAccount, TestPds } from './pds.ts'
import type { TestClient, TestServer } from './server.ts'
import type { Visit, Visitor } from './visitor.ts'

/** Takes the callback of a PDS as the browser does: at the address that it says, or at ours where that is the issuer's. */
export function comeBack(person: Visitor, callback: URL): Promise<Visit> {
  return person.get(callback.pathname + callback.search)
}

/** Signs in by handle, makes an account where there is none, allows what the app asks; ends at the app's redirect URI. */
export async function signInByHandle(
  server: TestServer,
  pds: TestPds,
  person: Visitor,
  client: TestClient,
  account: PdsAccount,
  proof: Pkce = pkce(),
  extra: Record<string, string | undefined> = {},
): Promise<URL> {
  let visit = await person.get(authorizeUrl(client, proof, { ...extra, handle: account.handle }))
  for (let steps = 0; visit.url.origin !== new URL(client.redirectUri).origin; steps += 1) {
    if (steps > 6) throw new Error(`the sign-in goes nowhere: ${visit.status} ${visit.url}\n${visit.text}`)
    if (visit.left) visit = await comeBack(person, await pds.login(visit.url, account))
    else if (visit.text.includes('value="create"'))
      visit = await person.submit(visit, '/newcomer', { decision: 'create' })
    else if (visit.text.includes('value="allow"')) visit = await person.submit(visit, '/consent', { decision: 'allow' })
    else throw new Error(`${server.origin} does not go on: ${visit.status} ${visit.url}\n${visit.text}`)
  }
  return visit.url
}
