/**
 * Codes and tokens for IFTTT that no request to the library asked for: they are made by its models, as its own endpoints
 * make them, so that whatever reads, spends or ends them elsewhere knows no difference.
 *
 * Who may have one, and for whom, is the caller's to judge.
 */
import type { Provider } from 'oidc-provider'
import { iftttScope } from './ifttt-resource.ts'

/** Seconds; the token of a test, and the grant behind it. */
const testTtl = 60 * 60

export interface IftttParties {
  readonly accountId: string
  /** A client of profile `ifttt`. */
  readonly clientId: string
}

export interface IftttMinting {
  /** An authorization code with a grant of its own, bound to client and redirect URI; it has no PKCE and no browser session. */
  code(parties: IftttParties & { readonly redirectUri: string }): Promise<string>
  /** An access token that ends within an hour, with its grant, and cannot be renewed. */
  testToken(parties: IftttParties): Promise<string>
}

/** `resource` is the identifier that the tokens are for. Its methods throw when the database does not answer. */
export function iftttMinting(provider: () => Provider, resource: string): IftttMinting {
  async function grant(parties: IftttParties, lifetime: { expiresIn?: number } = {}): Promise<string> {
    const { Grant } = provider()
    const made = new Grant({ ...parties, ...lifetime } as never)
    made.addResourceScope(resource, iftttScope)
    return made.save()
  }
  return {
    async code({ accountId, clientId, redirectUri }) {
      const { AuthorizationCode } = provider()
      const grantId = await grant({ accountId, clientId })
      return new AuthorizationCode({
        accountId,
        clientId,
        grantId,
        redirectUri,
        resource,
        scope: iftttScope,
      } as never).save()
    },
    async testToken({ accountId, clientId }) {
      const { AccessToken } = provider()
      const grantId = await grant({ accountId, clientId }, { expiresIn: testTtl })
      return new AccessToken({
        accountId,
        clientId,
        grantId,
        aud: resource,
        scope: iftttScope,
        expiresIn: testTtl,
        gty: 'authorization_code',
      } as never).save()
    },
  }
}
