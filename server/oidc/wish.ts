/** What a request to a grant of our own asks for, as far as its client may have it: scopes about the person, or one API's. */
import { type Client, errors, type Provider, type ResourceServer } from 'oidc-provider'

/** What a request asks for and its client may have. */
export interface Wish {
  readonly scopes: readonly string[]
  readonly resource:
    | { readonly identifier: string; readonly server: ResourceServer; readonly scopes: readonly string[] }
    | undefined
}

/** What the library wants to know of an API, for a client. Throws the library's `InvalidTarget`. */
export type FindResourceServer = (identifier: string, client: Client) => Promise<ResourceServer>

/** Reads `scope` and `resource` of a request. Throws `InvalidScope`, `InvalidTarget`. */
export async function wishOf(
  provider: Provider,
  { resourceServer }: { resourceServer: FindResourceServer },
  client: Client,
  { scope = 'openid', resource: identifier }: Readonly<Record<string, unknown>>,
): Promise<Wish> {
  const asked = String(scope).split(' ')
  // `offline_access` is about access beyond the browser session, of which there is none.
  const own = (client.scope ?? '').split(' ').filter((one) => one !== 'offline_access')
  const scopes = own.filter((one) => asked.includes(one))
  if (identifier === undefined) {
    if (scopes.length === 0) throw new errors.InvalidScope('the client may have none of these scopes', String(scope))
    return { scopes, resource: undefined }
  }
  if (typeof identifier !== 'string') throw new errors.InvalidTarget('name one resource')
  const server = await resourceServer(identifier, client)
  const there = (server.scope ?? '').split(' ').filter((one) => one !== '' && asked.includes(one))
  if (there.length === 0) throw new errors.InvalidScope('name scopes of this resource', String(scope))
  return { scopes, resource: { identifier, server: resourceModel(provider, identifier, server), scopes: there } }
}

/** An API as the library's tokens hold it. */
export function resourceModel(provider: Provider, identifier: string, server: ResourceServer): ResourceServer {
  return new provider.ResourceServer(identifier, server as never) as unknown as ResourceServer
}
