/**
 * Lets tokens of our own resource read the userinfo endpoint.
 *
 * The library takes no token there that has an audience, because the endpoint is none. Ours is part of the resource that
 * such a token is for; tokens of other resources stay refused. The token is told apart where it is looked up, and only
 * on that route.
 */
import { Provider } from 'oidc-provider'

interface Token {
  aud?: string | string[] | undefined
}

/** Tokens with this audience count as having none at the userinfo endpoint of `provider`. */
export function acceptAtUserinfo(provider: Provider, audience: string): void {
  const model = provider.AccessToken as unknown as { find(...input: unknown[]): Promise<Token | undefined> }
  const find = model.find
  model.find = async function (...input) {
    const token = await find.apply(this, input)
    // Each look-up makes an object of its own; what is stored keeps its audience.
    if (token?.aud === audience && Provider.ctx?.oidc.route === 'userinfo') token.aud = undefined
    return token
  }
}
