/**
 * One name for our own resource: the issuer, with or without the slash that some libraries put after a host.
 *
 * Both are one address (RFC 3986 §6.2.3), but the library compares text. The name is made one where the library takes the
 * parameters of a request, so that codes, grants and tokens know only that.
 */
import type { Provider } from 'oidc-provider'

interface Params {
  resource?: string | string[]
}

/** Makes `provider` read `<identifier>/` as `identifier` in the parameter `resource` (RFC 8707 §2). */
export function takeWithSlash(provider: Provider, identifier: string): void {
  const one = (name: string) => (name === `${identifier}/` ? identifier : name)
  const known = new WeakMap<object, Params | undefined>()
  // The types leave the class out; the library makes one object of it per request.
  const { OIDCContext } = provider as unknown as { OIDCContext: { prototype: object } }
  Object.defineProperty(OIDCContext.prototype, 'params', {
    configurable: true,
    get(this: object) {
      return known.get(this)
    },
    set(this: object, params: Params | undefined) {
      if (typeof params?.resource === 'string') params.resource = one(params.resource)
      else if (Array.isArray(params?.resource)) params.resource = params.resource.map(one)
      known.set(this, params)
    },
  })
}
